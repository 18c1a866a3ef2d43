/* All processes that found a page in the table: the program started, its children, and what these started. */
#ifndef CAI_RUN_TREE_H
#define CAI_RUN_TREE_H

#include "run/channel_host.h"

#include <stdio.h>

struct cai_tree {
    const struct cai_channel_host *host; /* where it was read, which must stay; NULL: nowhere */
    uint32_t count;                      /* at least the program itself, where it answered */
    uint32_t missed;                     /* processes for which there was no page left */
    uint64_t violations, findings;       /* in all processes, with a page or without */
    struct cai_channel *process;         /* snapshots, in the order in which they came */
};

/* What stands there now. Without memory for it, count is 0. */
void cai_tree_read(const struct cai_channel_host *host, struct cai_tree *tree);
void cai_tree_free(struct cai_tree *tree);

/* The process that committed most at its peak, the first of equals; NULL: none has left numbers. */
const struct cai_channel *cai_tree_largest(const struct cai_tree *tree);

/* "finished", "running", or "lost": it ended past its exit handlers. */
const char *cai_tree_state(const struct cai_channel *process);

/* A table, where there is more than one process. start_ns: times are since then. */
void cai_tree_text(FILE *to, const struct cai_tree *tree, uint64_t start_ns);

#endif
