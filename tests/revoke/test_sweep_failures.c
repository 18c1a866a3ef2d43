/* Every call of the system that a sweep makes fails once, and all from one on fail: nothing that a word points to is
 * released, nobody stays stopped, and the next sweep sees everything again. The linker leads the calls here
 * (CMakeLists.txt). */
#include "revoke/oracle.h"

#include "os/inspect.h"
#include "os/os.h"
#include "os/watch.h"

static uint32_t calls; /* since it was set to 0 */
static uint32_t first_to_fail = UINT32_MAX, last_to_fail;

static bool fails(void)
{
    calls++;
    return calls >= first_to_fail && calls <= last_to_fail;
}

#define WRAP(type, failure, name, parameters, arguments)                                                               \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return fails() ? (failure) : __real_##name arguments;                                                          \
    }
WRAP(int, -1, cai_os_open, (const char *path), (path))
WRAP(long, -1, cai_os_read, (int file, void *buffer, size_t size), (file, buffer, size))
WRAP(long, -1, cai_os_read_at, (int file, void *buffer, size_t size, uint64_t offset), (file, buffer, size, offset))
WRAP(long, -1, cai_os_pages,
     (int file, enum cai_os_ask ask, uintptr_t *begin, uintptr_t end, struct cai_os_pages *list, size_t count),
     (file, ask, begin, end, list, count))
WRAP(bool, false, cai_os_threads,
     (void *buffer, size_t size, void (*visit)(uint32_t thread, void *context), void *context),
     (buffer, size, visit, context))
WRAP(bool, false, cai_os_handle, (int signal, cai_os_handler handler, cai_os_handler *before),
     (signal, handler, before))
WRAP(void *, NULL, cai_os_map_anywhere, (size_t length), (length))

static uint32_t phase; /* atomic */
static uint32_t turns; /* atomic */

static void *go_round(void *unused)
{
    while (cai_load_acquire(&phase) == 0) {
        cai_add_relaxed(&turns, 1);
        usleep(100);
    }
    return unused;
}

/* In the first page of a file, which is read by a call, and in memory of no file. */
static volatile uintptr_t *of_file;
static volatile uintptr_t of_nobody[4096];

static void sweep_with_failures(uint32_t first, uint32_t last, uint64_t block, uint64_t other)
{
    calls = 0;
    last_to_fail = last;
    first_to_fail = first;
    cai_quarantine_release();
    first_to_fail = UINT32_MAX;
    require(waits(block) && waits(other));
    uint32_t before = cai_load_acquire(&turns);
    while (cai_load_acquire(&turns) == before) /* nobody is left behind */
        usleep(100);
}

CHILD_TEST(test_R6_R9_every_call_of_a_sweep_fails, 120)
{
    pthread_t thread;

    require(pthread_create(&thread, NULL, go_round, NULL) == 0);
    tested_bytes = 64;
    uint64_t block = take();
    uint64_t between = take(); /* stays, as a word at the start of one that waits keeps the one before, too */
    uint64_t other = take();
    int file = memfd_create("words", MFD_CLOEXEC);
    require(file >= 0 && ftruncate(file, 4096) == 0);
    of_file = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    require(of_file != MAP_FAILED);
    of_file[100] = (uintptr_t)(block ^ MASK);
    of_nobody[2000] = (uintptr_t)(other ^ MASK);
    give(block);
    give(other);
    clean_stack();
    sweep_with_failures(UINT32_MAX, 0, block, other);
    uint32_t count = calls;
    require(count > 10);
    uint64_t in_doubt = cai_sweeps_in_doubt();
    for (uint32_t first = 1; first <= count; first++) {
        sweep_with_failures(first, first, block, other);
        sweep_with_failures(first, UINT32_MAX, block, other);
    }
    require(cai_sweeps_in_doubt() > in_doubt);
    of_file[100] = of_nobody[2000] = 0;
    require_released(block);
    require_released(other);
    give(between);
    cai_store_release(&phase, 1);
    require(pthread_join(thread, NULL) == 0);
    require_null(audit_heap());
}

int main(void)
{
    setenv("CAPALLOC_OPTIONS", "revoke", 1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_R6_R9_every_call_of_a_sweep_fails)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
