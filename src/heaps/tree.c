/* See tree.h. */
#include "heaps/tree.h"

struct cai_tree cai_tree = {.lock = CAI_LOCK_INIT(CAI_RANK_TREE), .count = 1};
struct cai_node *cai_tree_blocks[CAI_NODE_BLOCKS];
