/* Allocation from the process's own heap: random work in all four places against a model, alignments, what free memory
 * holds, and what is done before it is said that there is none.
 */
#include "unit/unit.h"

#include "core/settings.h"
#include "heaps/heaps.h"
#include "support/audit.h"
#include "support/content.h"
#include "support/refuse.h"
#include "support/rng.h"
#include "support/threads.h"

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

static const uint64_t seeds[] = {7, 8, 9};

CHILD_TEST_EACH(test_random_work_in_all_places, 110, seeds)
{
    static struct model model;

    model.rng = rng_start(value);
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

/* --- free means zero --- */

CHILD_TEST(test_free_means_zero, 110)
{
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

/* --- alignment --- */

CHILD_TEST(test_D2_every_alignment, 60)
{
    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (size_t align = 1; align <= 4 * CAI_UNIT_BYTES; align *= 2)
            for (size_t bytes = 0; bytes < 100000; bytes = bytes * 4 + 5) {
                char *block = cai_allocate_aligned(place, bytes, align, true);
                require(block != NULL && (uintptr_t)block % cai_max(align, 16) == 0);
                require(cai_usable(place, block, "usable") >= bytes && content_is_zero(block, bytes));
                content_fill(block, 0, bytes, 5);
                cai_free(place, block, "free");
            }
    require_null(audit_all());
    require_null(audit_zeros(true));
}

/* --- when there is none --- */

static void *hold(void *place)
{
    enum { COUNT = 1000 };
    char *blocks[COUNT];

    for (unsigned i = 0; i < COUNT; i++)
        blocks[i] = cai_allocate(*(enum cai_place *)place, 1000, false);
    for (unsigned i = 0; i < COUNT; i++)
        cai_free(*(enum cai_place *)place, blocks[i], "free");
    cai_free(*(enum cai_place *)place, cai_allocate(*(enum cai_place *)place, 300000, false), "free");
    return NULL;
}

/* All that this thread and ended ones hold without need is found, whatever was taken last. */
CHILD_TEST(test_D5_what_is_held_without_need_is_found, 60)
{
    setenv(CAI_SETTINGS_ENV, "limit=4M,decay=3600000", 1);
    require(cai_life_attach() != NULL);
    for (unsigned round = 0; round < 3; round++)
        for (enum cai_place place = 0; place < CAI_PLACES; place++) {
            in_thread(hold, &place);
            hold(&place);
            char *all = cai_allocate(place, 4 * CAI_MIB, false);
            require(all != NULL);
            require(cai_allocate(place, 100000, false) == NULL && cai_allocate(place, 20000, false) == NULL);
            cai_free(place, all, "free");
            char *small = cai_allocate(place, 100, false); /* in another zone */
            require(small != NULL);
            cai_free(place, small, "free");
            cai_housekeeping_trim();
        }
    require_null(audit_all());
}

/* --- a slot that two threads freed at once --- */

static bool refuse_and_allocate(const ca_violation *violation)
{
    require(cai_allocate(CAI_PLACE_ordinary, 24, false) != NULL); /* a handler may allocate */
    return refuse_call(violation);
}

/* The same slot twice in a bin: handed out once. */
CHILD_TEST(test_V2_slot_freed_by_two_threads, 60)
{
    refuse_start();
    ca_set_violation_handler(refuse_and_allocate);
    void *a = cai_allocate(CAI_PLACE_ordinary, 700, false);
    cai_free(CAI_PLACE_ordinary, a, "free");
    struct cai_bin *bin = &cai_self_heap()->bins[CAI_PLACE_ordinary][cai_class_of(700)];
    *bin->top++ = a;
    require(cai_allocate(CAI_PLACE_ordinary, 700, false) == a);
    void *b = cai_allocate(CAI_PLACE_ordinary, 700, false);
    require(b != NULL && b != a && strcmp(refused_report.function, "allocate") == 0 && was_refused("double-free"));
}

/* --- fork --- */

CHILD_TEST(test_D3_both_sides_of_a_fork_go_on, 110)
{
    static struct model model;
    int status;

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_work_in_all_places),
        cmocka_unit_test(test_free_means_zero),
        cmocka_unit_test(test_D2_every_alignment),
        cmocka_unit_test(test_D5_what_is_held_without_need_is_found),
        cmocka_unit_test(test_V2_slot_freed_by_two_threads),
        cmocka_unit_test(test_D3_both_sides_of_a_fork_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
