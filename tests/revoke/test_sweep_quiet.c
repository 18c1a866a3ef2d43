/* Units that were read in an earlier sweep and not written since are not read again; a word in one of them is seen all
 * the same, however it came there. */
#include "revoke/oracle.h"

#include "os/watch.h"
#include "revoke/quiet.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum { BLOCKS = 320 * 1024, BLOCK_BYTES = 256, MIB = 1 << 20 };

static uintptr_t **list;

/* So much that it is worth it; each block points to the one before. */
static CAI_NOINLINE void fill(void)
{
    list = ca_malloc(BLOCKS * sizeof *list);
    for (unsigned i = 0; i < BLOCKS; i++) {
        list[i] = ca_malloc(BLOCK_BYTES);
        memset(list[i], 1, BLOCK_BYTES);
        *list[i] = i == 0 ? 0 : (uintptr_t)list[i - 1];
    }
    clean_stack();
}

/* In the middle of what was read before, a second word of a block. */
static volatile uintptr_t *cell(unsigned number)
{
    return list[BLOCKS / 4 + number * 200] + 1;
}

static uint64_t read_by_a_sweep(void)
{
    uint64_t before = cai_sweep_bytes();

    cai_quarantine_release();
    return cai_sweep_bytes() - before;
}

/* Two sweeps: what they have read is quiet from then on. False: not on this kernel. */
static bool quieten(void)
{
    tested_bytes = 64;
    if (list == NULL)
        fill();
    read_by_a_sweep();
    read_by_a_sweep();
    if (read_by_a_sweep() < 32 * MIB)
        return true;
    require(cai_os_watch_open() < 0); /* it is that which cannot be had */
    return false;
}

CHILD_TEST(test_R1_what_is_quiet_is_not_read_again, 120)
{
    require(!quieten() || read_by_a_sweep() < 32 * MIB);
}

/* A block that is alive when its word is read; nobody would read that any more. 0: nothing becomes quiet. */
static uint64_t block_with_quiet_word(void)
{
    tested_bytes = 64;
    fill();
    uint64_t block = take();
    point_to(cell(0), block, 20);
    return quieten() ? block : 0;
}

static void require_kept_by_its_word(uint64_t block)
{
    give(block);
    require_kept(block);
    *cell(0) = 0;
    require_released(block);
}

CHILD_TEST(test_R1_R2_a_word_in_quiet_memory, 120)
{
    uint64_t block = block_with_quiet_word();

    if (block != 0)
        require_kept_by_its_word(block);
}

/* Regions are longer then than those by which it was noted where the word leads. */
CHILD_TEST(test_R1_R2_a_word_in_quiet_memory_of_a_heap_that_grows, 120)
{
    uint64_t block = block_with_quiet_word();

    if (block == 0)
        return;
    for (unsigned i = 0; i < BLOCKS; i++)
        require(ca_malloc(BLOCK_BYTES) != NULL);
    require_kept_by_its_word(block);
    require(read_by_a_sweep() + read_by_a_sweep() > 0 && read_by_a_sweep() < 32 * MIB);
}

/* As much memory for data as for pointers, and something waits everywhere in it. */
CHILD_TEST(test_N3_R1_what_waits_among_data_does_not_wake_pointers, 120)
{
    static ca_nocaps data[BLOCKS];

    for (unsigned i = 0; i < BLOCKS; i++)
        data[i] = ca_unwrap(ca_allocate_nocaps(ca_default_authority(), (ca_layout){BLOCK_BYTES, 16}));
    if (!quieten())
        return;
    for (unsigned i = 0; i < BLOCKS; i += 100)
        ca_deallocate(data[i]);
    require(read_by_a_sweep() < 32 * MIB);
}

/* By a store; by the kernel; by another process, here this one. */
static void store(volatile uintptr_t *to, uint64_t disguised)
{
    *to = (uintptr_t)(disguised ^ MASK);
}

static void store_by_read(volatile uintptr_t *to, uint64_t disguised)
{
    int ends[2];
    uintptr_t word = (uintptr_t)(disguised ^ MASK);

    require(pipe(ends) == 0 && write(ends[1], &word, sizeof word) == sizeof word);
    word = 0;
    require(read(ends[0], (void *)to, sizeof word) == sizeof word);
    close(ends[0]);
    close(ends[1]);
}

static void store_from_outside(volatile uintptr_t *to, uint64_t disguised)
{
    uintptr_t word = (uintptr_t)(disguised ^ MASK);
    struct iovec local = {&word, sizeof word}, remote = {(void *)to, sizeof word};

    require(process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == sizeof word);
    word = 0;
}

CHILD_TEST(test_R1_R2_a_word_that_comes_into_quiet_memory, 120)
{
    static void (*const ways[])(volatile uintptr_t *, uint64_t) = {store, store_by_read, store_from_outside};

    if (!quieten())
        return;
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
        uint64_t block = take();
        ways[i](cell(i), block);
        give(block);
        clean_stack();
        require_kept(block);
        *cell(i) = 0;
        require_released(block);
    }
}

/* From one quiet page to another before each sweep, copied and not. */
CHILD_TEST(test_R1_a_word_that_moves_between_quiet_pages, 120)
{
    if (!quieten())
        return;
    uint64_t block = take();
    point_to(cell(0), block, 0);
    give(block);
    for (unsigned i = 0; i < 24; i++) {
        *cell(i + 1) = *cell(i);
        if (i % 3 == 1)
            cai_quarantine_release(); /* it is in both */
        *cell(i) = 0;
        clean_stack();
        require(!comes_again(block) && waits(block));
    }
    *cell(24) = 0;
    require_released(block);
}

/* Pages that went and came again are not what they were. */
CHILD_TEST(test_R1_R2_quiet_pages_that_were_dropped, 120)
{
    if (!quieten())
        return;
    uint64_t block = take();
    uintptr_t page = (uintptr_t)cell(0) & ~(uintptr_t)4095;
    require(madvise((void *)page, 4096, MADV_DONTNEED) == 0);
    cai_quarantine_release();
    point_to(cell(0), block, 0);
    give(block);
    require_kept(block);
    *cell(0) = 0;
    require_released(block);
}

/* The child has none of the protection, and the parent goes on. */
CHILD_TEST(test_R1_R2_the_child_of_a_fork_and_quiet_memory, 120)
{
    if (!quieten())
        return;
    uint64_t block = take();
    point_to(cell(0), block, 0);
    give(block);
    for (unsigned round = 0; round < 3; round++) {
        pid_t child = fork();
        require(child >= 0);
        *cell(round + 1) = *cell(round);
        *cell(round) = 0;
        clean_stack();
        for (unsigned i = 0; i < 2; i++)
            require(!comes_again(block) && waits(block));
        if (child == 0) {
            *cell(round + 1) = 0;
            require_released(block);
            _exit(0);
        }
        int status;
        require(waitpid(child, &status, 0) == child && status == 0);
        require(!comes_again(block) && waits(block));
    }
    *cell(3) = 0;
    require_released(block);
}

static void *nothing(void *unused)
{
    cai_quarantine_release(); /* one of two threads: it reads ahead */
    return unused;
}

CHILD_TEST(test_R1_a_thread_comes_and_goes, 120)
{
    if (!quieten())
        return;
    uint64_t block = take();
    point_to(cell(0), block, 0);
    read_by_a_sweep();
    give(block);
    for (unsigned i = 0; i < 3; i++) {
        pthread_t thread;
        require(pthread_create(&thread, NULL, nothing, NULL) == 0);
        require(pthread_join(thread, NULL) == 0);
        *cell(i + 1) = *cell(i);
        *cell(i) = 0;
        clean_stack();
        require(!comes_again(block) && !comes_again(block));
    }
    *cell(3) = 0;
    require_released(block);
}

/* Returns the descriptor of the watcher, which the program does not know. */
static int watcher(void)
{
    DIR *all = opendir("/proc/self/fd");
    int found = -1;

    require(all != NULL);
    for (struct dirent *one; (one = readdir(all)) != NULL;) {
        char target[64] = "";
        if (readlinkat(dirfd(all), one->d_name, target, sizeof target - 1) > 0 && strstr(target, "userfaultfd") != NULL)
            found = atoi(one->d_name);
    }
    closedir(all);
    return found;
}

/* And opens a file of its own with that number, which stays open. */
CHILD_TEST(test_R1_a_program_that_closes_what_it_did_not_open, 120)
{
    struct stat null, own;

    if (!quieten())
        return;
    int number = watcher();
    require(number >= 512);
    uint64_t block = take();
    point_to(cell(0), block, 0);
    read_by_a_sweep();
    int file = open("/dev/null", O_RDONLY);
    require(file >= 0 && stat("/dev/null", &null) == 0 && dup2(file, number) == number);
    close(file);
    give(block);
    require_kept(block);
    require(watcher() != number && fstat(number, &own) == 0 && own.st_rdev == null.st_rdev);
    *cell(0) = 0;
    require_released(block);
    require(read_by_a_sweep() < 32 * MIB); /* by another one */
}

/* Nor has it the descriptor by which its parent watches; the parent keeps it, and what it knows. */
CHILD_TEST(test_R6_the_child_of_a_fork_has_no_watcher, 120)
{
    int status;

    if (!quieten())
        return;
    require(watcher() >= 512);
    pid_t child = fork();
    require(child >= 0);
    if (child == 0) {
        ca_free(ca_malloc(100)); /* the first call of the child's */
        require(watcher() < 0);
        require(read_by_a_sweep() >= 32 * MIB);
        require(read_by_a_sweep() + read_by_a_sweep() > 0 && read_by_a_sweep() < 32 * MIB); /* by its own */
        _exit(0);
    }
    require(waitpid(child, &status, 0) == child && status == 0);
    require(watcher() >= 512 && read_by_a_sweep() < 32 * MIB);
}

/* What a program protects by a watcher of its own was not read by anybody. */
CHILD_TEST(test_R1_a_watcher_of_the_programs, 120)
{
    enum { BYTES = 1 << 20 };
    struct cai_os_pages pages[4];
    int own = cai_os_watch_open();
    int told = open("/proc/self/pagemap", O_RDONLY);
    volatile uintptr_t *words = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (own < 0 || !quieten())
        return;
    require(words != MAP_FAILED && told >= 0);
    uint64_t block = take();
    point_to(words + 100, block, 0);
    uintptr_t at = (uintptr_t)words;
    require(cai_os_watch(own, at, at + BYTES));
    require(cai_os_pages(told, CAI_ASK_PROTECT, &at, at + BYTES, pages, 4) >= 0);
    give(block);
    require_kept(block);
    for (unsigned i = 0; i < 2; i++) { /* and with two threads */
        pthread_t thread;
        require(pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);
        require(waits(block));
    }
    words[100] = 0;
    require_released(block);
}

int main(void)
{
    setenv("CAPALLOC_OPTIONS", "revoke", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_R1_what_is_quiet_is_not_read_again),
        cmocka_unit_test(test_R1_R2_a_word_in_quiet_memory),
        cmocka_unit_test(test_R1_R2_a_word_in_quiet_memory_of_a_heap_that_grows),
        cmocka_unit_test(test_N3_R1_what_waits_among_data_does_not_wake_pointers),
        cmocka_unit_test(test_R1_R2_a_word_that_comes_into_quiet_memory),
        cmocka_unit_test(test_R1_a_word_that_moves_between_quiet_pages),
        cmocka_unit_test(test_R1_R2_quiet_pages_that_were_dropped),
        cmocka_unit_test(test_R1_R2_the_child_of_a_fork_and_quiet_memory),
        cmocka_unit_test(test_R1_a_thread_comes_and_goes),
        cmocka_unit_test(test_R1_a_program_that_closes_what_it_did_not_open),
        cmocka_unit_test(test_R6_the_child_of_a_fork_has_no_watcher),
        cmocka_unit_test(test_R1_a_watcher_of_the_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
