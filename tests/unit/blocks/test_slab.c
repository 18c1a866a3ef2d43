/* Slabs: slots leave in ascending order, come back, and the state bytes tell which are where. */
#include "unit/unit.h"

#include "blocks/slab.h"
#include "heaps/heaps.h"
#include "pages/run.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/rng.h"

#include <string.h>

enum { SLOTS_MAX = 5000 };

static void *slots[SLOTS_MAX];

static size_t granule_of(const struct cai_unit *slab, const void *slot)
{
    return cai_granule_of(cai_view_of(slab->zone), cai_zone_grain(slab->zone), slot);
}

static uint8_t state_at(const struct cai_unit *slab, const void *slot)
{
    return cai_view_of(slab->zone)->state[granule_of(slab, slot)];
}

static void put(struct cai_unit *slab, const void *slot)
{
    cai_slab_put(slab, cai_view_of(slab->zone)->state + granule_of(slab, slot));
}

/* As many as there are of `count`, into the first of `into`, in ascending order. */
static uint32_t take(struct cai_unit *slab, void **into, uint32_t count)
{
    static void *stack[SLOTS_MAX];
    void **end = stack + SLOTS_MAX;
    uint32_t taken = cai_slab_take(slab, end, count);

    for (uint32_t i = 0; i < taken; i++)
        into[i] = *--end;
    return taken;
}

static struct cai_unit *create(enum cai_place place, unsigned size_class)
{
    require(cai_life_attach() != NULL && cai_self_heap()->id != 0);
    struct cai_unit *slab = cai_slab_create(cai_self_heap(), place, size_class);
    require(slab != NULL && slab->size_class == size_class && slab->zone / CAI_GRAINS == place);
    require(cai_slab_room(slab) == slab->slots && slab->slots <= SLOTS_MAX && cai_slab_is_empty(slab));
    return slab;
}

/* Every slot lies in the slab, is one of a class's length from its start, and no two are the same. */
static void check_slots(const struct cai_unit *slab, uint32_t count, bool ascending)
{
    static uint8_t seen[SLOTS_MAX];
    size_t bytes = cai_class_bytes(slab->size_class);
    uintptr_t address = cai_slab_begin(slab);

    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < count; i++) {
        uintptr_t offset = (uintptr_t)slots[i] - address;
        require(offset % bytes == 0 && offset / bytes < slab->slots);
        require(seen[offset / bytes]++ == 0);
        require(!ascending || i == 0 || slots[i] > slots[i - 1]);
        require(cai_state_is_cached(state_at(slab, slots[i])));
    }
}

/* The end of a long slot and the start of the next share a page. */
CHILD_TEST(test_long_slots_share_pages, 20)
{
    for (unsigned size_class = CAI_CLASS_LED; size_class <= CAI_CLASS_LAST; size_class++) {
        struct cai_unit *slab = create(CAI_PLACE_ordinary, size_class);
        uint32_t taken = take(slab, slots, SLOTS_MAX);
        require(taken == slab->slots && (uintptr_t)slots[0] > cai_unit_address(slab));
        require((uintptr_t)slots[taken - 1] + cai_class_bytes(size_class) <=
                cai_unit_address(slab) + ((uintptr_t)slab->units << CAI_UNIT_SHIFT));
        for (uint32_t i = 0; i + 1 < taken; i++) {
            uintptr_t end = (uintptr_t)slots[i] + cai_class_bytes(size_class);
            require((end - 1) / CAI_LEAD_BYTES_MAX == (uintptr_t)slots[i + 1] / CAI_LEAD_BYTES_MAX);
        }
    }
}

/* Takes everything, gives everything back, takes it again: every class in every place. */
CHILD_TEST(test_every_class, 60)
{
    for (enum cai_place place = 0; place < CAI_PLACES; place++)
        for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++) {
            struct cai_unit *slab = create(place, size_class);
            require(take(slab, slots, SLOTS_MAX) == slab->slots);
            check_slots(slab, slab->slots, false);
            for (uint32_t i = 0; i < slab->slots; i++)
                require(!slab->zeroed == !(state_at(slab, slots[i]) & CAI_STATE_ZERO));
            require(cai_slab_room(slab) == 0 && take(slab, slots, 1) == 0 && !cai_slab_is_empty(slab));
            for (uint32_t i = 0; i < slab->slots; i++) {
                put(slab, slots[i]);
                require(cai_state_is_in_slab(state_at(slab, slots[i])));
            }
            require(cai_slab_is_empty(slab) && cai_slab_room(slab) == slab->slots);
            uint32_t taken = 0;
            while (taken < slab->slots) {
                uint32_t more = take(slab, slots + taken, 1 + slab->slots / 3);
                require(more != 0);
                taken += more;
            }
            check_slots(slab, taken, true);
            for (uint32_t i = 0; i < taken; i++)
                put(slab, slots[i]);
            cai_run_give(slab);
            require_null(audit_all());
        }
}

static const unsigned classes[] = {1, 2, 3, 8, 13, 32, 33, 41, 60, CAI_CLASS_LAST};

CHILD_TEST_EACH(test_random_slab, 60, classes)
{
    struct rng rng = rng_start(6);
    struct cai_unit *slab = create(CAI_PLACE_ordinary, value);
    uint32_t held = 0;

    for (unsigned step = 0; step < 3000; step++) {
        if (rng_below(&rng, 2) == 0) {
            uint32_t want = 1 + (uint32_t)rng_below(&rng, 40);
            uint32_t room = cai_slab_room(slab);
            uint32_t got = take(slab, slots + held, want);
            require(got <= want && got <= room);
            /* A search that started in the middle starts anew the next time. */
            if (got == 0 && room != 0)
                require((got = take(slab, slots + held, want)) != 0);
            held += got;
            check_slots(slab, held, false);
        }
        for (uint64_t n = rng_below(&rng, 40); n > 0 && held > 0; n--) {
            uint32_t at = (uint32_t)rng_below(&rng, held);
            put(slab, slots[at]);
            slots[at] = slots[--held];
        }
        require(slab->used == held && cai_slab_room(slab) == slab->slots - held);
        require(cai_slab_is_empty(slab) == (held == 0));
    }
}

/* Frees by others are marked at once and counted when told. */
CHILD_TEST(test_remote_frees_are_counted_when_told, 10)
{
    struct cai_unit *slab = create(CAI_PLACE_ordinary, 5);
    uint8_t *state = cai_view_of(slab->zone)->state;

    require(take(slab, slots, 10) == 10);
    for (unsigned i = 0; i < 4; i++)
        state[granule_of(slab, slots[i])] = CAI_STATE_IN_SLAB;
    require(slab->used == 10 && cai_self_heap()->returned == NULL);
    cai_slab_remote_free(slab, 3, cai_self_heap());
    cai_slab_remote_free(slab, 1, cai_self_heap());
    require(slab->used == 10 && slab->remote == 4 && cai_self_heap()->returned == slab && slab->next_returned == NULL);
    cai_slab_collect(slab);
    require(slab->used == 6 && slab->remote == 0);
    cai_slab_remote_free(slab, 6,
                         cai_self_heap()); /* told, and not true: the state bytes are looked at before a slab goes */
    cai_slab_collect(slab);
    require(slab->used == 0 && !cai_slab_is_empty(slab));
}

/* Memory that another slab left: its slots are not known to be zero, and its state bytes are gone. */
CHILD_TEST(test_used_memory_is_not_zero, 10)
{
    struct cai_unit *slab = create(CAI_PLACE_ordinary, 1);
    uint32_t count = take(slab, slots, SLOTS_MAX);

    for (uint32_t i = 0; i < count; i++) {
        memset(slots[i], 0xff, 16);
        put(slab, slots[i]);
    }
    cai_run_give(slab);
    struct cai_unit *again = create(CAI_PLACE_ordinary, 9);
    require(again == slab && again->zone == slab->zone);
    count = take(again, slots, SLOTS_MAX);
    require(count == again->slots);
    check_slots(again, count, false);
    for (uint32_t i = 0; i < count; i++)
        require((state_at(again, slots[i]) & CAI_STATE_ZERO) == 0);
}

/* As after a free by the owner while another thread made the block longer: one free was counted twice. */
CHILD_TEST(test_a_count_that_is_too_low_is_put_right, 10)
{
    for (unsigned too_low = 1; too_low <= 2; too_low++) {
        struct cai_unit *slab = create(CAI_PLACE_ordinary, 9);
        uint32_t count = take(slab, slots, SLOTS_MAX);

        slab->used -= too_low;
        for (uint32_t i = too_low; i < count; i++)
            put(slab, slots[i]);
        require(slab->used == 0 && !cai_slab_is_empty(slab) && slab->used == too_low);
        slab->used--;
        for (uint32_t i = 0; i < too_low; i++)
            put(slab, slots[i]);
        require(cai_slab_is_empty(slab) && cai_slab_room(slab) == count);
        require(take(slab, slots, SLOTS_MAX) == count);
        cai_slab_remote_free(slab, count + 1, NULL); /* told, but of slots that are in use */
        cai_slab_collect(slab);
        require(!cai_slab_is_empty(slab) && slab->used == count);
        for (uint32_t i = 0; i < count; i++)
            put(slab, slots[i]);
        require(cai_slab_is_empty(slab));
        cai_run_give(slab);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_slots_share_pages),
        cmocka_unit_test(test_every_class),
        cmocka_unit_test(test_random_slab),
        cmocka_unit_test(test_remote_frees_are_counted_when_told),
        cmocka_unit_test(test_used_memory_is_not_zero),
        cmocka_unit_test(test_a_count_that_is_too_low_is_put_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
