/* Where the block of a violation was allocated and freed, if it was one that --profile sampled. */
#ifndef CAI_RUN_BLOCK_CALLS_H
#define CAI_RUN_BLOCK_CALLS_H

#include "run/calls.h"
#include "run/tree.h"

/* The calls of this site of a process of the tree; none where there is none. To be freed by cai_calls_free. */
void cai_block_calls(const struct cai_tree *tree, const struct cai_channel *process, uint32_t site,
                     struct cai_calls *calls);

/* Says them on stderr, for each process. */
void cai_block_calls_say(const struct cai_tree *tree);

#endif
