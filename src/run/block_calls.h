/* Where the block of a violation was allocated and freed: if it was guarded, or else one that --profile sampled. */
#ifndef CAI_RUN_BLOCK_CALLS_H
#define CAI_RUN_BLOCK_CALLS_H

#include "run/calls.h"
#include "run/tree.h"

/* `part`: allocated or freed. None where nothing is known. To be freed by cai_calls_free. */
void cai_block_calls(const struct cai_tree *tree, const struct cai_channel *process, enum cai_callers_part part,
                     struct cai_calls *calls);

/* Says them on stderr, for each process. */
void cai_block_calls_say(const struct cai_tree *tree);

#endif
