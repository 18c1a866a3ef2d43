/* Blocks that are zero by somebody's word: what a true word saves, who may give it, and that a false one stays with the
 * heap where it was given. */
#include "unit/unit.h"

#include "blocks/exact.h"
#include "blocks/find.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"
#include "support/refuse.h"

#include <capalloc/capalloc.h>

#include <pthread.h>
#include <string.h>

/* Every kind of block: short, fine and coarse slots, large ones that are kept and one that is not. */
static const size_t sizes[] = {1, 16, 24, 100, 256, 257, 500, 513, 4000, 20000, 40000, 300000, 3 * CAI_MIB};
enum { SIZES = sizeof sizes / sizeof *sizes };

static ca_layout of(size_t bytes)
{
    return (ca_layout){.size = bytes, .align = 16};
}

static ca_authority make(void)
{
    ca_authority root;

    require(ca_heap_create(NULL, &root) == CA_OK);
    return root;
}

static ca_mustzero take(ca_authority authority, size_t bytes)
{
    return ca_unwrap(ca_allocate_mustzero(authority, of(bytes)));
}

static ca_stats stats(void)
{
    ca_stats now = CA_STATS_INIT;

    ca_stats_read(&now);
    return now;
}

static size_t slot_of(const void *address)
{
    struct cai_live live = cai_find_live(cai_place_of(address), address);

    require(live.state != NULL);
    return cai_slot_bytes(live);
}

/* --- Z9 --- */

CHILD_TEST(test_Z9_what_is_assumed_zero_is_not_cleared, 60)
{
    ca_authority authority = ca_default_authority();

    for (unsigned i = 0; i < SIZES; i++) {
        ca_mustzero block = take(authority, sizes[i]);
        char *address = block.ptr;
        size_t slack = slot_of(address) - sizes[i];
        memset(address + sizes[i], 0xee, slack); /* no claim covers it */
        uint64_t before = stats().bytes_cleared;
        ca_wiped wiped = ca_assume_zero(authority, &block);
        require(block.ptr == NULL && block.size == 0 && wiped.ptr == address && wiped.size == sizes[i]);
        require(stats().bytes_cleared == before + slack && content_is_zero(address, slot_of(address)));
        require(ca_check(wiped) == CA_OK && ca_check(((ca_mustzero){address, sizes[i]})) == CA_ERROR_INVALID);
        ca_deallocate(wiped);
        require(stats().bytes_cleared == before + slack && ca_check(wiped) != CA_OK);
        require_null(audit_zeros(true));
    }
    require_null(audit_all());
}

CHILD_TEST(test_Z9_a_wiped_block_is_used_again, 60)
{
    ca_authority root = make();

    for (unsigned i = 0; i < SIZES; i++) {
        ca_mustzero block = take(root, sizes[i]);
        char *address = block.ptr;
        memset(address, 1, sizes[i]);
        ca_wiped wiped = ca_wipe(&block);
        block = ca_mustzero_reuse(&wiped);
        require(wiped.ptr == NULL && wiped.size == 0 && block.ptr == address && block.size == sizes[i]);
        require(ca_check(block) == CA_OK && content_is_zero(address, sizes[i]));
        wiped = ca_assume_zero(root, &block);
        block = ca_mustzero_reuse(&wiped);
        memset(block.ptr, 2, sizes[i]); /* and is cleared as ever when it goes back */
        ca_deallocate_zeroed(block);
        ca_secret secret = ca_unwrap(ca_allocate_secret(root, of(sizes[i])));
        ca_wiped hidden = ca_wipe(&secret);
        secret = ca_secret_reuse(&hidden);
        require(ca_check(secret) == CA_OK && secret.size == sizes[i]);
        ca_deallocate_zeroed(secret);
        require_null(audit_zeros(true));
    }
    require(ca_heap_destroy(root) == CA_OK);
    require_null(audit_all());
}

CHILD_TEST(test_Z9_reused_as_what_it_was, 60)
{
    ca_authority root = make();

    refuse_start();
    for (unsigned i = 0; i < SIZES; i++) {
        ca_mustzero block = take(root, sizes[i]);
        ca_secret secret = ca_unwrap(ca_allocate_secret(root, of(sizes[i])));
        ca_wiped wiped = {block.ptr, block.size};
        require(ca_mustzero_reuse(&wiped).ptr == NULL && was_refused("wrong-deallocator")); /* it is not wiped */
        wiped = ca_wipe(&block);
        ca_wiped hidden = ca_wipe(&secret);
        ca_wiped same[] = {wiped, hidden};
        require(ca_secret_reuse(&wiped).ptr == NULL && was_refused("wrong-deallocator"));
        require(ca_mustzero_reuse(&hidden).ptr == NULL && was_refused("wrong-deallocator"));
        require(wiped.ptr == same[0].ptr && hidden.ptr == same[1].ptr);
        require(ca_check(wiped) == CA_OK && ca_check(hidden) == CA_OK);
        ca_wiped longer = {wiped.ptr, wiped.size + 1};
        require(ca_mustzero_reuse(&longer).ptr == NULL && was_refused("size-mismatch"));
        require(ca_check(longer) == CA_ERROR_INVALID);
        ca_deallocate(wiped);
        ca_deallocate(hidden);
        require(refused_calls == 0 && ca_check(wiped) != CA_OK && ca_check(hidden) != CA_OK);
        require(ca_mustzero_reuse(&wiped).ptr == NULL && refused_calls == 1);
        refuse_forget();
    }
    require(ca_heap_destroy(root) == CA_OK);
}

CHILD_TEST(test_Z9_secrets_are_looked_at, 60)
{
    ca_authority root = make();

    refuse_start();
    for (unsigned i = 0; i < SIZES; i++) {
        ca_secret secret = ca_unwrap(ca_allocate_secret(root, of(sizes[i])));
        char *last = (char *)secret.ptr + sizes[i] - 1;
        *last = 1;
        require(ca_assume_zero(root, &secret).ptr == NULL && was_refused("not-wiped"));
        require(secret.size == sizes[i] && ca_check(secret) == CA_OK && *last == 1);
        ca_wiped wiped = ca_wipe(&secret);
        *last = 1;
        ca_deallocate(wiped);
        require(was_refused("not-wiped") && ca_check(wiped) == CA_OK);
        *last = 0;
        ca_deallocate(wiped);
        require(refused_calls == 0);
    }
    require_null(audit_zeros(true));
    require(ca_heap_destroy(root) == CA_OK);
}

CHILD_TEST(test_Z9_known_zero_spares_the_next_zeroed_allocation, 60)
{
    ca_authority authorities[] = {ca_default_authority(), make()};

    for (unsigned of_heap = 0; of_heap < 2; of_heap++)
        for (unsigned i = 0; i + 1 < SIZES; i++) {
            if (of_heap == 1 && sizes[i] > CAI_SMALL_BYTES_MAX)
                continue; /* such a heap keeps no large blocks */
            ca_authority authority = authorities[of_heap];
            ca_block block = ca_unwrap(ca_allocate(authority, of(sizes[i])));
            char *address = block.ptr;
            memset(address, 0, sizes[i]);
            memset(address + sizes[i], 0xee, slot_of(address) - sizes[i]);
            ca_deallocate_known_zero(authority, block);
            require(ca_check(block) != CA_OK);
            ca_stats before = stats();
            block = ca_unwrap(ca_allocate_zeroed(authority, of(sizes[i])));
            require(block.ptr == address && content_is_zero(address, sizes[i]));
            require(stats().bytes_cleared == before.bytes_cleared);
            require(stats().bytes_clear_skipped >= before.bytes_clear_skipped + sizes[i]);
            memset(address, 0xee, sizes[i]);
            ca_deallocate(block);
            before = stats();
            block = ca_unwrap(ca_allocate_zeroed(authority, of(sizes[i])));
            require(block.ptr == address && content_is_zero(address, sizes[i]));
            require(stats().bytes_cleared >= before.bytes_cleared + sizes[i]);
            ca_deallocate(block);
        }
    require_null(audit_all());
}

CHILD_TEST(test_C5_the_right_to_claim_zero_is_passed_on_by_name_only, 60)
{
    ca_authority root = make();
    ca_authority other = make();
    ca_authority all, named, none = {{0, 0}};

    require(ca_authority_derive(root, CA_RIGHT_ALL, SIZE_MAX, &all) == CA_OK);
    require(ca_authority_derive(root, CA_RIGHT_ALLOCATE | CA_RIGHT_CLAIM_ZERO, SIZE_MAX, &named) == CA_OK);
    require(ca_authority_derive(all, CA_RIGHT_CLAIM_ZERO, SIZE_MAX, &none) == CA_ERROR_NOT_PERMITTED);
    refuse_start();
    ca_mustzero block = take(all, 100);
    ca_block plain = ca_unwrap(ca_allocate_zeroed(all, of(100)));
    const ca_authority lacking[] = {all, other, none, ca_default_authority()};
    for (unsigned i = 0; i < sizeof lacking / sizeof *lacking; i++) {
        require(ca_assume_zero(lacking[i], &block).ptr == NULL && was_refused_in("denied", "mustzero", 100));
        require(block.size == 100 && ca_check(block) == CA_OK);
        ca_deallocate_known_zero(lacking[i], plain);
        require(was_refused_in("denied", "ordinary", 100) && ca_check(plain) == CA_OK);
    }
    ca_deallocate(ca_assume_zero(named, &block));
    ca_deallocate_known_zero(root, plain);
    require(refused_calls == 0 && ca_check(plain) == CA_ERROR_STALE);
    require(ca_heap_destroy(root) == CA_OK && ca_heap_destroy(other) == CA_OK);
}

/* --- Z11 --- */

/* What a liar does: says that a dirty block is zero, or writes after wiping, before it goes back or, where that is
 * looked at, after. Debug builds refuse what they see; then the block stays the liar's, and dirty. */
enum lie { CLAIMS, WRITES_BEFORE, WRITES_AFTER, LIES };

static void lie(ca_authority authority, size_t bytes, enum lie how)
{
    ca_mustzero block = take(authority, bytes);
    char *address = block.ptr;
    ca_wiped wiped;

    if (how == CLAIMS) {
        memset(address, 0xee, bytes);
        wiped = ca_assume_zero(authority, &block);
    } else {
        wiped = ca_wipe(&block);
        if (how == WRITES_BEFORE)
            memset(address, 0xee, bytes);
    }
    ca_deallocate(wiped);
    if (how == WRITES_AFTER)
        memset(address, 0xee, bytes);
}

static void lie_often(ca_authority authority, enum lie how)
{
    for (unsigned i = 0; i < SIZES; i++)
        for (unsigned n = 0; n < 40; n++)
            if (how != WRITES_AFTER || sizes[i] <= CAI_SMALL_BYTES_MAX) /* a large one is somebody else's by then */
                lie(authority, sizes[i], how);
}

/* Many blocks at once, all of them zero. */
static void require_zeros(ca_authority authority)
{
    enum { MANY = 400 };
    static ca_mustzero kept[MANY];

    for (unsigned i = 0; i < SIZES; i++) {
        unsigned many = sizes[i] > CAI_SMALL_BYTES_MAX ? 8 : MANY;
        for (unsigned n = 0; n < many; n++) {
            kept[n] = take(authority, sizes[i]);
            require(content_is_zero(kept[n].ptr, kept[n].size));
        }
        for (unsigned n = 0; n < many; n++)
            ca_deallocate_zeroed(kept[n]);
    }
}

CHILD_TEST(test_Z11_a_lie_ends_with_its_heap, 120)
{
    refuse_start();
    for (enum lie how = 0; how < LIES; how++) {
        ca_authority liar = make();
        ca_authority honest = make();
        lie_often(liar, how);
        require_zeros(honest); /* beside it */
        require(ca_heap_destroy(liar) == CA_OK);
        require_zeros(honest); /* and in what it had */
        require_zeros(ca_default_authority());
        require_null(audit_zeros(true));
        require(ca_heap_destroy(honest) == CA_OK);
    }
    require_null(audit_all());
}

CHILD_TEST(test_Z11_a_lie_is_not_inherited, 120)
{
    refuse_start();
    for (enum lie how = 0; how < LIES; how++) {
        ca_authority root = make();
        ca_authority liar;
        require(ca_authority_derive(root, CA_RIGHT_ALL | CA_RIGHT_CLAIM_ZERO, SIZE_MAX, &liar) == CA_OK);
        ca_mustzero stays = take(liar, 24); /* so that its slab is not empty */
        ca_mustzero longer = take(liar, 4000);
        lie_often(liar, how);
        require(ca_authority_revoke(liar) == CA_OK);
        require_zeros(root);
        ca_deallocate_zeroed(stays);
        ca_deallocate_zeroed(longer);
        require(ca_heap_destroy(root) == CA_OK);
        require_null(audit_zeros(true));
    }
}

static void *lie_in_thread(void *how)
{
    ca_mustzero stays = take(ca_default_authority(), 100); /* so that its slab is not empty */

    lie_often(ca_default_authority(), *(enum lie *)how);
    ca_deallocate_zeroed(stays);
    return NULL;
}

CHILD_TEST(test_Z11_a_lie_ends_with_its_thread, 120)
{
    refuse_start();
    for (enum lie how = 0; how < LIES; how++) {
        pthread_t thread;
        refuse_forget();
        require(pthread_create(&thread, NULL, lie_in_thread, &how) == 0 && pthread_join(thread, NULL) == 0);
        if (refused_calls == 0) /* blocks that were refused are still the liar's */
            require_null(audit_zeros(true));
        require_zeros(ca_default_authority());
    }
}

struct handed {
    ca_wiped wiped;
    bool dirty;
};

static void *give_back(void *argument)
{
    const struct handed *handed = argument;

    if (handed->dirty)
        memset(handed->wiped.ptr, 0xee, handed->wiped.size);
    ca_deallocate(handed->wiped);
    return NULL;
}

/* A thread gives another's block back and has written to it: the owner does not believe it. */
CHILD_TEST(test_Z11_a_lie_by_another_thread_is_looked_at, 120)
{
    refuse_start();
    for (unsigned i = 0; i < SIZES; i++) {
        ca_mustzero block = take(ca_default_authority(), sizes[i]);
        struct handed handed = {ca_wipe(&block), true};
        pthread_t thread;
        require(pthread_create(&thread, NULL, give_back, &handed) == 0 && pthread_join(thread, NULL) == 0);
        if (!was_refused("not-wiped")) {
            require(refused_calls == 0);
            require_null(audit_zeros(true));
        }
    }
    require_zeros(ca_default_authority());
}

/* The same of ordinary memory: a zeroed allocation of another heap, or by another thread, is zero. */
CHILD_TEST(test_Z11_known_zero_is_believed_in_its_heap_only, 120)
{
    enum { MANY = 300 };
    static ca_block kept[MANY];
    ca_authority root = make();
    ca_authority liar;

    refuse_start();
    require(ca_authority_derive(root, CA_RIGHT_ALL | CA_RIGHT_CLAIM_ZERO, SIZE_MAX, &liar) == CA_OK);
    for (unsigned i = 0; i < SIZES; i++) {
        unsigned many = sizes[i] > CAI_SMALL_BYTES_MAX ? 4 : MANY;
        ca_block stays = ca_unwrap(ca_allocate(liar, of(sizes[i])));
        for (unsigned n = 0; n < many; n++)
            kept[n] = ca_unwrap(ca_allocate(liar, of(sizes[i])));
        for (unsigned n = 0; n < many; n++) {
            memset(kept[n].ptr, 0, sizes[i]);
            void *address = kept[n].ptr;
            ca_deallocate_known_zero(liar, kept[n]);
            if (sizes[i] <= CAI_SMALL_BYTES_MAX)
                memset(address, 0xee, sizes[i]);
        }
        (void)stays;
    }
    require(ca_authority_revoke(liar) == CA_OK);
    for (unsigned i = 0; i < SIZES; i++) {
        unsigned many = sizes[i] > CAI_SMALL_BYTES_MAX ? 4 : MANY;
        for (unsigned n = 0; n < many; n++) {
            kept[n] = ca_unwrap(ca_allocate_zeroed(root, of(sizes[i])));
            require(content_is_zero(kept[n].ptr, sizes[i]));
        }
        for (unsigned n = 0; n < many; n++)
            ca_deallocate(kept[n]);
    }
    require(ca_heap_destroy(root) == CA_OK);
    require_null(audit_all());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_Z9_what_is_assumed_zero_is_not_cleared),
        cmocka_unit_test(test_Z9_a_wiped_block_is_used_again),
        cmocka_unit_test(test_Z9_reused_as_what_it_was),
        cmocka_unit_test(test_Z9_secrets_are_looked_at),
        cmocka_unit_test(test_Z9_known_zero_spares_the_next_zeroed_allocation),
        cmocka_unit_test(test_C5_the_right_to_claim_zero_is_passed_on_by_name_only),
        cmocka_unit_test(test_Z11_a_lie_ends_with_its_heap),
        cmocka_unit_test(test_Z11_a_lie_is_not_inherited),
        cmocka_unit_test(test_Z11_a_lie_ends_with_its_thread),
        cmocka_unit_test(test_Z11_a_lie_by_another_thread_is_looked_at),
        cmocka_unit_test(test_Z11_known_zero_is_believed_in_its_heap_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
