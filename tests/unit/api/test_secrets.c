/* What must-zero and secret blocks leave behind: zeros, wherever they were, and each byte cleared once. */
#include "unit/unit.h"

#include "blocks/exact.h"
#include "blocks/find.h"
#include "pages/run.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"
#include "support/emulated.h"
#include "support/refuse.h"
#include "support/rng.h"

#include <capalloc/capalloc.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Every kind of block: fine and coarse slots, large ones of one unit and more, one that is cleared past the caches. */
static const size_t sizes[] = {1, 16, 24, 100, 256, 257, 500, 513, 4000, 20000, 40000, 300000, 17 * CAI_MIB};
enum { SIZES = sizeof sizes / sizeof *sizes };

static ca_mustzero take(size_t bytes)
{
    ca_mustzero block = ca_unwrap(ca_allocate_mustzero(ca_default_authority(), (ca_layout){bytes, 16}));

    require(content_is_zero(block.ptr, bytes));
    return block;
}

static ca_secret take_secret(size_t bytes)
{
    ca_secret block = ca_unwrap(ca_allocate_secret(ca_default_authority(), (ca_layout){bytes, 16}));

    require(content_is_zero(block.ptr, bytes));
    return block;
}

/* The room a live block was cut from. */
static size_t slot_of(const void *address)
{
    enum cai_place place = cai_place_of(address);
    struct cai_live live = cai_find_live(place, address);

    require(live.state != NULL);
    return cai_slot_bytes(live);
}

/* Through a volatile pointer: what is really in memory. */
static bool is_zero(const void *address, size_t bytes)
{
    const volatile unsigned char *text = address;
    unsigned any = 0;

    for (size_t i = 0; i < bytes; i++)
        any |= text[i];
    return any == 0;
}

static ca_stats stats(void)
{
    ca_stats now = CA_STATS_INIT;

    ca_stats_read(&now);
    return now;
}

CHILD_TEST(test_Z1_forced_into_a_plain_deallocator, 60)
{
    refuse_start();
    for (unsigned i = 0; i < SIZES; i++) {
        ca_mustzero block = take(sizes[i]);
        memset(block.ptr, 0xee, sizes[i]);
        ca_block_deallocate((ca_block){block.ptr, block.size});
        require(was_refused("wrong-deallocator"));
        ca_nocaps_deallocate((ca_nocaps){block.ptr, block.size});
        require(was_refused("wrong-deallocator"));
        ca_wiped_deallocate((ca_wiped){block.ptr, block.size});
        require(was_refused("wrong-deallocator"));
        ca_free(block.ptr);
        require(was_refused("wrong-deallocator"));
        require(ca_mustzero_check(block) == CA_OK && ((unsigned char *)block.ptr)[sizes[i] - 1] == 0xee);
        ca_mustzero_deallocate_zeroed(block);
        require(ca_mustzero_check(block) != CA_OK);
    }
}

CHILD_TEST(test_Z2_the_whole_slot_is_cleared, 60)
{
    for (unsigned i = 0; i < SIZES; i++) {
        ca_mustzero block = take(sizes[i]);
        ca_secret secret = take_secret(sizes[i]);
        size_t slot = slot_of(block.ptr);
        require(slot >= sizes[i] && slot == slot_of(secret.ptr));
        content_fill(block.ptr, 0, slot, 1); /* overflows its block, within the slot */
        content_fill(secret.ptr, 0, slot, 2);
        ca_mustzero_deallocate_zeroed(block);
        ca_secret_deallocate_zeroed(secret);
        require(is_zero(block.ptr, slot) && is_zero(secret.ptr, slot));
    }
    require_null(audit_all());
    require_null(audit_zeros(true));
}

/* Grows a full block whose slack is dirty and which cannot stay where it is. */
static void grow(size_t from, size_t to)
{
    ca_mustzero block = take(from);
    ca_mustzero behind = take(from);
    size_t slot = slot_of(block.ptr);

    content_fill(block.ptr, 0, slot, 3);
    memset((char *)block.ptr + from, 0xee, slot - from);
    ca_mustzero grown = ca_unwrap(ca_mustzero_grow(ca_default_authority(), block, (ca_layout){to, 16}));
    require(grown.ptr != block.ptr && grown.size == to);
    require(content_holds(grown.ptr, from, 3) && is_zero((char *)grown.ptr + from, to - from));
    /* Where its pages have been moved away, there is nothing. */
    char byte;
    struct iovec local = {&byte, 1};
    struct iovec remote = {block.ptr, 1};
    require(process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != 1 || is_zero(block.ptr, slot));
    ca_mustzero_deallocate_zeroed(grown);
    ca_mustzero_deallocate_zeroed(behind);
    require_null(audit_all());
    require_null(audit_zeros(true));
}

CHILD_TEST(test_Z3_moving_grow_clears_the_old_block, 60)
{
    grow(20, 40);
    grow(100, 1000);
    grow(100, 40000);
    grow(20000, 100000);
    grow(40000, 200000);            /* copied */
    grow(CAI_MIB - 1, 4 * CAI_MIB); /* its pages are moved */
    grow(17 * CAI_MIB, 24 * CAI_MIB);
}

CHILD_TEST(test_Z3_what_is_added_is_zero, 60)
{
    ca_mustzero small = take(1000);
    memset(small.ptr, 1, slot_of(small.ptr));
    ca_mustzero more = ca_unwrap(ca_mustzero_grow(ca_default_authority(), small, (ca_layout){1020, 16}));
    require(more.ptr == small.ptr && is_zero((char *)more.ptr + 1000, 20));
    ca_mustzero large = take(100000);
    memset(large.ptr, 1, slot_of(large.ptr));
    ca_mustzero longer = ca_unwrap(ca_mustzero_grow(ca_default_authority(), large, (ca_layout){900000, 16}));
    require(longer.ptr == large.ptr && is_zero((char *)longer.ptr + 100000, 800000));
}

CHILD_TEST(test_Z4_shrink_clears_the_tail, 60)
{
    for (unsigned i = 1; i < SIZES; i++) {
        ca_secret block = take_secret(sizes[i]);
        size_t slot = slot_of(block.ptr);
        size_t keep = sizes[i] / 3 + 1;
        memset(block.ptr, 0xee, slot);
        block = ca_unwrap(ca_secret_shrink(block, (ca_layout){keep, 16}));
        require(block.size == keep && is_zero((char *)block.ptr + keep, slot - keep));
        require(((unsigned char *)block.ptr)[keep - 1] == 0xee);
        require_null(audit_zeros(true));
        block = ca_unwrap(ca_secret_shrink(block, (ca_layout){0, 16}));
        require_null(audit_zeros(true));
    }
    require_null(audit_all());
}

enum { HELD = 200 };

static void *work_and_end(void *held)
{
    ca_secret *kept = held;
    struct rng rng = rng_start(5);

    for (unsigned i = 0; i < 4 * HELD; i++) {
        ca_secret block = take_secret(1 + rng_size(&rng, 17));
        memset(block.ptr, 0xee, block.size);
        if (i % 4 == 0)
            kept[i / 4] = block;
        else
            ca_secret_deallocate_zeroed(block);
    }
    return NULL;
}

CHILD_TEST(test_Z5_thread_exit_leaves_nothing, 60)
{
    static ca_secret kept[HELD];
    pthread_t thread;

    require(pthread_create(&thread, NULL, work_and_end, kept) == 0 && pthread_join(thread, NULL) == 0);
    require_null(audit_zeros(true));
    for (unsigned i = 0; i < HELD; i++) {
        require(((unsigned char *)kept[i].ptr)[kept[i].size - 1] == 0xee);
        ca_secret_deallocate_zeroed(kept[i]);
    }
    require_null(audit_zeros(true));
    ca_trim();
    require_null(audit_all());
    require_null(audit_zeros(true));
}

/* One step of random work on one of many places to keep a block. */
static void step(ca_mustzero *kept, struct rng *rng)
{
    size_t bytes = 1 + rng_size(rng, 19);

    if (kept->ptr == NULL) {
        *kept = take(bytes);
    } else if (rng_below(rng, 4) == 0) {
        ca_wiped wiped = ca_mustzero_wipe(kept);
        ca_wiped_deallocate(wiped);
        return;
    } else if (rng_below(rng, 2) == 0) {
        ca_mustzero_deallocate_zeroed(*kept);
        kept->ptr = NULL;
        return;
    } else if (bytes <= kept->size) {
        *kept = ca_unwrap(ca_mustzero_shrink(*kept, (ca_layout){bytes, 16}));
    } else {
        size_t before = kept->size;
        *kept = ca_unwrap(ca_mustzero_grow(ca_default_authority(), *kept, (ca_layout){bytes, 16}));
        require(content_is_zero((char *)kept->ptr + before, bytes - before));
    }
    memset(kept->ptr, 0xee, kept->size);
}

static const unsigned protections[] = {0, CA_PROTECT_LOCK | CA_PROTECT_WIPE_ON_FORK, CA_PROTECT_HIDE, CA_PROTECT_ALL};

CHILD_TEST_EACH(test_Z6_free_means_zero, 120, protections)
{
    static ca_mustzero kept[HELD];
    struct rng rng = rng_start(6);

    ca_protect(value, NULL); /* as far as it goes */
    for (unsigned i = 0; i < FEWER(20000, 4000); i++) {
        step(&kept[rng_below(&rng, HELD)], &rng);
        if (i % 1000 == 0) {
            require_null(audit_all());
            require_null(audit_zeros(true));
        }
        if (i % 3000 == 0)
            ca_trim();
    }
}

CHILD_TEST(test_Z7_each_cycle_clears_once, 60)
{
    for (unsigned i = 0; i < SIZES; i++) {
        ca_stats before = stats();
        ca_mustzero block = take(sizes[i]);
        ca_stats taken = stats();
        size_t slot = slot_of(block.ptr);
        require(taken.bytes_cleared == before.bytes_cleared);
        require(taken.bytes_clear_skipped >= before.bytes_clear_skipped + sizes[i]);
        memset(block.ptr, 1, sizes[i]);
        ca_mustzero_deallocate_zeroed(block);
        require(stats().bytes_cleared == taken.bytes_cleared + slot);
    }
}

CHILD_TEST(test_Z7_fresh_memory_is_not_cleared, 60)
{
    for (unsigned i = 0; i < SIZES; i++) {
        ca_stats before = stats();
        void *fresh = ca_calloc(1, sizes[i]);
        ca_stats taken = stats();
        require(taken.bytes_clear_skipped >= before.bytes_clear_skipped + sizes[i]);
        require(taken.bytes_cleared == before.bytes_cleared);
        ca_block block =
            ca_unwrap(ca_allocate_zeroed(ca_default_authority(), (ca_layout){sizes[i], 16})); /* fresh, too */
        ca_stats again = stats();
        require(again.bytes_clear_skipped >= taken.bytes_clear_skipped + sizes[i]);
        require(again.bytes_cleared == taken.bytes_cleared);
        require(block.ptr != fresh); /* both are kept: a slot that comes back is not fresh */
    }
    /* Used memory is cleared, and that is counted. */
    void *used = ca_malloc(100);
    memset(used, 1, 100);
    ca_free(used);
    ca_stats before = stats();
    used = ca_calloc(1, 100);
    require(content_is_zero(used, 100) && stats().bytes_cleared == before.bytes_cleared + 100);
}

CHILD_TEST(test_Z7_what_a_grow_adds_is_not_cleared_again, 60)
{
    ca_mustzero block = take(CAI_MIB);
    size_t slot = slot_of(block.ptr);
    ca_stats before = stats();
    block = ca_unwrap(ca_mustzero_grow(ca_default_authority(), block, (ca_layout){16 * CAI_MIB, 16}));
    require(stats().bytes_cleared - before.bytes_cleared <= slot);
    require(stats().bytes_clear_skipped - before.bytes_clear_skipped >= 15 * CAI_MIB - slot);
}

CHILD_TEST(test_Z9_a_wiped_block_is_not_cleared_again, 60)
{
    for (unsigned i = 0; i < SIZES; i++) {
        ca_secret block = take_secret(sizes[i]);
        char *address = block.ptr;
        size_t slot = slot_of(address);
        memset(address, 0xee, slot);
        uint64_t before = stats().bytes_cleared;
        ca_wiped wiped = ca_secret_wipe(&block);
        require(block.ptr == NULL && block.size == 0 && wiped.ptr == address && wiped.size == sizes[i]);
        require(is_zero(address, slot) && stats().bytes_cleared == before + slot);
        ca_wiped_deallocate(wiped);
        require(stats().bytes_cleared == before + slot);
        require_null(audit_zeros(true));
    }
    require_null(audit_all());
}

CHILD_TEST(test_C2_wiped_short_blocks_go_back_with_their_exact_size_only, 60)
{
    refuse_start();
    for (size_t bytes = 1; bytes <= 16; bytes++) {
        ca_mustzero block = take(bytes);
        ca_secret secret = take_secret(bytes);
        ca_wiped wiped[] = {ca_mustzero_wipe(&block), ca_secret_wipe(&secret)};
        for (unsigned i = 0; i < 2; i++) {
            for (size_t wrong = 1; wrong <= 40; wrong++)
                if (wrong != bytes) {
                    ca_wiped_deallocate((ca_wiped){wiped[i].ptr, wrong});
                    require(was_refused_in("size-mismatch", i == 0 ? "mustzero" : "secret", bytes));
                }
            ca_wiped_deallocate(wiped[i]);
            require(refused_calls == 0);
            ca_wiped_deallocate(wiped[i]);
            require(was_refused("double-free"));
        }
    }
    require_null(audit_all());
    require_null(audit_zeros(true));
}

#if defined(CAI_DEBUG) && CAI_DEBUG
CHILD_TEST(test_Z9_writing_after_wiping_is_found, 60)
{
    for (unsigned i = 0; i < SIZES; i++) {
        ca_mustzero block = take(sizes[i]);
        size_t last = slot_of(block.ptr) - 1;
        ca_wiped wiped = ca_mustzero_wipe(&block);
        refuse_start();
        ((char *)wiped.ptr)[last] = 1;
        ca_wiped_deallocate(wiped);
        require(was_refused("not-wiped"));
        ((char *)wiped.ptr)[last] = 0; /* it is still the caller's */
        ca_wiped_deallocate(wiped);
        require(!was_refused("not-wiped"));
        require_null(audit_zeros(true));
    }
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_Z1_forced_into_a_plain_deallocator),
        cmocka_unit_test(test_Z2_the_whole_slot_is_cleared),
        cmocka_unit_test(test_Z3_moving_grow_clears_the_old_block),
        cmocka_unit_test(test_Z3_what_is_added_is_zero),
        cmocka_unit_test(test_Z4_shrink_clears_the_tail),
        cmocka_unit_test(test_Z5_thread_exit_leaves_nothing),
        cmocka_unit_test(test_Z6_free_means_zero),
        cmocka_unit_test(test_Z7_each_cycle_clears_once),
        cmocka_unit_test(test_Z7_fresh_memory_is_not_cleared),
        cmocka_unit_test(test_Z7_what_a_grow_adds_is_not_cleared_again),
        cmocka_unit_test(test_Z9_a_wiped_block_is_not_cleared_again),
        cmocka_unit_test(test_C2_wiped_short_blocks_go_back_with_their_exact_size_only),
#if defined(CAI_DEBUG) && CAI_DEBUG
        cmocka_unit_test(test_Z9_writing_after_wiping_is_found),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
