/* Sweeps: as long as a word that can be seen points into a freed block, its memory is not handed out; when the last one
 * is gone it is. Each place in which a word can be has a test; what threads hold: test_sweep_threads.c. */
#include "revoke/oracle.h"

static const size_t sizes[] = {16, 48, 64, 256, 1000, 4096, 32768, 100000, 400000};

static void for_sizes(volatile uintptr_t *where)
{
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        tested_bytes = sizes[i];
        check_word(where, 0);
    }
}

static volatile uintptr_t global;
static volatile uintptr_t initialized = 1;
static _Thread_local volatile uintptr_t of_thread;

CHILD_TEST(test_R1_R2_a_word_in_a_global, 120)
{
    for_sizes(&global);
    for_sizes(&initialized);
}

CHILD_TEST(test_R1_R2_a_word_in_thread_local_storage, 120)
{
    for_sizes(&of_thread);
}

CHILD_TEST(test_R1_R2_a_word_on_the_stack, 120)
{
    volatile uintptr_t here = 0;

    for_sizes(&here);
}

CHILD_TEST(test_R1_R2_a_word_in_the_heap, 120)
{
    for_sizes(ca_malloc(64));
    for_sizes(ca_calloc(1, 20000));
    for_sizes((uintptr_t *)ca_malloc(8 << 20) + 70000);
    ca_mustzero zero = ca_unwrap(ca_allocate_mustzero(ca_default_authority(), (ca_layout){64, 16}));
    for_sizes(zero.ptr);
}

/* Inside, the last byte, and one past the end where no live block begins. */
CHILD_TEST(test_R1_R2_a_word_that_points_inside, 120)
{
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        tested_bytes = sizes[i];
        check_word(&global, 1);
        check_word(&global, sizes[i] / 2);
        check_word(&global, sizes[i] - 1);
    }
}

/* Of a block as long as its slot, with the neighbour behind it live, waiting, or free: a word at the start of a
 * live block means that block alone. */
static void check_end(size_t bytes, bool behind_is_live)
{
    uint64_t before;
    uint64_t behind;

    tested_bytes = bytes;
    do /* two in a row */
        before = take(), behind = take();
    while ((before ^ MASK) + bytes != (behind ^ MASK));
    global = (uintptr_t)(behind ^ MASK);
    give(before);
    if (!behind_is_live)
        give(behind);
    clean_stack();
    if (behind_is_live) {
        require_released(before);
    } else {
        require_kept(before);
        require_kept(behind);
        global = 0;
        require_released(before);
        require_released(behind);
    }
    global = 0;
}

CHILD_TEST(test_R1_R2_a_word_one_past_the_end, 120)
{
    static const size_t whole[] = {16, 48, 256};

    for (unsigned i = 0; i < 3; i++) {
        check_end(whole[i], true);
        check_end(whole[i], false);
    }
}

CHILD_TEST(test_R1_R2_a_word_in_other_mappings, 120)
{
    size_t bytes = 1 << 20;
    int flags[] = {MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS};
    int file = memfd_create("words", MFD_CLOEXEC);
    char path[] = "/tmp/capalloc-words-XXXXXX";
    int on_disk = mkstemp(path);

    require(file >= 0 && ftruncate(file, (off_t)bytes) == 0 && on_disk >= 0 && ftruncate(on_disk, (off_t)bytes) == 0);
    unlink(path);
    tested_bytes = 64;
    for (unsigned i = 0; i < 6; i++) {
        volatile uintptr_t *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                       i < 2        ? flags[i]
                                       : i % 2 == 0 ? MAP_SHARED
                                                    : MAP_PRIVATE,
                                       i < 2   ? -1
                                       : i < 4 ? file
                                               : on_disk,
                                       0);
        require(map != MAP_FAILED);
        check_word(map + 5000, 8);
        uint64_t block = take(); /* what can only be read is read */
        map[100] = (uintptr_t)(block ^ MASK);
        give(block);
        require(mprotect((void *)map, bytes, PROT_READ) == 0);
        clean_stack();
        require_kept(block);
        require(munmap((void *)map, bytes) == 0);
        require(ftruncate(file, 0) == 0 && ftruncate(file, (off_t)bytes) == 0); /* the file forgets, too */
        require(ftruncate(on_disk, 0) == 0 && ftruncate(on_disk, (off_t)bytes) == 0);
        require_released(block);
    }
}

/* A file that was made shorter under its mapping: no fault, and what is still there counts. */
CHILD_TEST(test_R6_a_file_that_was_made_shorter, 60)
{
    int file = memfd_create("words", MFD_CLOEXEC);

    require(file >= 0 && ftruncate(file, 1 << 20) == 0);
    volatile uintptr_t *map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    require(map != MAP_FAILED);
    memset((void *)map, 0, 1 << 20);
    require(ftruncate(file, 8192) == 0);
    check_word(map + 10, 0);
    require(cai_sweeps_in_doubt() == 0);
}

static CAI_NOINLINE void write_word(int file, uint64_t disguised)
{
    uint64_t word = disguised ^ MASK;

    require(pwrite(file, &word, sizeof word, 0) == sizeof word);
    word = 0;
    clean_stack();
}

/* Code is what it was in its file, until somebody changes it. */
CHILD_TEST(test_R1_words_in_code, 120)
{
    char path[] = "/tmp/capalloc-code-XXXXXX";
    int file = mkstemp(path);
    size_t bytes = 1 << 20;

    require(file >= 0 && ftruncate(file, (off_t)bytes) == 0);
    unlink(path);
    tested_bytes = 64;
    volatile uintptr_t *code = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    uint64_t block = take();
    require(code != MAP_FAILED);
    point_to(&code[5000], block, 0);
    require(mprotect((void *)code, bytes, PROT_READ | PROT_EXEC) == 0);
    give(block);
    clean_stack();
    require_kept(block);
    require(munmap((void *)code, bytes) == 0);
    require_released(block);
    /* In the file itself: not a word of this process's. */
    block = take();
    write_word(file, block);
    code = mmap(NULL, bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
    require(code != MAP_FAILED && code[0] != 0);
    give(block);
    require_released(block);
}

/* So are the constants of a program, which lie behind its code; not what is in any other file. */
CHILD_TEST(test_R1_words_behind_code, 120)
{
    char path[] = "/tmp/capalloc-code-XXXXXX";
    int file = mkstemp(path);
    size_t half = 1 << 19;

    require(file >= 0 && ftruncate(file, (off_t)(2 * half)) == 0);
    unlink(path);
    tested_bytes = 64;
    char *code = mmap(NULL, 2 * half, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
    require(code != MAP_FAILED && mprotect(code + half, half, PROT_READ | PROT_WRITE) == 0);
    uint64_t block = take();
    point_to((uintptr_t *)(code + half), block, 0);
    require(mprotect(code + half, half, PROT_READ) == 0);
    give(block);
    require_kept(block);
    require(mmap(code + half, half, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0) == code + half);
    require_released(block);
    block = take();
    write_word(file, block);
    require(*(volatile uintptr_t *)(code + half) != 0);
    give(block);
    require_released(block);
    /* Without the code it is data. */
    block = take();
    write_word(file, block);
    require(munmap(code, half) == 0 && *(volatile uintptr_t *)(code + half) != 0);
    give(block);
    require_kept(block);
    require(munmap(code + half, half) == 0);
    require_released(block);
}

/* --- what is not read --- */

static uint64_t bytes_of_one_sweep(void)
{
    uint64_t before = cai_sweep_bytes();

    cai_quarantine_release();
    return cai_sweep_bytes() - before;
}

CHILD_TEST(test_N3_nocaps_memory_is_not_read, 60)
{
    enum { BLOCKS = 3000 };

    ca_free(ca_malloc(64));
    uint64_t before = bytes_of_one_sweep();
    for (unsigned i = 0; i < BLOCKS; i++) {
        ca_nocaps block = ca_unwrap(ca_allocate_nocaps(ca_default_authority(), (ca_layout){10000, 16}));
        memset(block.ptr, 1, block.size);
    }
    require(bytes_of_one_sweep() < before + (1 << 20));
    /* And a pointer there keeps nothing, as was promised. */
    ca_nocaps words = ca_unwrap(ca_allocate_nocaps(ca_default_authority(), (ca_layout){64, 16}));
    tested_bytes = 64;
    uint64_t block = take();
    *(volatile uintptr_t *)words.ptr = (uintptr_t)(block ^ MASK);
    give(block);
    require_released(block);
}

/* Freed nocaps memory waits like any other while an ordinary word points to it. */
CHILD_TEST(test_N4_nocaps_memory_waits_too, 60)
{
    ca_nocaps block = ca_unwrap(ca_allocate_nocaps(ca_default_authority(), (ca_layout){64, 16}));

    global = (uintptr_t)block.ptr;
    ca_deallocate(block);
    for (unsigned i = 0; i < 20; i++) {
        cai_quarantine_release();
        for (unsigned j = 0; j < 500; j++)
            require(ca_unwrap(ca_allocate_nocaps(ca_default_authority(), (ca_layout){64, 16})).ptr != (void *)global);
    }
}

/* What the README says cannot be seen is not seen. */
CHILD_TEST(test_R1_a_hidden_pointer_keeps_nothing, 60)
{
    tested_bytes = 64;
    uint64_t block = take();
    give(block);
    require_released(block);
}

/* As it leaves no word on the stack of its caller. */
static CAI_NOINLINE ca_error sweep(ca_authority authority)
{
    ca_error error = ca_sweep(authority);

    clean_stack();
    return error;
}

/* One call is enough; on a busy machine it may be in doubt, and says so. */
CHILD_TEST(test_R10_a_sweep_when_it_is_asked_for, 60)
{
    ca_authority root, lesser;

    require(ca_heap_create(NULL, &root) == CA_OK);
    require(ca_authority_derive(root, CA_RIGHT_ALL & ~CA_RIGHT_SWEEP, SIZE_MAX, &lesser) == CA_OK);
    uint64_t block = take();
    global = (uintptr_t)(block ^ MASK);
    give(block);
    clean_stack();
    require(sweep(lesser) == CA_ERROR_NOT_PERMITTED && waits(block));
    for (unsigned seen = 0, tries = 0; seen < 2 && tries < 20; tries++)
        seen += sweep(root) == CA_OK;
    require(waits(block)); /* a word points to it */
    global = 0;
    for (unsigned tries = 0; tries < 20 && sweep(root) != CA_OK; tries++)
        continue;
    require(!waits(block));
}

int main(void)
{
    setenv("CAPALLOC_OPTIONS", "revoke", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_R1_R2_a_word_in_a_global),
        cmocka_unit_test(test_R1_R2_a_word_in_thread_local_storage),
        cmocka_unit_test(test_R1_R2_a_word_on_the_stack),
        cmocka_unit_test(test_R1_R2_a_word_in_the_heap),
        cmocka_unit_test(test_R1_R2_a_word_that_points_inside),
        cmocka_unit_test(test_R1_R2_a_word_one_past_the_end),
        cmocka_unit_test(test_R1_R2_a_word_in_other_mappings),
        cmocka_unit_test(test_R1_words_in_code),
        cmocka_unit_test(test_R1_words_behind_code),
        cmocka_unit_test(test_R6_a_file_that_was_made_shorter),
        cmocka_unit_test(test_N3_nocaps_memory_is_not_read),
        cmocka_unit_test(test_N4_nocaps_memory_waits_too),
        cmocka_unit_test(test_R1_a_hidden_pointer_keeps_nothing),
        cmocka_unit_test(test_R10_a_sweep_when_it_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
