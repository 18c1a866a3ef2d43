/* Blocks by address alone: what is behind the capability form where a capability is a pointer. What a capability would
 * say about the block, the heap's records do. Exported without a name in <capalloc/cap.h> unless CA_CAP_PLAIN is
 * defined.
 */
#define CA_CAP_PLAIN
#include <capalloc/cap.h>

#include "api/nothing.h"
#include "api/own.h"
#include "api/walk.h"

/* A live block, or why the address is none. */
struct block {
    enum cai_place place;
    size_t bytes;
    ca_error error;
    bool nothing; /* a block of size 0 */
};

static struct block find(const void *address)
{
    struct block it = {.place = cai_place_of(address), .error = CA_ERROR_INVALID};

    if (it.place == CAI_PLACE_none)
        return it;
    struct cai_live live = cai_find_live(it.place, address);
    it.nothing = (uintptr_t)address == cai_nothing_in(it.place);
    if (it.nothing)
        it.error = CA_OK;
    else if (live.state != NULL)
        it.bytes = cai_exact_bytes(live);
    if (!it.nothing) /* one byte, where there is no block: to learn why */
        it.error = cai_own_check(it.place, address, it.bytes == 0 ? 1 : it.bytes);
    return it;
}

static ca_error report(struct block it, const void *address, const char *function)
{
    cai_find_report(it.place == CAI_PLACE_none ? CAI_PLACE_ordinary : it.place, address, function);
    return it.error;
}

CAI_EXPORT ca_block_result ca_plain_nothing_(ca_block_result result, ca_layout layout, unsigned place)
{
    if (result.ptr == NULL)
        return result;
    if (!cai_nothing_fits(layout))
        return cai_failure(CA_ERROR_LAYOUT);
    return (ca_block_result){.ptr = (void *)cai_nothing_in((enum cai_place)place), .size_or_error = 0};
}

CAI_EXPORT ca_error ca_plain_check_(const void *address)
{
    return find(address).error;
}

static CAI_NOINLINE ca_error deallocate_slow(void *address)
{
    struct block it = find(address);

    if (it.error != CA_OK)
        return report(it, address, "ca_cap_deallocate");
    if (!it.nothing)
        cai_free_slow(it.place, address, "ca_cap_deallocate");
    return CA_OK;
}

CAI_EXPORT ca_error ca_plain_deallocate_(void *address)
{
    enum cai_put put = CAI_PUT_SLOW;

    if (CAI_FREES_SLOWLY)
        return deallocate_slow(address);
    /* As free, in the place that the address tells. */
    enum cai_place place = cai_place_of(address);
    if (CAI_LIKELY(place != CAI_PLACE_none && !cai_place_zeroes(place))) {
        put = cai_cache_put(cai_self_heap(), place, CAI_FINE, address);
        if (put == CAI_PUT_OUTSIDE)
            put = cai_cache_put(cai_self_heap(), place, CAI_COARSE, address);
    }
    return CAI_LIKELY(put == CAI_PUT_DONE) ? CA_OK : deallocate_slow(address);
}

CAI_EXPORT ca_block_result ca_plain_shrink_(void *address, ca_layout layout)
{
    struct block it = find(address);

    if (it.error != CA_OK)
        return cai_failure(report(it, address, "ca_cap_shrink"));
    ca_block_result result = cai_own_shrink(it.place, address, it.bytes, layout, false, "ca_cap_shrink");
    return layout.size == 0 ? ca_plain_nothing_(result, layout, it.place) : result;
}

CAI_EXPORT ca_block_result ca_plain_grow_(ca_authority authority, void *address, ca_layout layout)
{
    struct block it = find(address);

    if (it.error != CA_OK)
        return cai_failure(report(it, address, "ca_cap_grow"));
    ca_block_result result = cai_own_grow(authority, it.place, address, it.bytes, layout, false, NULL, "ca_cap_grow");
    return layout.size == 0 ? ca_plain_nothing_(result, layout, it.place) : result;
}

/* --- the blocks of a heap --- */

CAI_EXPORT ca_error ca_plain_walk_next_(ca_authority authority, ca_walk *at, void **out)
{
    struct cai_walked found;
    bool ended;
    ca_error error;

    do
        error = cai_walk_on(authority, at, &found, &ended, "ca_cap_walk_next");
    while (error == CA_OK && !ended && found.wiped);
    if (error == CA_OK)
        *out = ended ? NULL : (void *)found.block;
    return error;
}

static ca_block_result whole(ca_authority authority, size_t address, enum cai_asker asker, const char *function)
{
    struct cai_walked found;
    ca_error error = cai_walk_to(authority, address, asker, &found, function);

    if (error != CA_OK || found.wiped)
        return cai_failure(error != CA_OK ? error : CA_ERROR_INVALID);
    return (ca_block_result){.ptr = (void *)found.block, .size_or_error = found.exact};
}

CAI_EXPORT ca_block_result ca_plain_whole_(ca_authority authority, size_t address)
{
    return whole(authority, address, CAI_KNOWS, "ca_cap_whole");
}

CAI_EXPORT ca_block_result ca_plain_guess_(ca_authority authority, size_t address)
{
    return whole(authority, address, CAI_GUESSES, "ca_cap_guess");
}
