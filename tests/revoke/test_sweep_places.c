/* Sweeps and odd places: memory that cannot be read any more, stacks of coroutines, alternate stacks, many threads, and
 * mappings that come and go under the sweep. */
#include "revoke/oracle.h"

#include <ucontext.h>

static uint32_t phase; /* atomic */

/* What was made PROT_NONE may be made readable again. */
CHILD_TEST(test_R1_R2_a_word_in_memory_that_was_closed, 60)
{
    size_t bytes = 1 << 16;
    volatile uintptr_t *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    require(map != MAP_FAILED);
    tested_bytes = 64;
    uint64_t block = take();
    map[100] = (uintptr_t)(block ^ MASK);
    give(block);
    require(mprotect((void *)map, bytes, PROT_NONE) == 0);
    clean_stack();
    require_kept(block);
    require(mprotect((void *)map, bytes, PROT_READ | PROT_WRITE) == 0);
    map[100] = 0;
    require(mprotect((void *)map, bytes, PROT_NONE) == 0);
    require_released(block);
}

static ucontext_t outside, inside;
static uint64_t of_coroutine;

/* Nothing of it is on the stack that sweeps. */
static void coroutine(void)
{
    volatile uintptr_t here = (uintptr_t)(of_coroutine ^ MASK);

    require(swapcontext(&inside, &outside) == 0);
    here = 0;
    (void)here;
    clean_stack();
}

CHILD_TEST(test_R1_R2_a_word_on_the_stack_of_a_coroutine, 60)
{
    enum { STACK = 64 * 1024 };
    char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    require(stack != MAP_FAILED && getcontext(&inside) == 0);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = STACK;
    inside.uc_link = &outside;
    makecontext(&inside, coroutine, 0);
    tested_bytes = 64;
    of_coroutine = take();
    uint64_t block = of_coroutine;
    require(swapcontext(&outside, &inside) == 0);
    give(block);
    require_kept(block);
    require(swapcontext(&outside, &inside) == 0);
    memset(&inside, 0, sizeof inside);
    memset(stack, 0, STACK);
    require_released(block);
}

/* A thread in such a coroutine, with little room: it is stopped on an alternate stack, where it may have one. */
static void wait_on_small_stack(void)
{
    cai_store_release(&phase, 1);
    while (cai_load_acquire(&phase) == 1)
        usleep(100);
}

static void *run_on_small_stack(void *unused)
{
    enum { SMALL = 8192, ALTERNATE = 64 * 1024 };
    static char alternate[ALTERNATE];
    static _Alignas(16) char small[SMALL];
    static ucontext_t here, there;
    stack_t other = {.ss_sp = alternate, .ss_size = sizeof alternate};

    require(sigaltstack(&other, NULL) == 0 && getcontext(&there) == 0);
    there.uc_stack.ss_sp = small;
    there.uc_stack.ss_size = sizeof small;
    there.uc_link = &here;
    makecontext(&there, wait_on_small_stack, 0);
    require(swapcontext(&here, &there) == 0);
    return unused;
}

CHILD_TEST(test_R6_a_thread_on_a_small_stack_with_an_alternate_one, 60)
{
    static volatile uintptr_t global;
    pthread_t thread;

    tested_bytes = 64;
    require(pthread_create(&thread, NULL, run_on_small_stack, NULL) == 0);
    while (cai_load_acquire(&phase) != 1)
        usleep(100);
    check_word(&global, 0);
    cai_store_release(&phase, 2);
    require(pthread_join(thread, NULL) == 0);
}

/* Each has the only word on its stack. */
enum { THREADS = 200 };

static uint64_t blocks[THREADS];
static uint32_t there; /* atomic */

static void *keep_one(void *number)
{
    volatile uintptr_t here = (uintptr_t)(blocks[(uintptr_t)number] ^ MASK);

    cai_add_relaxed(&there, 1);
    while (cai_load_acquire(&phase) == 0)
        usleep(20000);
    here = 0;
    (void)here;
    return NULL;
}

CHILD_TEST(test_R1_R6_two_hundred_threads_with_a_word_each, 120)
{
    pthread_t threads[THREADS];

    tested_bytes = 64;
    for (uintptr_t i = 0; i < THREADS; i++) {
        blocks[i] = take();
        require(pthread_create(&threads[i], NULL, keep_one, (void *)i) == 0);
    }
    while (cai_load_acquire(&there) != THREADS)
        usleep(1000);
    for (unsigned i = 0; i < THREADS; i++)
        give(blocks[i]);
    for (unsigned round = 0; round < 3; round++)
        cai_quarantine_release();
    for (unsigned i = 0; i < THREADS; i++)
        require(waits(blocks[i]));
    require(!comes_again(blocks[0]) && !comes_again(blocks[THREADS - 1]));
    cai_store_release(&phase, 1);
    for (unsigned i = 0; i < THREADS; i++)
        require(pthread_join(threads[i], NULL) == 0);
    require_null(audit_heap());
}

/* The word goes from one mapping to a new one, and the old one away, all the time. */
static volatile uintptr_t *now_here; /* atomic */

static void *move_on(void *unused)
{
    while (cai_load_acquire(&phase) == 0) {
        volatile uintptr_t *next = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        volatile uintptr_t *old = now_here;
        require(next != MAP_FAILED);
        next[5000] = old[5000];
        now_here = next;
        munmap((void *)old, 65536);
    }
    now_here[5000] = 0;
    clean_stack();
    return unused;
}

CHILD_TEST(test_R1_R6_a_word_in_mappings_that_come_and_go, 120)
{
    pthread_t thread;

    tested_bytes = 64;
    now_here = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(now_here != MAP_FAILED);
    uint64_t block = take();
    now_here[5000] = (uintptr_t)(block ^ MASK);
    give(block);
    require(pthread_create(&thread, NULL, move_on, NULL) == 0);
    for (unsigned i = 0; i < 10; i++)
        require(!comes_again(block));
    cai_store_release(&phase, 1);
    require(pthread_join(thread, NULL) == 0);
    require_released(block);
}

int main(void)
{
    setenv("CAPALLOC_OPTIONS", "revoke", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_R1_R2_a_word_in_memory_that_was_closed),
        cmocka_unit_test(test_R1_R2_a_word_on_the_stack_of_a_coroutine),
        cmocka_unit_test(test_R6_a_thread_on_a_small_stack_with_an_alternate_one),
        cmocka_unit_test(test_R1_R6_two_hundred_threads_with_a_word_each),
        cmocka_unit_test(test_R1_R6_a_word_in_mappings_that_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
