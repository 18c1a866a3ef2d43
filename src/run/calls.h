/* The calls that led to a violation, as the library left them (core/callers.h), with their functions and lines. */
#ifndef CAI_RUN_CALLS_H
#define CAI_RUN_CALLS_H

#include "core/callers.h"
#include "run/symbols.h"
#include "run/tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cai_call {
    char *module;    /* the file of the code; NULL: none explains the address */
    uint64_t offset; /* of where it goes on, as the file states addresses; without a file, the address itself */
    char *function;  /* NULL: not known */
    char *file;      /* NULL: not known */
    int line;
    bool inlined; /* into the next one */
};

struct cai_calls {
    struct cai_call *call;
    size_t count;
};

/* Appends the functions that go on at `offset` of a module, the innermost first; one at least, unless there is no
 * memory. */
void cai_calls_add(struct cai_calls *calls, struct cai_symbols *symbols, const char *module, uint64_t offset);

/* One part of the text. Lines that do not look as they should, and what there is no memory for, are left out. */
void cai_calls_read(const char *text, enum cai_callers_part part, struct cai_calls *calls);
void cai_calls_free(struct cai_calls *calls);

/* A line for each. */
void cai_calls_print(FILE *to, const struct cai_calls *calls);

/* Says on stderr, for each process that a violation ended, what called. */
void cai_calls_say(const struct cai_tree *tree);

#endif
