/* The tags of small blocks (core/tagging.h). A block has one that its neighbours have not, as far as they lie in the
 * same unit and nobody takes one of them in this instant; it reaches to the end of the granule in which the block ends,
 * so that what is behind, in the slot or in the next, has another.
 */
#ifndef CAI_HARDEN_TAG_H
#define CAI_HARDEN_TAG_H

#include <stddef.h>

/* A slot is handed out for so many bytes, all else being done: the pointer to it. Without a tag where its memory has
 * none. */
void *cai_tag_begin(void *block, size_t bytes, size_t slot);

/* The live block is so long now, in its slot. Its tag stays. */
void cai_tag_fit(void *block, size_t bytes, size_t slot);

/* It is one no more. From its end to its beginning: as long as that has its tag, cai_tag_fit makes it whole again. */
void cai_tag_end(void *block, size_t slot);

#endif
