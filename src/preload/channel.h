/* The page that `capalloc run` and the library inside the program share: a memfd whose number stands in the environment
 * variable CAPALLOC_CHANNEL. The library proves there that it is in use, and leaves its statistics at exit.
 *
 * `capalloc run` fills magic, version and (in the child, right before exec) pid; a library that finds another pid there
 * is a descendant's and keeps out. Only plain numbers cross: neither side follows a pointer from the other.
 */
#ifndef CAI_PRELOAD_CHANNEL_H
#define CAI_PRELOAD_CHANNEL_H

#include <capalloc/stats.h>
#include <stdint.h>

#define CAI_CHANNEL_MAGIC UINT64_C(0x6c656e6e61686363) /* "cchannel" */
#define CAI_CHANNEL_ENV "CAPALLOC_CHANNEL"
enum { CAI_CHANNEL_VERSION = 5, CAI_CHANNEL_FINDINGS = 16 };

enum cai_channel_state {
    CAI_CHANNEL_EMPTY = 0,    /* nobody answered yet */
    CAI_CHANNEL_LOADED = 1,   /* the library started; `interposed` is valid */
    CAI_CHANNEL_FINISHED = 2, /* the program exited normally; `stats` is valid */
};

/* A finding of the audit (<capalloc/audit.h>) in plain numbers. */
struct cai_channel_finding {
    uint64_t block, block_bytes;
    uint64_t offset;
    uint64_t value;
    uint64_t target, target_bytes;
    uint32_t place, target_place; /* index into ca_stats.place */
};

/* What the audit found: how many, and the first of them. */
struct cai_channel_audit {
    uint64_t found;
    uint32_t kept;
    uint32_t done; /* 1: the audit took place */
    struct cai_channel_finding finding[CAI_CHANNEL_FINDINGS];
};

/* The names of the places, in the order of ca_stats.place. */
static inline const char *cai_channel_place(uint32_t place)
{
    static const char *const names[CA_PLACE_COUNT] = {"ordinary", "nocaps", "mustzero", "secret"};

    return place < CA_PLACE_COUNT ? names[place] : "none";
}

struct cai_channel {
    uint64_t magic;
    uint32_t version;
    int32_t pid;
    uint32_t state;      /* enum cai_channel_state, stored with release */
    uint32_t interposed; /* 1: the malloc that the program calls is this library's */
    char rival[256];     /* when not interposed: the file whose malloc comes first */
    uint32_t active_decay_ms;
    uint32_t helper;      /* 1: the background helper runs */
    uint64_t limit_bytes; /* 0: none */
    uint64_t tokens;      /* 0: not stated */
    uint32_t trust_tokens;
    uint32_t audit; /* 1: one was asked for */
    uint32_t strict;
    uint32_t names;
    uint32_t no_deepbind;
    uint32_t delay_percent; /* 0: freed blocks are handed out again at once */
    uint32_t revoke;        /* 1: and then until nothing points to them */
    uint32_t dlopen_flags;  /* all that the program passed to dlopen, at any time */
    char ignored[64];       /* the first word of CAPALLOC_OPTIONS that the library did not understand; empty: none */
    uint64_t start_ns;      /* CLOCK_MONOTONIC */
    uint64_t end_ns;
    uint64_t stats_ns;    /* CLOCK_MONOTONIC of the numbers in `stats`, stored after them with release; 0: none yet */
    uint64_t stale_bytes; /* with stats: what was freed and then written before it was handed out again */
    uint64_t sweeps_in_doubt,
        kept_bytes; /* likewise: sweeps that released nothing; what the last one found pointed to */
    ca_stats stats; /* valid when FINISHED, or when stats_ns is not 0 (this library fills it at exit only) */
    struct cai_channel_audit findings; /* valid when FINISHED */
};

/* The library's: where it gathers the flags of dlopen; nowhere that matters as long as there is no page. */
uint32_t *cai_channel_dlopen_flags(void);

#endif
