/* Heaps and authorities while the system has no memory to give: every call ends in its documented error, nothing stays
 * charged, and once there is memory again all goes on.
 */
#include "unit/unit.h"

#include "fault/faults.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"
#include "support/emulated.h"

#include <capalloc/capalloc.h>
#include <string.h>
#include <sys/mman.h>

enum { BLOCKS = 400, QUOTA = 1 << 24, PARTS = 300 };

/* Written by the child. */
static struct result {
    unsigned maps;     /* calls of cai_os_map */
    unsigned failures; /* errors seen */
} * result;

static int share(void **state)
{
    (void)state;
    result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return result == MAP_FAILED ? -1 : 0;
}

static bool out_of_memory(ca_error error)
{
    result->failures += error != CA_OK;
    require(error == CA_OK || error == CA_ERROR_OUT_OF_MEMORY);
    return error != CA_OK;
}

static size_t size_of(unsigned i)
{
    return i % 50 == 49 ? 100000 : 1 + i * 37 % 3000;
}

static void fill(ca_authority authority, ca_block *blocks, ca_secret *secrets)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        ca_layout layout = {size_of(i), 16};
        ca_block_result block = ca_allocate(authority, layout);
        ca_secret_result secret = ca_allocate_secret(authority, layout);
        blocks[i] = out_of_memory(ca_error_of(block)) ? (ca_block){NULL, 0} : ca_unwrap(block);
        secrets[i] = out_of_memory(ca_error_of(secret)) ? (ca_secret){NULL, 0} : ca_unwrap(secret);
        if (secrets[i].ptr != NULL) {
            require(content_is_zero(secrets[i].ptr, secrets[i].size));
            memset(secrets[i].ptr, 1, secrets[i].size);
        }
    }
}

static void empty(ca_block *blocks, ca_secret *secrets)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (blocks[i].ptr != NULL)
            ca_deallocate(blocks[i]);
        if (secrets[i].ptr != NULL)
            ca_deallocate_zeroed(secrets[i]);
    }
}

static ca_error create(ca_authority *root)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;

    options.quota_bytes = QUOTA;
    return ca_heap_create(&options, root);
}

/* Enough to need more than one block of nodes. */
static void derive_many(ca_authority root)
{
    ca_authority parts[PARTS];
    unsigned made = 0;

    for (unsigned i = 0; i < PARTS; i++)
        made += !out_of_memory(ca_authority_derive(root, CA_RIGHT_ALLOCATE, 1000, &parts[made]));
    while (made-- > 0)
        require(ca_authority_revoke(parts[made]) == CA_OK);
}

static void work(const void *fault)
{
    static ca_block blocks[BLOCKS];
    static ca_secret secrets[BLOCKS];
    ca_authority root;
    ca_authority part;

    require(ca_default_authority().opaque[0] != 0); /* started: what fails from here on is not the start */
    fault_set(fault);
    if (!out_of_memory(create(&root))) {
        fill(root, blocks, secrets);
        derive_many(root);
        if (!out_of_memory(ca_authority_derive(root, CA_RIGHT_ALL, SIZE_MAX, &part))) {
            static ca_block others[BLOCKS];
            static ca_secret more[BLOCKS];
            fill(part, others, more);
            require(ca_authority_revoke(part) == CA_OK);
            require(ca_error_of(ca_allocate(part, (ca_layout){8, 8})) == CA_ERROR_NOT_PERMITTED);
            empty(others, more);
        }
        empty(blocks, secrets);
        require(ca_authority_quota_remaining(root) == QUOTA);
    }
    result->maps = fault_calls(FAULT_MAP);
    fault_set(&(struct fault){.functions = 0});
    require_null(audit_all());
    require_null(audit_zeros(true));
    require(create(&part) == CA_OK);
    unsigned before = result->failures;
    fill(part, blocks, secrets);
    require(result->failures == before);
    require(ca_heap_destroy(part) == CA_OK);
    require_null(audit_all());
    require_null(audit_zeros(true));
}

static void run(const struct fault *fault)
{
    struct child child;

    result->failures = 0;
    child_run(&child, 60, work, fault);
    if (!child_succeeded(&child))
        fail_msg("maps fail from call %u to %u: %s", fault->from, fault->until, child.text);
}

static void test_C5_C6_out_of_memory_at_every_step(void **state)
{
    (void)state;
    run(&(struct fault){.functions = 0});
    assert_int_equal(result->failures, 0);
    unsigned maps = result->maps;
    assert_true(maps > 0);
    for (unsigned n = 1; n <= maps; n += FEWER(1, 6)) {
        run(&(struct fault){1u << FAULT_MAP, n, n, CAI_MAP_SHORT});
        run(&(struct fault){1u << FAULT_MAP, n, UINT32_MAX, CAI_MAP_SHORT});
    }
    run(&(struct fault){1u << FAULT_MAP, 1, UINT32_MAX, CAI_MAP_SHORT});
    assert_true(result->failures > 0);
}

/* What the thread keeps in its own heap, in bins and whole, is given up before an authority is refused. */
CHILD_TEST(test_D9_what_a_thread_keeps_for_itself_is_given_up_for_an_authority, 60)
{
    enum { SMALL = 4096, LARGE = 500000, SMALLS = 30 };
    static ca_block blocks[SMALLS];
    ca_authority root, own = ca_default_authority();

    require(ca_heap_create(NULL, &root) == CA_OK);
    for (unsigned i = 0; i < SMALLS; i++)
        blocks[i] = ca_unwrap(ca_allocate(own, (ca_layout){SMALL, 16}));
    ca_block large = ca_unwrap(ca_allocate(own, (ca_layout){LARGE, 16}));
    require(ca_is_ok(ca_allocate(root, (ca_layout){SMALL, 16})));
    for (unsigned i = 0; i < SMALLS; i++)
        ca_deallocate(blocks[i]);
    ca_deallocate(large);
    fault_set(&(struct fault){1u << FAULT_MAP, 1, UINT32_MAX, CAI_MAP_SHORT});
    while (ca_is_ok(ca_allocate(root, (ca_layout){SMALL, 16}))) {
    }
    require(!ca_is_ok(ca_allocate(own, (ca_layout){SMALL, 16})) && !ca_is_ok(ca_allocate(own, (ca_layout){LARGE, 16})));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_C5_C6_out_of_memory_at_every_step),
        cmocka_unit_test(test_D9_what_a_thread_keeps_for_itself_is_given_up_for_an_authority),
    };

    return cmocka_run_group_tests(tests, share, NULL);
}
