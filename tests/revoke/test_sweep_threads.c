/* Sweeps and threads: words in their registers, words that they move, threads that come, go, cannot be stopped, or
 * fork. */
#include "revoke/oracle.h"

#include "os/watch.h"

static volatile uintptr_t global;

static uint32_t phase; /* atomic */

#if defined(__x86_64__)
static uint64_t shared_block;
static pthread_barrier_t meet;

/* Nowhere but in registers, until the phase says so. */
static void hold_in_register(uint64_t disguised)
{
    __asm__ volatile("mov %0, %%r12\n\txor %1, %%r12\n\txor %0, %0\n"
                     "1:\tpause\n\tcmpl $0, %2\n\tje 1b\n\txor %%r12, %%r12"
                     : "+r"(disguised)
                     : "r"(MASK), "m"(phase)
                     : "r12", "memory", "cc");
}

static void hold_in_vector(uint64_t disguised)
{
    /* Shifted by three bytes, as when unaligned memory is copied. */
    __asm__ volatile(
        "mov %0, %%r12\n\txor %1, %%r12\n\tmovq %%r12, %%xmm9\n\tpslldq $3, %%xmm9\n\txor %%r12, %%r12\n\txor %0, %0\n"
        "1:\tpause\n\tcmpl $0, %2\n\tje 1b\n\tpxor %%xmm9, %%xmm9"
        : "+r"(disguised)
        : "r"(MASK), "m"(phase)
        : "r12", "xmm9", "memory", "cc");
}

static void *hold(void *how)
{
    uint64_t disguised = shared_block;

    pthread_barrier_wait(&meet);
    if (how != NULL)
        hold_in_vector(disguised);
    else
        hold_in_register(disguised);
    clean_stack();
    pthread_barrier_wait(&meet);
    return NULL;
}

CHILD_TEST(test_R1_R2_a_word_in_a_register_of_another_thread, 120)
{
    for (uintptr_t vector = 0; vector < 2; vector++) {
        pthread_t thread;
        tested_bytes = 64;
        cai_store_release(&phase, 0);
        shared_block = take();
        uint64_t block = shared_block;
        require(pthread_barrier_init(&meet, NULL, 2) == 0 && pthread_create(&thread, NULL, hold, (void *)vector) == 0);
        pthread_barrier_wait(&meet);
        usleep(20000); /* it has got to its loop */
        give(block);
        clean_stack();
        require_kept(block);
        cai_store_release(&phase, 1);
        pthread_barrier_wait(&meet);
        pthread_join(thread, NULL);
        require_released(block);
    }
}
#endif

/* The word is always in one of two places, and moves between them all the time. */
static volatile uintptr_t *from, *to;

static void *move_about(void *unused)
{
    while (cai_load_relaxed(&phase) == 0) {
        *to = *from;
        *from = 0;
        *from = *to;
        *to = 0;
    }
    *from = *to = 0;
    clean_stack(); /* the C library keeps it for the next thread */
    return unused;
}

CHILD_TEST(test_R1_R2_a_word_that_another_thread_moves_about, 120)
{
    pthread_t thread;

    tested_bytes = 200;
    from = ca_calloc(1, 64);
    to = &global; /* all else is read first, then the heap: who did not stop would miss it every other time */
    uint64_t block = take();
    *from = (uintptr_t)(block ^ MASK);
    give(block);
    require(pthread_create(&thread, NULL, move_about, NULL) == 0);
    for (unsigned i = 0; i < 60; i++)
        require(!comes_again(block));
    cai_store_release(&phase, 1);
    pthread_join(thread, NULL);
    require_released(block);
}

/* --- what is read while threads run --- */

/* So much that it is worth it. */
static char *fill(void)
{
    enum { BLOCKS = 24 * 1024, BLOCK_BYTES = 1024 };
    char **list = ca_malloc(BLOCKS * sizeof *list);

    for (unsigned i = 0; i < BLOCKS; i++) {
        list[i] = ca_malloc(BLOCK_BYTES);
        memset(list[i], 1, BLOCK_BYTES);
    }
    return (char *)list;
}

/* Words that are always in one of two places in the heap, far from each other: each page is read at a moment when they
 * may be in the other. So one that was read is read again when it was written to. */
enum { WORDS = 64 };

static void *move_many(void *unused)
{
    while (cai_load_relaxed(&phase) == 0) {
        for (unsigned i = 0; i < WORDS; i++)
            to[i] = from[i], from[i] = 0;
        for (unsigned i = 0; i < WORDS; i++)
            from[i] = to[i], to[i] = 0;
    }
    for (unsigned i = 0; i < WORDS; i++)
        from[i] = 0;
    clean_stack();
    return unused;
}

CHILD_TEST(test_R1_words_that_move_while_memory_is_read, 120)
{
    static uint64_t blocks[WORDS];
    pthread_t thread;

    tested_bytes = 200;
    from = ca_calloc(1, 512);
    require(fill() != NULL);
    to = ca_calloc(1, 1024);
    for (unsigned i = 0; i < WORDS; i++) {
        blocks[i] = take();
        from[i] = (uintptr_t)(blocks[i] ^ MASK);
        give(blocks[i]);
    }
    cai_store_release(&phase, 0);
    require(pthread_create(&thread, NULL, move_many, NULL) == 0);
    uint64_t ahead = cai_sweep_bytes_ahead();
    for (unsigned i = 0; i < 150; i++) {
        cai_quarantine_release();
        for (unsigned j = 0; j < WORDS; j++)
            require(waits(blocks[j]));
    }
    require(cai_sweep_bytes_ahead() > ahead || cai_os_watch_open() < 0); /* on kernels that tell what was written */
    cai_store_release(&phase, 1);
    pthread_join(thread, NULL);
    for (unsigned j = 0; j < WORDS; j++)
        require_released(blocks[j]);
}

/* Pages that move with what is in them, that go and come again, and that others are put in the place of. */
static void *move_pages(void *unused)
{
    enum { LENGTH = 256 << 10 };
    char *places = mmap(NULL, 4 * LENGTH, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    require(places != MAP_FAILED);
    char *here = mmap(places, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

    require(here == places);
    *(volatile uintptr_t *)(here + 4096 * 7) = *from;
    *from = 0;
    clean_stack();
    cai_store_release(&phase, 2);
    for (unsigned i = 1; cai_load_relaxed(&phase) == 2; i++) {
        char *there = places + (size_t)(i % 2) * 2 * LENGTH;
        /* What it leaves stays reserved: nobody else's memory is to come there. */
        require(mremap(here, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, there) == there);
        here = there;
        char *other = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        require(other != MAP_FAILED);
        for (unsigned page = 0; page < LENGTH; page += 4096)
            other[page] = 1;
        require(mprotect(other, LENGTH / 2, PROT_NONE) == 0 && munmap(other, LENGTH) == 0);
    }
    require(munmap(places, 4 * LENGTH) == 0);
    clean_stack();
    return unused;
}

CHILD_TEST(test_R1_R6_pages_that_move_while_memory_is_read, 120)
{
    pthread_t thread;
    static volatile uintptr_t word;

    tested_bytes = 200;
    require(fill() != NULL);
    uint64_t block = take();
    from = &word;
    word = (uintptr_t)(block ^ MASK);
    give(block);
    cai_store_release(&phase, 0);
    require(pthread_create(&thread, NULL, move_pages, NULL) == 0);
    while (cai_load_acquire(&phase) != 2)
        usleep(1000);
    for (unsigned i = 0; i < 20; i++)
        require(!comes_again(block) && waits(block));
    cai_store_release(&phase, 3);
    pthread_join(thread, NULL);
    require_released(block);
    require(cai_sweeps_in_doubt() == 0 || cai_sweeps() > 0);
}

/* Debian's redis has such a thread. */
static void *block_all_signals(void *unused)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    while (cai_load_acquire(&phase) == 0)
        usleep(1000);
    return unused;
}

CHILD_TEST(test_R9_a_thread_that_blocks_all_signals_is_stopped_too, 60)
{
    pthread_t thread;

    tested_bytes = 64;
    require(pthread_create(&thread, NULL, block_all_signals, NULL) == 0);
    usleep(20000);
    check_word(&global, 0);
    require(cai_sweeps_in_doubt() == 0);
    cai_store_release(&phase, 1);
    pthread_join(thread, NULL);
}

#if defined(__x86_64__)
/* One that cannot be stopped: it keeps out the signal past the C library. Nothing is released, and that is said. */
static void *keep_out(void *unused)
{
    uint64_t all = UINT64_MAX;

    cai_store_release(&phase, 2);
    while (cai_load_acquire(&phase) == 2) {
        syscall(14 /* rt_sigprocmask */, SIG_SETMASK, &all, NULL, sizeof all);
        usleep(1000);
    }
    return unused;
}

CHILD_TEST(test_R9_a_thread_that_cannot_be_stopped, 120)
{
    pthread_t thread;

    tested_bytes = 64;
    uint64_t block = take();
    require(pthread_create(&thread, NULL, keep_out, NULL) == 0);
    while (cai_load_acquire(&phase) != 2)
        usleep(1000);
    usleep(20000);
    give(block);
    clean_stack();
    for (unsigned i = 0; i < 2; i++)
        require(!comes_again(block));
    require(cai_sweeps_in_doubt() == 2 && cai_sweeps() == 0);
    cai_store_release(&phase, 1);
    uint64_t none = 0;
    (void)none;
    pthread_join(thread, NULL);
    require_released(block);
}
#endif

static void *come_and_go(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < 300; i++)
        ca_free(ca_malloc(1 + i * 7));
    return NULL;
}

static void *spawn(void *unused)
{
    while (cai_load_acquire(&phase) == 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, come_and_go, NULL) == 0)
            pthread_join(thread, NULL);
    }
    return unused;
}

CHILD_TEST(test_R6_sixty_threads_that_come_and_go, 200)
{
    enum { THREADS = 60 };
    pthread_t threads[THREADS];

    tested_bytes = 500;
    for (unsigned i = 0; i < THREADS; i++)
        require(pthread_create(&threads[i], NULL, spawn, NULL) == 0);
    /* Whether it is released is not asked here: in the old frames of so many stacks any address may stand. */
    for (unsigned i = 0; i < 8; i++)
        (void)check_kept(&global, 0);
    cai_store_release(&phase, 1);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    require(cai_sweeps() > 24);
    require_null(audit_heap());
}

static void *sweep_on(void *unused)
{
    while (cai_load_acquire(&phase) == 0)
        cai_quarantine_release();
    return unused;
}

CHILD_TEST(test_R6_fork_in_the_middle_of_a_sweep, 200)
{
    pthread_t thread;

    require(fill() != NULL); /* also in the middle of what is done while threads run */
    require(pthread_create(&thread, NULL, sweep_on, NULL) == 0);
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned j = 0; j < 50; j++)
            ca_free(ca_malloc(200 + j));
        pid_t child = fork();
        require(child >= 0);
        if (child == 0) {
            tested_bytes = 64;
            uint64_t block = take();
            global = (uintptr_t)(block ^ MASK);
            give(block);
            _exit(comes_again(block) || cai_sweeps_in_doubt() != 0 || audit_heap() != NULL);
        }
        int status;
        require(waitpid(child, &status, 0) == child && status == 0);
    }
    cai_store_release(&phase, 1);
    pthread_join(thread, NULL);
    require_null(audit_heap());
}

int main(void)
{
    setenv("CAPALLOC_OPTIONS", "revoke", 1);
    const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
        cmocka_unit_test(test_R1_R2_a_word_in_a_register_of_another_thread),
        cmocka_unit_test(test_R9_a_thread_that_cannot_be_stopped),
#endif
        cmocka_unit_test(test_R1_R2_a_word_that_another_thread_moves_about),
        cmocka_unit_test(test_R1_words_that_move_while_memory_is_read),
        cmocka_unit_test(test_R1_R6_pages_that_move_while_memory_is_read),
        cmocka_unit_test(test_R9_a_thread_that_blocks_all_signals_is_stopped_too),
        cmocka_unit_test(test_R6_sixty_threads_that_come_and_go),
        cmocka_unit_test(test_R6_fork_in_the_middle_of_a_sweep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
