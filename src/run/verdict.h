/* Did the program use capalloc, and if not, why not? */
#ifndef CAI_RUN_VERDICT_H
#define CAI_RUN_VERDICT_H

#include "heaps/channel.h"
#include "run/elf.h"

#include <stdbool.h>
#include <stddef.h>

enum cai_use {
    CAI_USE_NONE,     /* the library never answered */
    CAI_USE_RIVAL,    /* it was loaded, but another malloc comes first */
    CAI_USE_UNENDED,  /* in use; the program ended without passing its exit handlers */
    CAI_USE_FINISHED, /* in use; the statistics are final */
};

enum cai_use cai_use_judge(const struct cai_channel *channel);

/* UNENDED or FINISHED. */
bool cai_is_used(enum cai_use use);

/* One clause that completes "did not use capalloc: ..."; only for NONE and RIVAL. wait_status as from waitpid. */
void cai_use_reason(enum cai_use use, const struct cai_channel *channel, const struct cai_elf_look *look,
                    int wait_status, char *text, size_t size);

/* True when there are numbers. */
bool cai_use_has_stats(const struct cai_channel *channel);

/* A library was loaded with RTLD_DEEPBIND, and nothing took that out. */
bool cai_is_bound_elsewhere(const struct cai_channel *channel);

/* "finished", "unended", "rival", "none". */
const char *cai_use_name(enum cai_use use);

#endif
