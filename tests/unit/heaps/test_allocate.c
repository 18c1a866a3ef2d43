/* The heap as a whole: random work in all four places against a model, what free memory holds, and what stands at any
 * address.
 */
#include "unit/unit.h"

#include "core/violation.h"
#include "heaps/heaps.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"
#include "support/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 400, STEPS = 12000 };

struct model {
    struct {
        char *block;
        size_t bytes;
        uint64_t seed;
        enum cai_place place;
    } slots[SLOTS];
    struct rng rng;
};

static void run(void (*body)(const void *), const void *argument)
{
    struct child child;

    child_run(&child, 110, body, argument);
    assert_true(child_succeeded(&child));
}

/* --- random work --- */

static void check(const struct model *model, unsigned i)
{
    require(content_holds(model->slots[i].block, model->slots[i].bytes, model->slots[i].seed));
}

static void allocate(struct model *model, unsigned i)
{
    enum cai_place place = (enum cai_place)rng_below(&model->rng, CAI_PLACES);
    size_t bytes = rng_size(&model->rng, rng_below(&model->rng, 20) == 0 ? 21 : 13);
    bool zeroed = rng_below(&model->rng, 3) == 0;
    size_t align = rng_below(&model->rng, 8) == 0 ? (size_t)1 << rng_below(&model->rng, 18) : 16;
    char *block = align == 16 ? cai_allocate(place, bytes, zeroed) : cai_allocate_aligned(place, bytes, align, zeroed);

    require(block != NULL && cai_place_of(block) == place);
    require((uintptr_t)block % cai_max(align, 16) == 0);
    require(!zeroed || content_is_zero(block, bytes));
    size_t usable = cai_usable(place, block, "usable");
    require(usable >= bytes && usable >= 1);
    if (rng_below(&model->rng, 2) == 0)
        bytes = usable; /* all of it may be written */
    model->slots[i].block = block;
    model->slots[i].bytes = bytes;
    model->slots[i].place = place;
    model->slots[i].seed = rng_next(&model->rng);
    content_fill(block, 0, bytes, model->slots[i].seed);
}

static void resize(struct model *model, unsigned i)
{
    size_t before = model->slots[i].bytes;
    size_t bytes = 1 + rng_size(&model->rng, rng_below(&model->rng, 20) == 0 ? 21 : 13);
    char *block = cai_resize(model->slots[i].place, model->slots[i].block, bytes, "realloc");

    require(block != NULL && cai_place_of(block) == model->slots[i].place);
    require(cai_usable(model->slots[i].place, block, "usable") >= bytes);
    require(content_holds(block, before < bytes ? before : bytes, model->slots[i].seed));
    model->slots[i].block = block;
    model->slots[i].bytes = bytes;
    content_fill(block, 0, bytes, model->slots[i].seed);
}

static void give(struct model *model, unsigned i)
{
    check(model, i);
    cai_free(model->slots[i].place, model->slots[i].block, "free");
    model->slots[i].block = NULL;
}

static void step(struct model *model)
{
    unsigned i = (unsigned)rng_below(&model->rng, SLOTS);

    if (model->slots[i].block == NULL)
        allocate(model, i);
    else if (rng_below(&model->rng, 3) == 0)
        resize(model, i);
    else
        give(model, i);
}

static void random_work(const void *seed)
{
    static struct model model;

    model.rng = rng_start(*(const uint64_t *)seed);
    for (unsigned i = 0; i < STEPS; i++) {
        step(&model);
        if (i % 400 == 0) {
            require_null(audit_all());
            require_null(audit_zeros(true));
        }
        if (i % 3000 == 2999)
            cai_housekeeping_trim();
    }
    for (unsigned i = 0; i < SLOTS; i++)
        if (model.slots[i].block != NULL)
            give(&model, i);
    require_null(audit_zeros(true));
    cai_housekeeping_trim();
    require_null(audit_all());
    for (unsigned i = 0; i < CAI_ZONES; i++)
        require(cai_zones[i].used_units == 0 && cai_zones[i].committed_units == 0);
}

static void test_random_work_in_all_places(void **state)
{
    static const uint64_t seeds[] = {7, 8, 9};

    (void)state;
    for (unsigned i = 0; i < sizeof seeds / sizeof *seeds; i++)
        run(random_work, &seeds[i]);
}

/* --- free means zero --- */

static void zeros(const void *unused)
{
    (void)unused;
    for (enum cai_place place = CAI_PLACE_mustzero; place <= CAI_PLACE_secret; place++)
        for (size_t bytes = 1; bytes < 300000; bytes = bytes * 3 / 2 + 1) {
            char *block = cai_allocate(place, bytes, false);
            require(block != NULL);
            size_t usable = cai_usable(place, block, "usable");
            require(content_is_zero(block, usable)); /* on arrival, without asking */
            memset(block, 0xff, usable);
            char *moved = cai_resize(place, block, bytes * 4, "realloc");
            require(moved != NULL);
            require_null(audit_zeros(true));
            memset(moved, 0xff, bytes * 4);
            moved = cai_resize(place, moved, bytes, "realloc");
            require(moved != NULL);
            memset(moved, 0xff, cai_usable(place, moved, "usable"));
            require_null(audit_zeros(true));
            cai_free(place, moved, "free");
            require_null(audit_zeros(true));
        }
}

static void test_free_means_zero(void **state)
{
    (void)state;
    run(zeros, NULL);
}

/* --- looking up --- */

static void expect(const void *address, enum cai_found found, enum cai_place place, size_t bytes)
{
    struct cai_lookup there = cai_find_any(address);

    if (there.found != found || there.place != place || there.bytes != bytes) {
        char text[200];
        snprintf(text, sizeof text, "%p: found %d, place %d, %zu bytes; not %d, %d, %zu", address, (int)there.found,
                 (int)there.place, there.bytes, (int)found, (int)place, bytes);
        child_fail(__FILE__, __LINE__, text);
    }
}

static void look_up(const void *unused)
{
    (void)unused;
    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (size_t bytes = 1; bytes < 600000; bytes = bytes * 3 + 15) {
            char *block = cai_allocate(place, bytes, false);
            size_t usable = cai_usable(place, block, "usable");
            expect(block, CAI_FOUND_LIVE, place, usable);
            for (size_t inside = 1; inside < usable; inside = inside * 2 + 1)
                expect(block + inside, CAI_FOUND_INSIDE_LIVE, place, usable);
            expect(block + usable - 1, CAI_FOUND_INSIDE_LIVE, place, usable);
            cai_free(place, block, "free");
            expect(block, CAI_FOUND_FREED, place, usable);
            expect(block + usable / 2, CAI_FOUND_INSIDE_FREED, place, usable);
        }
    expect(&unused, CAI_FOUND_FOREIGN, CAI_PLACE_none, 0);
    expect(NULL, CAI_FOUND_FOREIGN, CAI_PLACE_none, 0);
    expect((void *)UINTPTR_MAX, CAI_FOUND_FOREIGN, CAI_PLACE_none, 0);
    expect((void *)cai_sealed.places, CAI_FOUND_UNUSED, CAI_PLACE_ordinary, 0);
    expect((void *)cai_view_of(3)->origin, CAI_FOUND_UNUSED, CAI_PLACE_nocaps, 0);
}

static void test_V1_look_up(void **state)
{
    (void)state;
    run(look_up, NULL);
}

/* --- violations --- */

static ca_violation seen;
static unsigned reports;

static bool refuse(const ca_violation *violation)
{
    seen = *violation;
    reports++;
    free(malloc(100)); /* the C library's: any code may run here */
    return true;
}

static void expect_refusal(ca_violation_kind kind, const char *place, size_t bytes)
{
    require(reports == 1 && seen.kind == kind && strcmp(seen.place, place) == 0 && seen.size == bytes);
    reports = 0;
    require_null(audit_all());
}

/* Every door of the heap, with a block of each other place and with what is no block. */
static void wrong_places(const void *unused)
{
    static const size_t sizes[] = {40, 3000, 700000};

    (void)unused;
    ca_set_violation_handler(refuse);
    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (enum cai_place door = 0; door < CAI_PLACES; door++)
            for (unsigned i = 0; door != place && i < sizeof sizes / sizeof *sizes; i++) {
                char *block = cai_allocate(place, sizes[i], false);
                size_t usable = cai_usable(place, block, "usable");
                content_fill(block, 0, sizes[i], 3);
                cai_free(door, block, "free");
                expect_refusal(CA_VIOLATION_WRONG_DEALLOCATOR, cai_place_name(place), usable);
                require(cai_resize(door, block, 10, "realloc") == NULL);
                expect_refusal(CA_VIOLATION_WRONG_DEALLOCATOR, cai_place_name(place), usable);
                require(cai_usable(door, block, "usable") == 0);
                expect_refusal(CA_VIOLATION_WRONG_DEALLOCATOR, cai_place_name(place), usable);
                cai_free(place, block + 16, "free");
                expect_refusal(CA_VIOLATION_INVALID_FREE, cai_place_name(place), usable);
                require(content_holds(block, sizes[i], 3));
                cai_free(place, block, "free");
                cai_free(place, block, "free");
                expect_refusal(CA_VIOLATION_DOUBLE_FREE, cai_place_name(place), usable);
            }
}

static void test_V2_refused_calls_change_nothing(void **state)
{
    (void)state;
    run(wrong_places, NULL);
}

/* A report may interrupt whoever holds the locks. */
static void report_under_lock(const void *unused)
{
    (void)unused;
    char *block = cai_allocate(CAI_PLACE_ordinary, 40, false);
    ca_set_violation_handler(refuse);
    for (unsigned i = 0; i < CAI_ZONES; i++)
        require(cai_lock_try(&cai_zones[i].lock));
    require(cai_lock_try(&cai_self_heap()->lock));
    cai_free(CAI_PLACE_ordinary, block + 16, "free");
    require(reports == 1 && seen.kind == CA_VIOLATION_INVALID_FREE);
}

static void test_V3_report_while_locks_are_held(void **state)
{
    (void)state;
    run(report_under_lock, NULL);
}

/* --- fork --- */

static void fork_and_work(const void *unused)
{
    static struct model model;
    int status;

    (void)unused;
    model.rng = rng_start(10);
    for (unsigned i = 0; i < 3000; i++)
        step(&model);
    pid_t pid = fork();
    if (pid == 0) {
        require_null(audit_all());
        for (unsigned i = 0; i < 3000; i++)
            step(&model);
        for (unsigned i = 0; i < SLOTS; i++)
            if (model.slots[i].block != NULL)
                give(&model, i);
        require_null(audit_all());
        _exit(0);
    }
    for (unsigned i = 0; i < 3000; i++)
        step(&model);
    require(waitpid(pid, &status, 0) == pid && status == 0);
    require_null(audit_all());
}

static void test_D3_both_sides_of_a_fork_go_on(void **state)
{
    (void)state;
    run(fork_and_work, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_work_in_all_places),
        cmocka_unit_test(test_free_means_zero),
        cmocka_unit_test(test_V1_look_up),
        cmocka_unit_test(test_V2_refused_calls_change_nothing),
        cmocka_unit_test(test_V3_report_while_locks_are_held),
        cmocka_unit_test(test_D3_both_sides_of_a_fork_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
