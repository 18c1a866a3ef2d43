/* Thread caches: bins, what other threads free, and heaps that outlive their threads. */
#include "unit/unit.h"

#include "core/violation.h"
#include "heaps/heaps.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"

#include <pthread.h>
#include <string.h>

enum { BLOCKS = 5000 };
#define PLACE CAI_PLACE_ordinary

static void *blocks[BLOCKS];

static void *take(size_t bytes)
{
    void *block = cai_allocate(PLACE, bytes, false);

    require(block != NULL && (uintptr_t)block % 16 == 0);
    return block;
}

static void give(void *block)
{
    cai_free(PLACE, block, "free");
}

static void take_all(size_t bytes)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = take(bytes);
        memset(blocks[i], (int)i, bytes);
    }
}

static void check_all(size_t bytes)
{
    for (unsigned i = 0; i < BLOCKS; i++)
        for (size_t k = 0; k < bytes; k += 7)
            require(((uint8_t *)blocks[i])[k] == (uint8_t)i);
}

static void give_all(void)
{
    for (unsigned i = 0; i < BLOCKS; i++)
        give(blocks[i]);
}

static size_t used_units(void)
{
    size_t units = 0;

    for (unsigned i = 0; i < CAI_ZONES; i++)
        units += cai_zones[i].used_units;
    return units;
}

static void in_thread(void *(*function)(void *))
{
    pthread_t thread;

    require(pthread_create(&thread, NULL, function, NULL) == 0);
    require(pthread_join(thread, NULL) == 0);
}

static void run(void (*body)(const void *))
{
    struct child child;

    child_run(&child, 60, body, NULL);
    assert_true(child_succeeded(&child));
}

/* --- one thread --- */

static void last_in_first_out(const void *unused)
{
    (void)unused;
    void *a = take(40);
    void *b = take(40);
    require(a != b);
    give(a);
    give(b);
    require(take(40) == b && take(40) == a);
    give(a);
    require(take(48) == a); /* the same class */
    require_null(audit_all());
}

static void test_last_freed_is_first_taken(void **state)
{
    (void)state;
    run(last_in_first_out);
}

static void fill_and_empty(const void *unused)
{
    static const size_t sizes[] = {1, 16, 100, 1000, 1024, 1025, 5000};

    (void)unused;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (unsigned round = 0; round < 2; round++) {
            take_all(sizes[i]);
            require_null(audit_all());
            check_all(sizes[i]);
            give_all();
            require_null(audit_all());
        }
        cai_cache_flush_all(cai_self_heap());
        require_null(audit_all());
        require(used_units() == 0);
    }
}

static void test_bins_grow_flush_and_empty(void **state)
{
    (void)state;
    run(fill_and_empty);
}

static void zeroed_blocks(const void *unused)
{
    (void)unused;
    for (unsigned round = 0; round < 3; round++)
        for (size_t bytes = 1; bytes < 5000; bytes = bytes * 2 + 1) {
            void *dirty[20];
            for (unsigned i = 0; i < 20; i++)
                memset(dirty[i] = take(bytes), 0xff, bytes);
            for (unsigned i = 0; i < 20; i++)
                give(dirty[i]);
            for (unsigned i = 0; i < 40; i++) {
                char *zero = cai_allocate(PLACE, bytes, true);
                require(zero != NULL && content_is_zero(zero, bytes));
                memset(zero, 0xff, bytes);
            }
        }
    require_null(audit_all());
}

static void test_zeroed_after_dirty_reuse(void **state)
{
    (void)state;
    run(zeroed_blocks);
}

/* --- several threads --- */

static void *give_all_there(void *unused)
{
    check_all(100);
    give_all();
    return unused;
}

static void foreign_frees(const void *unused)
{
    (void)unused;
    take_all(100);
    in_thread(give_all_there);
    require_null(audit_all());
    for (unsigned i = 0; i < BLOCKS; i++) {
        struct cai_lookup there = cai_find_any(blocks[i]);
        require(there.found == CAI_FOUND_FREED || there.found == CAI_FOUND_UNUSED);
    }
    size_t before = used_units();
    take_all(100); /* the same memory, not new one */
    require(used_units() <= before);
    check_all(100);
    require_null(audit_all());
    give_all();
    cai_housekeeping_trim();
    require(used_units() == 0);
    require_null(audit_all());
}

static void test_remote_frees_come_home(void **state)
{
    (void)state;
    run(foreign_frees);
}

static uint32_t id_there;

static void *take_all_there(void *unused)
{
    take_all(200);
    id_there = cai_self_heap()->id;
    return unused;
}

static void *note_id(void *unused)
{
    give(take(16));
    id_there = cai_self_heap()->id;
    return unused;
}

static void thread_exit(const void *unused)
{
    (void)unused;
    give(take(16));
    uint64_t threads = cai_registry_threads();
    in_thread(take_all_there);
    require(cai_registry_threads() == threads);
    require_null(audit_all());
    check_all(200); /* its blocks outlive it */
    uint32_t first = id_there;
    require(first != cai_self_heap()->id);
    give_all();
    require_null(audit_all());
    in_thread(note_id); /* the heap is adopted */
    require(id_there == first);
    require_null(audit_all());
    cai_housekeeping_trim();
    require(used_units() == 0);
    require_null(audit_all());
}

static void test_thread_exit_and_adoption(void **state)
{
    (void)state;
    run(thread_exit);
}

static void *take_and_give_there(void *unused)
{
    take_all(300);
    give_all();
    void *large = take(3000000);
    give(large);
    return unused;
}

static void thread_exit_gives_back(const void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < 5; i++)
        in_thread(take_and_give_there);
    require_null(audit_all());
    cai_housekeeping_trim();
    require(used_units() == 0);
    require_null(audit_all());
}

static void test_D6_trim_takes_what_dead_threads_left(void **state)
{
    (void)state;
    run(thread_exit_gives_back);
}

static pthread_key_t key;

/* Destructors of thread-local storage may run after the heap's own. */
static void in_destructor(void *block)
{
    static __thread unsigned rounds;

    give(block);
    if (rounds++ < 3)
        pthread_setspecific(key, take(60));
    void *large = take(2000000);
    memset(large, 1, 2000000);
    give(large);
    give(take(6000));
}

static void *with_destructor(void *unused)
{
    pthread_setspecific(key, take(50));
    return unused;
}

static void late_destructors(const void *unused)
{
    (void)unused;
    require(cai_life_start()); /* our key comes after the heap's */
    require(pthread_key_create(&key, in_destructor) == 0);
    for (unsigned i = 0; i < 5; i++)
        in_thread(with_destructor);
    require(cai_registry_threads() <= 2);
    require_null(audit_all());
    cai_housekeeping_trim();
    require_null(audit_all());
}

static void test_D3_destructors_of_threads(void **state)
{
    (void)state;
#if defined(__SANITIZE_THREAD__)
    skip(); /* the sanitizer's own thread ends before the last round of destructors */
#endif
    run(late_destructors);
}

/* Two threads that free one block at once may count it twice; what they did must not hang their slab's owner. */
static void counted_twice(const void *unused)
{
    (void)unused;
    void *first = take(100);
    const struct cai_view *view = cai_view_of(cai_zone_number(PLACE, CAI_FINE));
    struct cai_unit *slab = cai_slab_of(view, CAI_FINE, cai_granule_of(view, CAI_FINE, first));
    cai_slab_remote_free(slab, 1, cai_self_heap());
    for (unsigned i = 0; i < 5000; i++)
        memset(take(100), 1, 100);
}

static void test_a_miscount_does_not_hang(void **state)
{
    (void)state;
    run(counted_twice);
}

static void *put_twice_there(void *block)
{
    struct cai_live live = cai_find_live(PLACE, block);

    require(cai_free_slot(PLACE, block, live));
    require(!cai_free_slot(PLACE, block, live));
    return NULL;
}

/* Of two foreign threads that found a block live, the second is told. */
static void raced(const void *unused)
{
    pthread_t thread;

    (void)unused;
    require(pthread_create(&thread, NULL, put_twice_there, take(80)) == 0 && pthread_join(thread, NULL) == 0);
    require_null(audit_all());
}

static void test_V2_two_threads_free_one_block(void **state)
{
    (void)state;
    run(raced);
}

static unsigned reports;

static bool refuse(const ca_violation *violation)
{
    require(violation->kind == CA_VIOLATION_DOUBLE_FREE);
    require(take(24) != NULL); /* a handler may allocate */
    reports++;
    return true;
}

/* The same slot twice in a bin: handed out once. */
static void slot_twice(const void *unused)
{
    (void)unused;
    ca_set_violation_handler(refuse);
    void *a = take(700);
    give(a);
    struct cai_bin *bin = &cai_self_heap()->bins[PLACE][cai_class_of(700)];
    bin->slots[bin->count++] = a;
    require(take(700) == a);
    void *b = take(700);
    require(b != NULL && b != a && reports == 1);
}

static void test_V2_slot_freed_by_two_threads(void **state)
{
    (void)state;
    run(slot_twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_freed_is_first_taken),
        cmocka_unit_test(test_bins_grow_flush_and_empty),
        cmocka_unit_test(test_zeroed_after_dirty_reuse),
        cmocka_unit_test(test_remote_frees_come_home),
        cmocka_unit_test(test_thread_exit_and_adoption),
        cmocka_unit_test(test_D6_trim_takes_what_dead_threads_left),
        cmocka_unit_test(test_D3_destructors_of_threads),
        cmocka_unit_test(test_a_miscount_does_not_hang),
        cmocka_unit_test(test_V2_slot_freed_by_two_threads),
        cmocka_unit_test(test_V2_two_threads_free_one_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
