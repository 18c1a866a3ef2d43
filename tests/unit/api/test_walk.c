/* Walking the blocks of a heap, and from an address to a block: each block once, nobody else's, what the walker and
 * other threads do meanwhile, and who may not.
 */
#include "unit/unit.h"

#include "base/atomic.h"
#include "base/compiler.h"
#include "support/emulated.h"
#include "support/refuse.h"
#include "support/rng.h"
#include "support/threads.h"

#include <capalloc/capalloc.h>

#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 400, MIB = 1 << 20 };

static ca_authority heap;

static ca_authority new_heap(void)
{
    ca_authority root;

    require(ca_heap_create(NULL, &root) == CA_OK);
    return root;
}

static int start(void **state)
{
    (void)state;
    heap = new_heap();
    refuse_start();
    return 0;
}

static int finish(void **state)
{
    (void)state;
    ca_set_violation_handler(NULL);
    return ca_heap_destroy(heap) == CA_OK ? 0 : -1;
}

/* All sizes, from bytes to more than a block of 16 KiB units. */
static size_t size_of(unsigned number)
{
    static const size_t sizes[] = {1,    8,    15,   16,   17,    48,    100,    1000,
                                   1024, 1025, 4095, 4096, 32768, 32769, 100000, 700000};

    return sizes[number % (sizeof sizes / sizeof *sizes)];
}

static ca_cap take(ca_authority from, unsigned number)
{
    ca_layout layout = {size_of(number), 1};

    switch (number / 16 % 4) {
    case 0:
        return ca_cap_unwrap(ca_cap_allocate(from, layout));
    case 1:
        return ca_cap_unwrap(ca_cap_allocate_nocaps(from, layout));
    case 2:
        return ca_cap_unwrap(ca_cap_allocate_mustzero(from, layout));
    default:
        return ca_cap_unwrap(ca_cap_allocate_secret(from, layout));
    }
}

/* How often each of these is told, and how many others are. */
struct told {
    const ca_cap *blocks;
    unsigned count, others;
    unsigned times[BLOCKS];
};

static void note(struct told *told, ca_cap cap)
{
    for (unsigned i = 0; i < told->count; i++)
        if (ca_cap_is_equal_exact(told->blocks[i], cap)) {
            told->times[i]++;
            return;
        }
    told->others++;
}

static struct told walk(ca_authority authority, const ca_cap *blocks, unsigned count)
{
    struct told told = {.blocks = blocks, .count = count};
    ca_walk at = CA_WALK_INIT;
    ca_cap cap;
    size_t before = 0;

    while (ca_cap_walk_next(authority, &at, &cap) == CA_OK && ca_cap_is_valid(cap)) {
        require(ca_cap_base_get(cap) > before); /* in order of address */
        before = ca_cap_base_get(cap);
        note(&told, cap);
    }
    require(ca_cap_walk_next(authority, &at, &cap) == CA_OK && ca_cap_is_invalid(cap)); /* the end is the end */
    return told;
}

static bool all_once(const struct told *told)
{
    for (unsigned i = 0; i < told->count; i++)
        if (told->times[i] != 1)
            return false;
    return told->others == 0;
}

static void test_K15_every_block_once(void **state)
{
    ca_cap blocks[BLOCKS];
    ca_authority other = new_heap();

    (void)state;
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = take(heap, i);
        take(other, i); /* beside them, another's */
    }
    struct told told = walk(heap, blocks, BLOCKS);
    assert_true(all_once(&told));
    for (unsigned i = 0; i < BLOCKS; i += 2)
        assert_int_equal(ca_cap_deallocate(blocks[i]), CA_OK);
    told = walk(heap, blocks, BLOCKS);
    for (unsigned i = 0; i < BLOCKS; i++)
        assert_int_equal(told.times[i], i % 2);
    assert_int_equal(told.others, 0);
    assert_int_equal(ca_heap_destroy(other), CA_OK);
    assert_int_equal(ca_free_all(heap), CA_OK);
    told = walk(heap, blocks, BLOCKS);
    assert_int_equal(told.others, 0);
}

/* In integers the same is told, of what no capability can be exactly as well. */
static void test_C11_in_integers(void **state)
{
    static const size_t sizes[] = {1, 40, 5001, 50001, 3 * MIB + 1};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    const void *blocks[SIZES];
    unsigned found = 0;
    ca_walk at = CA_WALK_INIT;
    ca_block_info info = CA_BLOCK_INFO_INIT, described = CA_BLOCK_INFO_INIT;
    ca_cap cap;

    (void)state;
    for (unsigned i = 0; i < SIZES; i++)
        blocks[i] = ca_unwrap(ca_allocate(heap, (ca_layout){sizes[i], 1})).ptr;
    ca_mustzero wiped = ca_unwrap(ca_allocate_mustzero(heap, (ca_layout){100, 1}));
    void *wiped_at = wiped.ptr;
    ca_wiped gone = ca_wipe(&wiped);
    while (ca_walk_next(heap, &at, &info) == CA_OK && info.state == CA_BLOCK_STATE_LIVE) {
        assert_int_equal(ca_describe(info.block, &described), CA_OK);
        assert_true(described.state == info.state && described.heap == info.heap && described.block == info.block &&
                    described.slot_bytes == info.slot_bytes && described.exact_bytes == info.exact_bytes &&
                    strcmp(described.place, info.place) == 0 && described.struct_size == info.struct_size);
        for (unsigned i = 0; i < SIZES; i++)
            if (info.block == blocks[i] && info.exact_bytes == sizes[i])
                found |= 1u << i;
        if (info.block == wiped_at)
            found |= 1u << SIZES;
    }
    assert_int_equal(found, (1u << (SIZES + 1)) - 1);
    assert_true(info.state == CA_BLOCK_STATE_NONE && info.block == NULL && info.exact_bytes == 0);

    at = (ca_walk)CA_WALK_INIT;
    found = 0;
    while (ca_cap_walk_next(heap, &at, &cap) == CA_OK && ca_cap_is_valid(cap)) {
        assert_int_equal(ca_cap_check(cap), CA_OK);
        found++;
    }
    assert_int_equal(found, 2); /* of 1 and of 40 bytes */
    assert_int_equal(ca_cap_whole(heap, (size_t)blocks[2]).error, CA_ERROR_INVALID);
    assert_int_equal(ca_cap_whole(heap, (size_t)wiped_at).error, CA_ERROR_INVALID);
    assert_int_equal(ca_cap_guess(heap, (size_t)wiped_at).error, CA_ERROR_INVALID);
    ca_deallocate(gone);
    info.struct_size = 8;
    assert_int_equal(ca_walk_next(heap, &at, &info), CA_ERROR_INVALID);
    assert_int_equal(ca_walk_next(heap, NULL, &described), CA_ERROR_INVALID);
    assert_int_equal(ca_walk_next(heap, &at, NULL), CA_ERROR_INVALID);
    assert_int_equal(refused_calls, 0);
    assert_int_equal(ca_free_all(heap), CA_OK);
}

/* Gives back, grows and takes at every step. */
static void test_K15_the_walker_may_do_anything(void **state)
{
    struct rng rng = rng_start(15);
    ca_cap cap;

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        ca_walk at = CA_WALK_INIT;
        unsigned told = 0;
        for (unsigned i = 0; i < BLOCKS; i++)
            take(heap, rng_below(&rng, 64));
        while (ca_cap_walk_next(heap, &at, &cap) == CA_OK && ca_cap_is_valid(cap) && told < 20 * BLOCKS) {
            ca_cap_result grown;
            told++;
            switch (rng_below(&rng, 8)) {
            case 0:
                take(heap, rng_below(&rng, 64));
                break;
            case 1:
                grown = ca_cap_grow(heap, cap, (ca_layout){ca_cap_length_get(cap) * 2, 1});
                assert_true(ca_cap_is_ok(grown));
                break;
            case 2:
                grown = ca_cap_shrink(cap, (ca_layout){ca_cap_length_get(cap) / 2 + 1, 1});
                assert_true(ca_cap_is_ok(grown));
                break;
            default:
                assert_int_equal(ca_cap_deallocate(cap), CA_OK);
                break;
            }
        }
        assert_true(told >= BLOCKS);
        at = (ca_walk)CA_WALK_INIT;
        while (ca_cap_walk_next(heap, &at, &cap) == CA_OK && ca_cap_is_valid(cap))
            assert_int_equal(ca_cap_deallocate(cap), CA_OK);
        assert_int_equal(walk(heap, NULL, 0).others, 0);
        ca_authority_info info = CA_AUTHORITY_INFO_INIT;
        assert_int_equal(ca_authority_describe(heap, &info), CA_OK);
    }
    assert_int_equal(refused_calls, 0);
}

/* --- from an address --- */

static void test_K15_from_any_address_inside(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 64; i++) {
        ca_cap cap = take(heap, i);
        size_t base = ca_cap_base_get(cap), length = ca_cap_length_get(cap), step = length / 97 + 1;
        for (size_t offset = 0; offset < length; offset += step) {
            ca_cap_result whole = ca_cap_whole(heap, base + offset);
            assert_true(ca_cap_is_ok(whole) && ca_cap_is_equal_exact(whole.cap, cap));
        }
        assert_true(ca_cap_is_equal_exact(ca_cap_unwrap(ca_cap_guess(heap, base + length - 1)), cap));
        assert_false(ca_cap_is_equal_exact(ca_cap_whole(heap, base + length).cap, cap));
        assert_false(ca_cap_is_equal_exact(ca_cap_whole(heap, base - 1).cap, cap));
        /* A narrow one finds the whole, which goes back. */
        ca_cap narrow = ca_cap_perms_and(ca_cap_bounds_set(ca_cap_increment(cap, (ptrdiff_t)length / 2), 1), 0);
        ca_cap whole = ca_cap_unwrap(ca_cap_whole(heap, ca_cap_address_get(narrow)));
        assert_int_equal(ca_cap_deallocate(whole), CA_OK);
        assert_int_equal(ca_cap_whole(heap, base).error, CA_ERROR_INVALID);
        assert_int_equal(ca_cap_guess(heap, base + length / 2).error, CA_ERROR_INVALID);
    }
    assert_int_equal(refused_calls, 0);
}

/* Anything at all, silently; what is found is a block. */
static void test_K15_guesses(void **state)
{
    struct rng rng = rng_start(16);
    ca_cap blocks[32];
    ca_authority other = new_heap();
    void *malloced = malloc(100);
    unsigned hits = 0;

    (void)state;
    for (unsigned i = 0; i < 32; i++) {
        blocks[i] = take(heap, i);
        take(other, i);
    }
    ca_cap foreign = take(other, 5);
    for (unsigned i = 0; i < 100000; i++) {
        ca_cap near = blocks[rng_below(&rng, 32)];
        size_t address = rng_next(&rng) >> rng_below(&rng, 64);
        if (i % 2 == 0)
            address = ca_cap_base_get(near) + (rng_next(&rng) >> (40 + rng_below(&rng, 24))) - 1000;
        ca_cap_result got = ca_cap_guess(heap, address);
        hits += ca_cap_is_ok(got);
        if (ca_cap_is_ok(got))
            assert_true(ca_cap_check(got.cap) == CA_OK &&
                        address - ca_cap_base_get(got.cap) < ca_cap_length_get(got.cap));
        else
            assert_true(got.error == CA_ERROR_INVALID && ca_cap_is_equal_exact(got.cap, ca_cap_null()));
    }
    assert_true(hits > 1000);
    assert_int_equal(ca_cap_guess(heap, (size_t)malloced).error, CA_ERROR_INVALID);
    assert_int_equal(ca_cap_guess(heap, ca_cap_base_get(foreign)).error, CA_ERROR_INVALID);
    assert_int_equal(ca_cap_guess(heap, (size_t)&rng).error, CA_ERROR_INVALID);
    assert_int_equal(ca_cap_guess(heap, 0).error, CA_ERROR_INVALID);
    assert_int_equal(refused_calls, 0);
    free(malloced);
    assert_int_equal(ca_heap_destroy(other), CA_OK);
    assert_int_equal(ca_free_all(heap), CA_OK);
}

/* Numbers that no walk left there: it ends, and tells blocks only. */
static void test_C11_any_position(void **state)
{
    struct rng rng = rng_start(17);
    ca_cap blocks[64], cap;

    (void)state;
    for (unsigned i = 0; i < 64; i++)
        blocks[i] = take(heap, i);
    for (unsigned i = 0; i < FEWER(3000, 500); i++) {
        ca_walk at = {
            {rng_below(&rng, 12) == 0 ? rng_next(&rng) : rng_below(&rng, 9), rng_next(&rng) >> rng_below(&rng, 64)}};
        struct told told = {.blocks = blocks, .count = 64};
        while (ca_cap_walk_next(heap, &at, &cap) == CA_OK && ca_cap_is_valid(cap))
            note(&told, cap);
        for (unsigned j = 0; j < 64; j++)
            assert_true(told.times[j] <= 1);
        assert_int_equal(told.others, 0);
    }
    assert_int_equal(ca_free_all(heap), CA_OK);
}

/* --- who may --- */

static void is_denied(ca_authority authority, size_t address)
{
    ca_walk at = {{2, 12345}};
    ca_block_info info = CA_BLOCK_INFO_INIT;
    ca_cap cap = ca_cap_from_raw(1, 2);

    info.heap = 77;
    assert_int_equal(ca_walk_next(authority, &at, &info), CA_ERROR_NOT_PERMITTED);
    assert_true(was_refused("denied") && info.heap == 77 && info.place == NULL);
    assert_int_equal(ca_cap_walk_next(authority, &at, &cap), CA_ERROR_NOT_PERMITTED);
    assert_true(was_refused("denied") && ca_cap_is_equal_exact(cap, ca_cap_from_raw(1, 2)));
    assert_true(at.opaque[0] == 2 && at.opaque[1] == 12345);
    ca_cap_result got = ca_cap_whole(authority, address);
    assert_true(got.error == CA_ERROR_NOT_PERMITTED && ca_cap_is_equal_exact(got.cap, ca_cap_null()));
    assert_true(was_refused("denied"));
    assert_int_equal(ca_cap_guess(authority, address).error, CA_ERROR_NOT_PERMITTED);
    assert_true(was_refused("denied"));
}

static void test_K15_C7_who_may_not(void **state)
{
    ca_cap cap = take(heap, 6), own;
    size_t address = ca_cap_address_get(cap);
    ca_authority all, walker, below, other = new_heap();

    (void)state;
    is_denied(ca_default_authority(), address);
    is_denied((ca_authority){{0, 0}}, address);
    is_denied((ca_authority){{heap.opaque[0] ^ 1, heap.opaque[1]}}, address);
    assert_int_equal(ca_authority_derive(heap, CA_RIGHT_ALL | CA_RIGHT_CLAIM_ZERO, SIZE_MAX, &all), CA_OK);
    is_denied(all, address);
    assert_int_equal(ca_authority_derive(all, CA_RIGHT_WALK, SIZE_MAX, &below), CA_ERROR_NOT_PERMITTED);
    assert_int_equal(ca_authority_derive(heap, CA_RIGHT_WALK | CA_RIGHT_ALLOCATE | CA_RIGHT_DERIVE, SIZE_MAX, &walker),
                     CA_OK);

    /* Another heap's authority, and a lesser one: theirs only. */
    assert_int_equal(ca_cap_whole(other, address).error, CA_ERROR_NOT_PERMITTED);
    assert_true(was_refused("denied"));
    assert_int_equal(ca_cap_guess(other, address).error, CA_ERROR_INVALID);
    assert_int_equal(ca_cap_whole(walker, address).error, CA_ERROR_NOT_PERMITTED);
    assert_true(was_refused("denied"));
    assert_int_equal(walk(walker, NULL, 0).others, 0);
    own = take(walker, 7);
    assert_int_equal(ca_authority_derive(walker, CA_RIGHT_ALLOCATE, SIZE_MAX, &below), CA_OK);
    ca_cap lower = take(below, 8);
    struct told told = walk(walker, (ca_cap[]){own, lower}, 2);
    assert_true(all_once(&told));
    told = walk(heap, (ca_cap[]){cap, own, lower}, 3);
    assert_true(all_once(&told));
    assert_true(ca_cap_is_ok(ca_cap_whole(walker, ca_cap_address_get(lower))));

    /* Revoked: what it had is its parent's. */
    assert_int_equal(ca_authority_revoke(walker), CA_OK);
    is_denied(walker, ca_cap_address_get(own));
    told = walk(heap, (ca_cap[]){cap, own, lower}, 3);
    assert_true(all_once(&told));
    assert_int_equal(ca_heap_destroy(other), CA_OK);
    is_denied(other, address);
    assert_int_equal(ca_cap_check(cap), CA_OK);
    assert_int_equal(ca_free_all(heap), CA_OK);
}

/* --- other threads --- */

static uint32_t stop; /* atomic */

/* Takes, gives back, and resizes blocks of its own. */
static void *churn(void *seed)
{
    struct rng rng = rng_start((uint64_t)(size_t)seed);
    ca_cap mine[32];

    for (unsigned i = 0; i < 32; i++)
        mine[i] = take(heap, rng_below(&rng, 64));
    while (cai_load_relaxed(&stop) == 0) {
        ca_cap *one = &mine[rng_below(&rng, 32)];
        if (rng_below(&rng, 3) == 0 && ca_cap_length_get(*one) < MIB)
            *one =
                ca_cap_unwrap(ca_cap_grow(heap, *one, (ca_layout){ca_cap_length_get(*one) + rng_below(&rng, 500), 1}));
        else if (rng_below(&rng, 2) == 0)
            *one = ca_cap_unwrap(ca_cap_shrink(*one, (ca_layout){ca_cap_length_get(*one) / 2 + 1, 1}));
        else {
            require(ca_cap_deallocate(*one) == CA_OK);
            *one = take(heap, rng_below(&rng, 64));
        }
    }
    for (unsigned i = 0; i < 32; i++)
        require(ca_cap_deallocate(mine[i]) == CA_OK);
    return NULL;
}

/* Blocks that nobody touches are told once by each walk, and found; the others do nobody any harm. */
static void test_K15_C11_beside_other_threads(void **state)
{
    enum { STILL = 60, WALKS = CAI_TSAN ? 20 : FEWER(150, 20) };
    ca_cap still[STILL];
    pthread_t threads[2];

    (void)state;
    cai_store_relaxed(&stop, 0);
    for (unsigned i = 0; i < STILL; i++)
        still[i] = take(heap, i);
    for (size_t i = 0; i < 2; i++)
        threads[i] = thread_start(churn, (void *)(i + 1));
    for (unsigned i = 0; i < WALKS; i++) {
        struct told told = walk(heap, still, STILL);
        for (unsigned j = 0; j < STILL; j++) {
            assert_int_equal(told.times[j], 1);
            assert_true(ca_cap_is_equal_exact(
                ca_cap_unwrap(ca_cap_whole(heap, ca_cap_base_get(still[j]) + ca_cap_length_get(still[j]) - 1)),
                still[j]));
        }
    }
    cai_store_relaxed(&stop, 1);
    for (size_t i = 0; i < 2; i++)
        thread_join(threads[i]);
    assert_int_equal(refused_calls, 0);
    struct told told = walk(heap, still, STILL);
    assert_true(all_once(&told));
    assert_int_equal(ca_free_all(heap), CA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {alone(test_K15_every_block_once),
                                       alone(test_C11_in_integers),
                                       alone(test_K15_the_walker_may_do_anything),
                                       alone(test_K15_from_any_address_inside),
                                       alone(test_K15_guesses),
                                       alone(test_C11_any_position),
                                       alone(test_K15_C7_who_may_not),
                                       cmocka_unit_test(test_K15_C11_beside_other_threads)};

    return cmocka_run_group_tests(tests, start, finish);
}
