/* Atomic accesses to capabilities beside other threads and across a fork: what is seen is what was stored, bytes and
 * tag together, once, and in one order. What is refused, and why, is in tests/cap/cases_atomic.c as well.
 */
#include "unit/unit.h"

#include "base/atomic.h"
#include "base/compiler.h"
#include "support/rng.h"
#include "support/threads.h"

#include <capalloc/capalloc.h>

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Slower where every access is watched. */
#if CAI_TSAN || defined(__SANITIZE_ADDRESS__) || !defined(__x86_64__)
enum { ROUNDS = 4000, FORKS = 30 };
#else
enum { ROUNDS = 40000, FORKS = 200 };
#endif
enum { THREADS = 3, VALUES = 16, CELLS = 4 };

/* The granules that the threads share, and blocks whose capabilities they store there. */
static ca_cap shared, values[VALUES];
static uint32_t stop; /* atomic */

static ca_cap cap_of(size_t size)
{
    return ca_cap_unwrap(ca_cap_allocate_zeroed(ca_default_authority(), (ca_layout){size, 16}));
}

/* Half of the values are capabilities, half are data, and none has the bits of another. */
static int start(void **state)
{
    (void)state;
    shared = cap_of((size_t)CELLS * 16);
    for (unsigned i = 0; i < VALUES; i++) {
        values[i] = cap_of(32 + 16 * i);
        if (i % 2 != 0)
            values[i] = ca_cap_tag_clear(values[i]);
    }
    cai_store_relaxed(&stop, 0);
    return 0;
}

static int finish(void **state)
{
    ca_cap root = ca_cap_null();

    (void)state;
    for (unsigned i = 0; i < VALUES; i++) {
        if (i % 2 == 0)
            root = values[i];
        else
            root = ca_cap_null(); /* what has lost its tag does not go back */
        if (ca_cap_is_valid(root) && ca_cap_deallocate(root) != CA_OK)
            return -1;
    }
    return ca_cap_deallocate(shared) == CA_OK ? 0 : -1;
}

static bool is_a_value(ca_cap cap)
{
    for (unsigned i = 0; i < VALUES; i++)
        if (ca_cap_is_equal_exact(cap, values[i]))
            return true;
    return false;
}

static ptrdiff_t cell(uint64_t number)
{
    return (ptrdiff_t)(number % CELLS * 16);
}

/* One random access; what it sees is a value. */
static void access_once(struct rng *rng)
{
    ptrdiff_t at = cell(rng_next(rng));
    ca_cap value = values[rng_below(rng, VALUES)], seen = values[rng_below(rng, VALUES)];
    bool done = false;

    switch (rng_below(rng, 4)) {
    case 0:
        require(ca_cap_atomic_load(shared, at, &seen) == CA_CAP_FAULT_NONE);
        break;
    case 1:
        require(ca_cap_atomic_store(shared, at, value) == CA_CAP_FAULT_NONE);
        break;
    case 2:
        require(ca_cap_atomic_exchange(shared, at, value, &seen) == CA_CAP_FAULT_NONE);
        break;
    default:
        require(ca_cap_atomic_compare_exchange(shared, at, &seen, value, &done) == CA_CAP_FAULT_NONE);
        break;
    }
    require(is_a_value(seen));
}

static void *access_often(void *seed)
{
    struct rng rng = rng_start((uint64_t)(size_t)seed);

    for (unsigned i = 0; i < ROUNDS && cai_load_relaxed(&stop) == 0; i++)
        access_once(&rng);
    return NULL;
}

static void *access_until_stopped(void *seed)
{
    struct rng rng = rng_start((uint64_t)(size_t)seed);

    while (cai_load_relaxed(&stop) == 0)
        access_once(&rng);
    return NULL;
}

static void store_values(void)
{
    for (unsigned i = 0; i < CELLS; i++)
        require(ca_cap_atomic_store(shared, cell(i), values[i]) == CA_CAP_FAULT_NONE);
}

static void in_all(void *(*body)(void *), size_t first_seed)
{
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        threads[i] = thread_start(body, (void *)(first_seed + i));
    for (size_t i = 0; i < THREADS; i++)
        thread_join(threads[i]);
}

static void test_K12_bytes_and_tag_are_one_thing(void **state)
{
    (void)state;
    store_values();
    in_all(access_often, 100);
}

/* --- every exchange counts --- */

static void *count_up(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < ROUNDS; i++) {
        ca_cap there = ca_cap_null();
        bool done = false;
        require(ca_cap_atomic_load(shared, 0, &there) == CA_CAP_FAULT_NONE);
        while (!done) {
            require(ca_cap_is_valid(there));
            ca_cap next = ca_cap_address_set(there, ca_cap_address_get(there) + 1);
            require(ca_cap_atomic_compare_exchange(shared, 0, &there, next, &done) == CA_CAP_FAULT_NONE);
        }
    }
    return NULL;
}

static void test_K12_no_compare_and_exchange_is_lost(void **state)
{
    ca_cap block = cap_of((size_t)1 << 20), last = ca_cap_null();

    (void)state;
    assert_int_equal(ca_cap_atomic_store(shared, 0, block), CA_CAP_FAULT_NONE);
    in_all(count_up, 0);
    assert_int_equal(ca_cap_atomic_load(shared, 0, &last), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_offset_get(last), THREADS * ROUNDS);
    assert_true(ca_cap_is_equal_exact(ca_cap_offset_set(last, 0), block));
    assert_int_equal(ca_cap_deallocate(block), CA_OK);
}

/* Each thread puts in what it took out before: of the tokens none is doubled and none is lost. */
static ca_cap hands[THREADS];

static void *pass_on(void *number)
{
    ca_cap *hand = &hands[(size_t)number];

    for (unsigned i = 0; i < ROUNDS; i++)
        require(ca_cap_atomic_exchange(shared, 0, *hand, hand) == CA_CAP_FAULT_NONE);
    return NULL;
}

static void test_K12_an_exchange_takes_what_it_finds_once(void **state)
{
    unsigned seen = 0;
    ca_cap left = ca_cap_null();

    (void)state;
    assert_int_equal(ca_cap_atomic_store(shared, 0, values[THREADS]), CA_CAP_FAULT_NONE);
    for (unsigned i = 0; i < THREADS; i++)
        hands[i] = values[i];
    in_all(pass_on, 0);
    assert_int_equal(ca_cap_atomic_load(shared, 0, &left), CA_CAP_FAULT_NONE);
    for (unsigned i = 0; i <= THREADS; i++)
        for (unsigned j = 0; j <= THREADS; j++)
            if (ca_cap_is_equal_exact(i < THREADS ? hands[i] : left, values[j]))
                seen |= 1u << j;
    assert_int_equal(seen, (1u << (THREADS + 1)) - 1);
}

/* --- one order for all --- */

static pthread_barrier_t together;
static bool saw_nothing[2];

/* Stores to its own granule, then looks at the other's: one of the two sees what the other stored. */
static void *store_and_look(void *number)
{
    size_t me = (size_t)number;

    for (unsigned i = 0; i < ROUNDS / 20; i++) {
        ca_cap seen = ca_cap_null();
        pthread_barrier_wait(&together);
        require(ca_cap_atomic_store(shared, cell(me), values[0]) == CA_CAP_FAULT_NONE);
        require(ca_cap_atomic_load(shared, cell(1 - me), &seen) == CA_CAP_FAULT_NONE);
        saw_nothing[me] = ca_cap_is_invalid(seen);
        pthread_barrier_wait(&together);
        require(!saw_nothing[0] || !saw_nothing[1]);
        pthread_barrier_wait(&together);
        require(ca_cap_atomic_store(shared, cell(me), ca_cap_null()) == CA_CAP_FAULT_NONE);
    }
    return NULL;
}

static void test_K12_one_order_for_all(void **state)
{
    (void)state;
    store_values();
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(ca_cap_atomic_store(shared, cell(i), ca_cap_null()), CA_CAP_FAULT_NONE);
    assert_int_equal(pthread_barrier_init(&together, NULL, 2), 0);
    pthread_t other = thread_start(store_and_look, (void *)1);
    store_and_look((void *)0);
    thread_join(other);
    pthread_barrier_destroy(&together);
}

/* --- fork --- */

/* The other threads are not there, whatever they were storing: each granule holds a value and can be used. */
static int look_around(void)
{
    struct rng rng = rng_start(7);

    alarm(20);
    for (unsigned i = 0; i < CELLS; i++) {
        ca_cap seen = ca_cap_null();
        if (ca_cap_atomic_load(shared, cell(i), &seen) != CA_CAP_FAULT_NONE || !is_a_value(seen))
            return 1;
    }
    for (unsigned i = 0; i < 100; i++)
        access_once(&rng);
    return 0;
}

static void fork_beside(pid_t (*make)(void))
{
    pthread_t threads[THREADS];

    store_values();
    cai_store_relaxed(&stop, 0);
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = thread_start(access_until_stopped, (void *)(300 + i));
    for (unsigned i = 0; i < FORKS; i++) {
        int status = -1;
        pid_t child = make();
        if (child == 0)
            _exit(look_around());
        assert_true(child > 0 && waitpid(child, &status, 0) == child);
        assert_int_equal(status, 0);
    }
    cai_store_relaxed(&stop, 1);
    for (size_t i = 0; i < THREADS; i++)
        thread_join(threads[i]);
}

/* By which a child knows itself that no handler tells. The emulator qemu 7.2 does not. */
static bool is_wiped_in_children(void)
{
    volatile char *page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int status = -1;

    require(page != MAP_FAILED && madvise((void *)page, 1, MADV_WIPEONFORK) == 0);
    *page = 1;
    pid_t child = fork();
    if (child == 0)
        _exit(*page);
    require(child > 0 && waitpid(child, &status, 0) == child);
    return status == 0;
}

static void test_K12_a_child_has_all_or_nothing_of_a_store(void **state)
{
    (void)state;
    fork_beside(fork);
    if (!CAI_TSAN && is_wiped_in_children()) /* which knows nothing of _Fork */
        fork_beside(_Fork);
    else
        printf("children of _Fork are left out\n");
}

/* --- memory that is not there --- */

static sigjmp_buf back;

static void jump_back(int signal)
{
    (void)signal;
    siglongjmp(back, 1);
}

/* A handler that jumps out of an access leaves nothing behind that others would wait for. */
static void test_K12_a_fault_of_the_machine_leaves_no_lock(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    ca_cap block = cap_of(4 * page), cap = ca_cap_null();
    struct sigaction before, action = {.sa_handler = jump_back};
    char *hidden = (char *)((ca_cap_address_get(block) + page) / page * page);
    ptrdiff_t offset = (ptrdiff_t)((size_t)hidden - ca_cap_address_get(block));
    volatile unsigned faults = 0;

    (void)state;
    assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);
    assert_int_equal(ca_cap_store_cap(block, offset, block), CA_CAP_FAULT_NONE);
    assert_int_equal(mprotect(hidden, page, PROT_NONE), 0);
    if (sigsetjmp(back, 1) == 0)
        ca_cap_atomic_load(block, offset, &cap);
    else
        faults++;
    if (sigsetjmp(back, 1) == 0)
        ca_cap_atomic_store(block, offset, block);
    else
        faults++;
    assert_int_equal(faults, 2);
    assert_int_equal(mprotect(hidden, page, PROT_READ | PROT_WRITE), 0);
    assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
    assert_int_equal(ca_cap_atomic_load(block, offset, &cap), CA_CAP_FAULT_NONE);
    assert_true(ca_cap_is_equal_exact(cap, block));
    assert_int_equal(ca_cap_deallocate(block), CA_OK);
}

/* --- what is refused --- */

static unsigned told;
static ca_cap_fault_info last;

static void tell(const ca_cap_fault_info *info)
{
    last = *info;
    told++;
}

static void refuses(ca_cap via, ptrdiff_t offset, ca_cap_fault load, ca_cap_fault store, ca_cap_fault swap)
{
    ca_cap out = values[5], before = ca_cap_null();
    bool done = true;

    told = 0;
    assert_int_equal(ca_cap_atomic_load(via, offset, &out), load);
    assert_int_equal(told, load != CA_CAP_FAULT_NONE);
    assert_true(load == CA_CAP_FAULT_NONE || ca_cap_is_equal_exact(out, values[5]));
    assert_int_equal(ca_cap_atomic_store(via, offset, values[2]), store);
    assert_int_equal(ca_cap_load_cap(shared, 0, &before), CA_CAP_FAULT_NONE);
    assert_true(store == CA_CAP_FAULT_NONE || ca_cap_is_equal_exact(before, values[0]));
    out = values[5];
    told = 0;
    assert_int_equal(ca_cap_atomic_exchange(via, offset, values[2], &out), swap);
    assert_true(told == 1 && last.fault == swap && last.bytes == CA_CAP_BYTES &&
                last.address == ca_cap_address_get(via) + (size_t)offset &&
                strcmp(last.function, "ca_cap_atomic_exchange") == 0);
    assert_int_equal(ca_cap_atomic_compare_exchange(via, offset, &out, values[2], &done), swap);
    assert_true(done && ca_cap_is_equal_exact(out, values[5]));
    assert_int_equal(ca_cap_store_cap(shared, 0, values[0]), CA_CAP_FAULT_NONE);
}

static void test_K4_K12_what_is_refused_has_changed_nothing(void **state)
{
    ca_cap key = ca_cap_null(),
           data = ca_cap_unwrap(ca_cap_allocate_nocaps(ca_default_authority(), (ca_layout){64, 16}));
    const ca_cap_fault none = CA_CAP_FAULT_NONE, bounds = CA_CAP_FAULT_BOUNDS, tag = CA_CAP_FAULT_TAG,
                       seal = CA_CAP_FAULT_SEAL, alignment = CA_CAP_FAULT_ALIGNMENT;

    (void)state;
    ca_cap_set_fault_handler(tell);
    assert_int_equal(ca_cap_store_cap(shared, 0, values[0]), CA_CAP_FAULT_NONE);
    refuses(ca_cap_tag_clear(shared), 0, tag, tag, tag);
    assert_int_equal(ca_cap_sealer(&key), CA_OK);
    refuses(ca_cap_seal(shared, ca_cap_address_set(key, 9)), 0, seal, seal, seal);
    refuses(shared, CELLS * 16, bounds, bounds, bounds);
    refuses(shared, -16, bounds, bounds, bounds);
    refuses(shared, CELLS * 16 - 8, bounds, bounds, bounds);
    refuses(shared, 8, alignment, alignment, alignment);
    refuses(ca_cap_perms_clear(shared, CA_CAP_PERM_STORE), 0, none, CA_CAP_FAULT_PERMIT_STORE,
            CA_CAP_FAULT_PERMIT_STORE);
    refuses(ca_cap_perms_clear(shared, CA_CAP_PERM_LOAD), 0, CA_CAP_FAULT_PERMIT_LOAD, none, CA_CAP_FAULT_PERMIT_LOAD);
    refuses(ca_cap_perms_clear(shared, CA_CAP_PERM_STORE_CAP), 0, none, CA_CAP_FAULT_PERMIT_STORE_CAPABILITY,
            CA_CAP_FAULT_PERMIT_STORE_CAPABILITY);
    refuses(data, 0, none, CA_CAP_FAULT_PERMIT_STORE_CAPABILITY, CA_CAP_FAULT_PERMIT_STORE_CAPABILITY);
    ca_cap_set_fault_handler(NULL);
    assert_int_equal(ca_cap_deallocate(data), CA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_K12_bytes_and_tag_are_one_thing),
                                       cmocka_unit_test(test_K12_no_compare_and_exchange_is_lost),
                                       cmocka_unit_test(test_K12_an_exchange_takes_what_it_finds_once),
                                       cmocka_unit_test(test_K12_one_order_for_all),
                                       cmocka_unit_test(test_K12_a_child_has_all_or_nothing_of_a_store),
                                       cmocka_unit_test(test_K12_a_fault_of_the_machine_leaves_no_lock),
                                       cmocka_unit_test(test_K4_K12_what_is_refused_has_changed_nothing)};

    return cmocka_run_group_tests(tests, start, finish);
}
