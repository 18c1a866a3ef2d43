/* What the files of the heap's own form share: results, the exact size of a block, and the judgement on a block that is
 * handed in. Nothing is done with a block that was not judged authentic: live, in the place of its type, and of exactly
 * the size that is said.
 */
#ifndef CAI_API_OWN_H
#define CAI_API_OWN_H

#include "base/compiler.h"
#include "heap/authority.h"
#include "heap/find.h"

#include <capalloc/heap.h>

/* The four types look alike to the machine. */
typedef ca_block_result cai_result;

CAI_INLINE cai_result cai_success(void *address, size_t bytes)
{
    return (cai_result){.ptr = address, .size_or_error = bytes};
}

CAI_INLINE cai_result cai_failure(ca_error error)
{
    return (cai_result){.ptr = NULL, .size_or_error = (size_t)error};
}

#define CAI_AS(type, value) ((type##_result){.ptr = (value).ptr, .size_or_error = (value).size_or_error})

/* The exact size of a live block, recorded, and read back. */
void cai_own_record(enum cai_place place, struct cai_live live, size_t bytes);
size_t cai_own_recorded(enum cai_place place, struct cai_live live);

/* The room a live block was cut from: what must be zero when it goes back. */
size_t cai_own_slot(enum cai_place place, struct cai_live live);

enum cai_verdict { CAI_AUTHENTIC, CAI_STALE, CAI_NO_BLOCK, CAI_WRONG_TYPE, CAI_WRONG_SIZE };

struct cai_judged {
    enum cai_verdict verdict;
    struct cai_live live;
};

/* On a block of this place and size; `wiped`: one that ca_wipe cleared. */
struct cai_judged cai_judge(enum cai_place place, const void *address, size_t bytes, bool wiped);

/* The error that a verdict stands for. */
ca_error cai_judged_error(enum cai_verdict verdict);

/* Reports a verdict that is not authentic, under the name of the function called; its error. To use a block that was
 * given back is `stale`, to give it back again `double-free`. */
enum cai_claim { CAI_TO_USE, CAI_TO_GIVE_BACK };
ca_error cai_judged_report(enum cai_place place, const void *address, struct cai_judged judged, enum cai_claim claim,
                           const char *function);

/* What allocates for a grow: a block for an authority that was found, not recorded yet (NULL: *error says why), and one
 * from the start. */
void *cai_own_allocate_for(const struct cai_grant *grant, enum cai_place place, ca_layout layout, bool zeroed,
                           ca_error *error);
cai_result cai_own_allocate(ca_authority authority, ca_layout layout, enum cai_place place, bool zeroed);

/* Asked about the address where the content of a growing block would move: false, and the block stays as it is, for
 * want of memory. */
typedef bool (*cai_ready)(const void *address, size_t bytes);

/* ca_shrink under another name. */
cai_result cai_own_shrink(enum cai_place place, void *address, size_t bytes, ca_layout layout, const char *function);

/* ca_grow for callers that keep something beside the block, which must have room where the block goes (`ready`, NULL:
 * none). */
cai_result cai_own_grow(ca_authority authority, enum cai_place place, void *address, size_t bytes, ca_layout layout,
                        cai_ready ready, const char *function);

#endif
