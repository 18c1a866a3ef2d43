/* The stack of calls is what the C library says it is: deep down, in signal handlers, on other stacks. */
#include "unit/unit.h"

#include "base/compiler.h"
#include "unit/stack/calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static struct calls calls;

#define NOINLINE __attribute__((noinline))

/* With a frame of its own size at each depth, which only the tables know. */
NOINLINE static unsigned descend(unsigned depth, void (*bottom)(void))
{
    volatile char room[96];

    room[depth % sizeof room] = 1;
    if (depth == 0)
        bottom();
    else
        descend(depth - 1, bottom);
    return (unsigned)room[depth % sizeof room];
}

/* A frame whose size nobody knew before. */
NOINLINE static unsigned descend_by(size_t bytes, void (*bottom)(void))
{
    volatile char *room = __builtin_alloca(bytes);

    room[0] = 1;
    descend(3, bottom);
    return (unsigned)room[0];
}

/* A frame that is aligned, so that where it began is found by an expression. */
NOINLINE static unsigned descend_aligned(size_t bytes, void (*bottom)(void))
{
    volatile char room[64] __attribute__((aligned(128)));
    volatile char *more = __builtin_alloca(bytes);

    room[0] = 1;
    more[0] = 1;
    descend(3, bottom);
    return (unsigned)room[0] + (unsigned)more[0];
}

NOINLINE static void read_both(void)
{
    errno = 77;
    calls_read(&calls);
    __asm__ volatile("");
}

static void test_deep(void **state)
{
    (void)state;
    descend(1000, read_both);
    assert_true(calls_agree(&calls, 1001));
    assert_int_equal(errno, 77);
}

static void test_frames_of_any_size(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes < 300000; bytes = bytes * 3 + 7) {
        descend_by(bytes, read_both);
        assert_true(calls_agree(&calls, 6));
        descend_aligned(bytes, read_both);
        assert_true(calls_agree(&calls, 6));
    }
}

static size_t count;
static uintptr_t some[16];

NOINLINE static void read_some(void)
{
    uintptr_t all[16];

    cai_stack_read(all, 16, 0);
    count = cai_stack_read(some, 4, 3);
    assert_memory_equal(all + 3, some, 4 * sizeof *some);
    assert_int_equal(some[4], 0);
    assert_int_equal(cai_stack_read(some, 0, 0), 0);
    assert_int_equal(cai_stack_read(some, 4, 100000), 0);
}

static void test_skips_and_stops(void **state)
{
    (void)state;
    descend(20, read_some);
    assert_int_equal(count, 4);
}

static void handler(int signal)
{
    (void)signal;
    descend(2, read_both);
}

NOINLINE static void be_interrupted(void)
{
    raise(SIGUSR1);
    __asm__ volatile("");
}

static void handle(int number, void (*with)(int), int flags)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = with;
    action.sa_flags = flags;
    assert_int_equal(sigaction(number, &action, NULL), 0);
}

static void test_in_a_signal_handler(void **state)
{
    (void)state;
    handle(SIGUSR1, handler, 0);
    descend(10, be_interrupted);
    assert_true(calls_agree(&calls, 16));
}

static void test_on_the_stack_for_signals(void **state)
{
    size_t bytes = (size_t)64 << 10;
    stack_t stack = {.ss_sp = malloc(bytes), .ss_size = bytes};

    (void)state;
    assert_int_equal(sigaltstack(&stack, NULL), 0);
    handle(SIGUSR1, handler, SA_ONSTACK);
    descend(10, be_interrupted);
    assert_true(calls_agree(&calls, 16));
    stack.ss_flags = SS_DISABLE;
    assert_int_equal(sigaltstack(&stack, NULL), 0);
    free(stack.ss_sp);
}

/* A function that calls nobody, at each of its instructions. */
NOINLINE static unsigned leaf(volatile const unsigned *go)
{
    unsigned rounds = 0;

    while (*go)
        rounds++;
    return rounds;
}

static volatile unsigned go;
static pthread_t waiting;

static void stop_leaf(int signal)
{
    (void)signal;
    read_both();
    go = 0;
}

static void *interrupt(void *unused)
{
    usleep(2000);
    pthread_kill(waiting, SIGUSR2);
    return unused;
}

NOINLINE static void be_a_leaf(void)
{
    leaf(&go);
    __asm__ volatile("");
}

static void test_of_what_calls_nobody(void **state)
{
    (void)state;
    if (CAI_TSAN)
        skip(); /* it holds signals back until the thread makes a call */
    handle(SIGUSR2, stop_leaf, 0);
    waiting = pthread_self();
    for (int i = 0; i < 10; i++) {
        pthread_t thread;
        go = 1;
        assert_int_equal(pthread_create(&thread, NULL, interrupt, NULL), 0);
        descend(2, be_a_leaf);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_true(calls_agree(&calls, 8));
    }
}

static void *in_thread(void *unused)
{
    descend(10, read_both);
    return unused;
}

static void test_in_a_thread(void **state)
{
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, in_thread, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(calls_agree(&calls, 13));
}

/* Loads and unloads a module until it is told to stop, and is asked for its stack in the middle of that. */
static unsigned loaded, asked, shortest;

static void ask(int signal)
{
    uintptr_t frames[64];
    unsigned got = (unsigned)cai_stack_read(frames, 64, 0);

    (void)signal;
    if (got < shortest)
        shortest = got;
    __atomic_add_fetch(&asked, 1, __ATOMIC_RELEASE);
}

static void *load(void *unused)
{
    while (__atomic_load_n(&go, __ATOMIC_RELAXED)) {
        void *module = dlopen("libanl.so.1", RTLD_NOW | RTLD_LOCAL);
        if (module != NULL && dlclose(module) == 0)
            __atomic_add_fetch(&loaded, 1, __ATOMIC_RELAXED);
    }
    return unused;
}

static void test_while_modules_are_loaded(void **state)
{
    pthread_t thread;

    (void)state;
    if (CAI_TSAN)
        skip(); /* as above */
    handle(SIGUSR2, ask, 0);
    go = 1;
    loaded = asked = 0;
    shortest = 64;
    assert_int_equal(pthread_create(&thread, NULL, load, NULL), 0);
    while (__atomic_load_n(&loaded, __ATOMIC_RELAXED) == 0)
        usleep(100); /* before that, the thread may be at its very start */
    for (unsigned i = 1; i <= 100; i++) {
        uintptr_t frames[64];
        assert_int_equal(pthread_kill(thread, SIGUSR2), 0);
        do
            assert_true(cai_stack_read(frames, 64, 0) >= 4);
        while (__atomic_load_n(&asked, __ATOMIC_ACQUIRE) < i);
    }
    __atomic_store_n(&go, 0, __ATOMIC_RELAXED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(loaded > 0);
    /* The handler, what it returns to, where it came from: perhaps the module's _init, which no table explains. */
    assert_true(shortest >= 3);
}

static ucontext_t here, there;

static void coroutine(void)
{
    descend(10, read_both);
}

/* Right below memory that cannot be read, as nothing says where this stack ends. */
static void test_in_a_coroutine(void **state)
{
    size_t bytes = (size_t)1 << 18;
    char *stack = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_ptr_not_equal(stack, MAP_FAILED);
    assert_int_equal(mprotect(stack + bytes - 65536, 65536, PROT_NONE), 0);
    assert_int_equal(getcontext(&there), 0);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = bytes - 65536;
    there.uc_link = &here;
    makecontext(&there, coroutine, 0);
    assert_int_equal(swapcontext(&here, &there), 0);
    assert_true(calls.own_count >= 13);
    for (size_t i = 2; i < 11; i++)
        assert_int_equal(calls.own[i], calls.own[2]);
    munmap(stack, bytes);
}

static int compare(const void *left, const void *right)
{
    if (calls.own_count == 0)
        descend(1, read_both); /* by way of the C library's code */
    return *(const int *)left - *(const int *)right;
}

static void test_through_other_modules(void **state)
{
    int numbers[] = {3, 1, 2, 9, 7};

    (void)state;
    calls.own_count = 0;
    qsort(numbers, 5, sizeof *numbers, compare);
    assert_true(calls_agree(&calls, 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_frames_of_any_size),
        cmocka_unit_test(test_skips_and_stops),
        cmocka_unit_test(test_in_a_signal_handler),
        cmocka_unit_test(test_on_the_stack_for_signals),
        cmocka_unit_test(test_of_what_calls_nobody),
        cmocka_unit_test(test_in_a_thread),
        cmocka_unit_test(test_while_modules_are_loaded),
        cmocka_unit_test(test_in_a_coroutine),
        cmocka_unit_test(test_through_other_modules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
