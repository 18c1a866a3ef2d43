/* Tags of the processor's (base/mte.h) in the hardened library, where the check `mte` is on.
 *
 * The rule: a granule has the tag of the live block of malloc's doors that it is part of, and no block's tag is 0; all
 * others have tag 0. So what is free, what waits and what stands between blocks is reached by plain addresses, which is
 * what everything in here computes with: a pointer loses its tag at the door (heaps/hardened.h) and gets it when it is
 * handed out (harden/tag.h). Only what is read and written of live blocks takes one of the two below.
 */
#ifndef CAI_CORE_TAGGING_H
#define CAI_CORE_TAGGING_H

#include "base/mte.h"
#include "core/checks.h"
#include "core/mode.h"
#include "core/settings.h"

CAI_INLINE bool cai_tags_are_on(void)
{
    return CAI_TAGS && (cai_settings->checks & CAI_CHECK_mte) != 0;
}

/* From a program's pointer to the address, and back: that has the tag of the memory, which must be mapped. */
CAI_INLINE const void *cai_tags_off(const void *pointer)
{
    return cai_tags_are_on() ? (const void *)cai_mte_untagged((uintptr_t)pointer) : pointer;
}

CAI_INLINE void *cai_tags_pointer(const void *address)
{
    return (void *)(cai_tags_are_on() ? cai_mte_load((uintptr_t)address) : (uintptr_t)address);
}

/* Between the two a live block, or what another thread may make one of, is read and written by its address. They are
 * not nested, and nothing of the program's is called between them. */
CAI_INLINE void cai_tags_pass(void)
{
    if (cai_tags_are_on())
        cai_mte_unchecked();
}

CAI_INLINE void cai_tags_mind(void)
{
    if (cai_tags_are_on())
        cai_mte_checked();
}

#endif
