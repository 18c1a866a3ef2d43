/* Blocks with the processor's tags (H11), where processor and kernel have them; elsewhere that asking for them changes
 * nothing. Linked with the hardened library, under its own names.
 */
#include "tags.h"

#include "base/atomic.h"
#include "core/checks.h"
#include "core/settings.h"
#include "support/audit.h"
#include "support/refuse.h"
#include "support/rng.h"
#include "support/threads.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* All of it can be used, and is what it is said to be; what is behind has another tag. */
static void require_whole(const char *block, size_t bytes)
{
    uintptr_t end = address_of(block) + in_granules(bytes);

    require(ca_malloc_usable_size(block) == bytes);
    for (size_t at = 0; at < bytes; at += 16)
        require(cai_mte_load(address_of(block) + at) == (uintptr_t)block + at);
    if (processor_has_tags())
        require(tag_of(block) != 0 && (end % CAI_UNIT_BYTES == 0 || cai_mte_load(end) >> 56 != tag_of(block)));
}

CHILD_TEST(test_H11_neighbours_have_other_tags, 120)
{
    enum { COUNT = 500 };
    static char *block[COUNT];
    ca_block_info info = CA_BLOCK_INFO_INIT;
    unsigned seen = 0;

    start("+mte");
    for (unsigned i = 0; i < SIZES; i++) {
        for (unsigned n = 0; n < COUNT; n++)
            block[n] = take(sizes[i]);
        for (unsigned n = 0; n < COUNT; n += 3) { /* some anew, among those that stay */
            ca_free(block[n]);
            block[n] = take(sizes[i]);
        }
        qsort(block, COUNT, sizeof *block, by_address);
        for (unsigned n = 0; n < COUNT; n++) {
            require_whole(block[n], sizes[i]);
            seen |= 1u << tag_of(block[n]);
            require(ca_describe(block[n], &info) == CA_OK && info.block == block[n]);
            bool beside = n != 0 && address_of(block[n]) - address_of(block[n - 1]) == info.slot_bytes &&
                          address_of(block[n]) / CAI_UNIT_BYTES == address_of(block[n - 1]) / CAI_UNIT_BYTES;
            if (processor_has_tags() && beside)
                require(tag_of(block[n]) != tag_of(block[n - 1]));
        }
        for (unsigned n = 0; n < COUNT; n++)
            ca_free(block[n]);
    }
    require(seen == (processor_has_tags() ? 0xfffe : 1));
    require_null(audit_all());
}

CHILD_TEST(test_H11_contents_are_as_without, 120)
{
    struct rng rng = rng_start(105);

    start("+mte");
    printf("seed %#llx\n", (unsigned long long)rng.state);
    for (unsigned turn = 0; turn < 300; turn++) {
        size_t bytes = 1 + rng_below(&rng, 3000), kept = bytes;
        char *block = ca_calloc(1, bytes);
        for (size_t at = 0; at < bytes; at++)
            require(block[at] == 0);
        memset(block, 'y', bytes);
        for (unsigned again = 0; again < 8; again++) {
            size_t more = 1 + rng_below(&rng, again % 4 == 0 ? 60000 : bytes + bytes / 8);
            block = ca_realloc(block, more);
            kept = kept < more ? kept : more;
            for (size_t at = 0; at < kept; at++)
                require(block[at] == 'y');
            if (more <= 32000)
                require_whole(block, more);
            memset(block, 'y', more);
            bytes = kept = more;
        }
        ca_free(block);
    }
    require_null(audit_all());
}

CHILD_TEST(test_H11_a_pointer_with_another_tag_is_refused, 60)
{
    start("+mte");
    refuse_start();
    for (unsigned i = 0; i < SIZES && processor_has_tags(); i++) {
        char *block = take(sizes[i]);
        for (unsigned other = 0; other < 16; other++) {
            char *wrong = (char *)(address_of(block) | (uintptr_t)other << 56);
            if (wrong == block)
                continue;
            ca_free(wrong);
            require(was_refused_in("stale", "ordinary", sizes[i]));
            require(ca_realloc(wrong, 2 * sizes[i]) == NULL);
            require(was_refused_in("stale", "ordinary", sizes[i]));
            require(ca_malloc_usable_size(wrong) == 0);
            require(was_refused_in("stale", "ordinary", sizes[i]));
            ca_free_sized(wrong, sizes[i]);
            require(was_refused_in("stale", "ordinary", sizes[i]));
        }
        require_whole(block, sizes[i]);
        require(block[sizes[i] - 1] == 'x');
        ca_free(block);
        ca_free(block);
        require(was_refused("double-free"));
    }
    require_null(audit_all());
}

/* Large blocks, those of no bytes and those of other doors have none. */
CHILD_TEST(test_H11_other_blocks_are_untagged, 60)
{
    start("+mte");
    char *large = take(100000);
    char *nothing = ca_malloc(0);
    ca_block own = ca_unwrap(ca_allocate(ca_default_authority(), CA_LAYOUT_ARRAY(char, 100)));
    require(tag_of(large) == 0 && tag_of(nothing) == 0 && tag_of(own.ptr) == 0);
    memset(own.ptr, 1, own.size);
    large = ca_realloc(large, 100); /* becomes small, and again large */
    require_whole(large, 100);
    large = ca_realloc(large, 100000);
    require(tag_of(large) == 0 && large[99] == 'x');
    ca_free(large);
    ca_free(nothing);
    ca_deallocate(own);
    require_null(audit_all());
}

CHILD_TEST(test_H11_describe_tells_the_pointer, 60)
{
    ca_block_info info = CA_BLOCK_INFO_INIT;

    start("+mte");
    char *block = take(100);
    require(ca_describe(block + 99, &info) == CA_OK && info.block == block && info.exact_bytes == 100);
    ca_free(block);
    require(ca_describe(block + 99, &info) == CA_OK && info.block == block && info.state == CA_BLOCK_STATE_FREED);
}

/* The child has what its parent had, and is checked as that is. */
CHILD_TEST(test_H11_fork, 60)
{
    char *block[SIZES];
    int status;

    start("+mte");
    for (unsigned i = 0; i < SIZES; i++)
        block[i] = take(sizes[i]);
    pid_t child = fork();
    if (child == 0) {
        for (unsigned i = 0; i < SIZES; i++) {
            require_whole(block[i], sizes[i]);
            memset(block[i], 'z', sizes[i]);
            block[i] = ca_realloc(block[i], sizes[i] * 2);
            ca_free(block[i]);
            ca_free(take(sizes[i]));
        }
        require_null(audit_all());
        char *gone = take(100);
        ca_free(gone);
        if (processor_has_tags())
            touch(gone, true);
        _exit(0);
    }
    require(waitpid(child, &status, 0) == child);
    require(processor_has_tags() ? WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT : status == 0);
    for (unsigned i = 0; i < SIZES; i++) {
        require(block[i][0] == 'x' && block[i][sizes[i] - 1] == 'x');
        ca_free(block[i]);
    }
    require_null(audit_all());
}

/* Threads that take, hand over and give back; each touches what the other wrote. */
enum { LANES = 4, TURNS = 3000, SHELF = 64 };
static char *shelf[SHELF]; /* atomic */

static void *lane(void *argument)
{
    struct rng rng = rng_start((uintptr_t)argument);

    for (unsigned i = 0; i < TURNS; i++) {
        size_t bytes = 2 + rng_size(&rng, 12);
        char *block = take(bytes);
        block[0] = block[bytes - 1] = 'x';
        char *other = cai_exchange_acq_rel(&shelf[rng_below(&rng, SHELF)], block);
        if (other == NULL)
            continue;
        require_whole(other, ca_malloc_usable_size(other));
        require(other[0] == 'x');
        if (i % 2 == 0)
            other = ca_realloc(other, 1 + rng_size(&rng, 13));
        ca_free(other);
    }
    return NULL;
}

CHILD_TEST(test_H11_threads, 120)
{
    pthread_t thread[LANES];

    start("+mte");
    for (uintptr_t i = 0; i < LANES; i++)
        thread[i] = thread_start(lane, (void *)(i + 1));
    for (unsigned i = 0; i < LANES; i++)
        thread_join(thread[i]);
    for (unsigned i = 0; i < SHELF; i++)
        ca_free(shelf[i]);
    require_null(audit_all());
}

CHILD_TEST(test_H11_H9_off_unless_asked_for_and_said_why_not, 60)
{
    start("+zero");
    require(cai_settings->tagging == CAI_TAGGING_OFF && (cai_settings->checks & CAI_CHECK_mte) == 0);
    require(tag_of(take(100)) == 0);
}

CHILD_TEST(test_H11_H9_where_there_are_none_it_is_off, 60)
{
    start("+mte");
    bool on = cai_settings->tagging == CAI_TAGGING_ON;
    require(on == processor_has_tags() && on == ((cai_settings->checks & CAI_CHECK_mte) != 0));
    require(on || cai_settings->tagging == CAI_TAGGING_ABSENT);
    require((tag_of(take(100)) != 0) == on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_H11_neighbours_have_other_tags),
        cmocka_unit_test(test_H11_contents_are_as_without),
        cmocka_unit_test(test_H11_a_pointer_with_another_tag_is_refused),
        cmocka_unit_test(test_H11_other_blocks_are_untagged),
        cmocka_unit_test(test_H11_describe_tells_the_pointer),
        cmocka_unit_test(test_H11_fork),
        cmocka_unit_test(test_H11_threads),
        cmocka_unit_test(test_H11_H9_off_unless_asked_for_and_said_why_not),
        cmocka_unit_test(test_H11_H9_where_there_are_none_it_is_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
