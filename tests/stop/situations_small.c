/* Small blocks: bins, slabs, other threads' slots. */
#include "situation.h"

#include "blocks/cache.h"
#include "support/pending.h"

/* 240 to 256 bytes: a fine class; 32 KiB: the longest, whose bins have sixteen slots. */
enum { FINE = 250, COARSE = 5000, LONGEST = 32 << 10 };

/* --- allocation --- */

static void in_bin(void)
{
    keep_variety();
    ca_free(ca_malloc(FINE));
    ca_free(ca_malloc(COARSE));
}

static void take(void)
{
    result = ca_malloc(FINE);
    result = ca_malloc(COARSE);
}

const struct scenario scenario_malloc_fast = {
    .name = "malloc_fast", .victim = in_bin, .operation = take, .addresses_min = 4, .through = {"ca_malloc"}};

static void take_fine(void)
{
    result = ca_malloc(FINE);
}

static void bin_is_empty(void)
{
    situation_empty_bin(KIND_MALLOC, FINE);
}

const struct scenario scenario_malloc_refill = {.name = "malloc_refill",
                                                .victim = bin_is_empty,
                                                .operation = take_fine,
                                                .addresses_min = 30,
                                                .through = {"cai_cache_refill", "cai_slab_take"}};

static void slab_had_slots_back(void)
{
    situation_no_room(KIND_MALLOC, FINE);
    unsigned last = kept_count;
    for (unsigned i = 1; i < 60; i += 3)
        kept_give(&kept[last - i]);
    cai_cache_flush_all(cai_self_heap());
    require(cai_bin_count(bin_for(KIND_MALLOC, FINE)) == 0);
}

const struct scenario scenario_malloc_refill_returned = {.name = "malloc_refill_returned",
                                                         .victim = slab_had_slots_back,
                                                         .operation = take_fine,
                                                         .addresses_min = 20,
                                                         .through = {"cai_cache_refill", "cai_slab_take"}};

static void no_room(void)
{
    keep_variety();
    situation_no_room(KIND_MALLOC, FINE);
}

const struct scenario scenario_malloc_slab = {.name = "malloc_slab",
                                              .victim = no_room,
                                              .operation = take_fine,
                                              .addresses_min = 60,
                                              .through = {"cai_slab_create", "cai_run_take", "cai_run_publish"}};

/* A slab of another class goes back before: its state bytes must be cleared. */
static void no_room_but_dirty_memory(void)
{
    situation_no_room(KIND_MALLOC, LONGEST);
    unsigned first = kept_count;
    situation_no_room(KIND_MALLOC, COARSE);
    while (first < kept_count)
        kept_give(&kept[first++]);
    cai_cache_flush_all(cai_self_heap());
}

static void take_longest(void)
{
    result = ca_malloc(LONGEST);
}

const struct scenario scenario_malloc_slab_dirty = {.name = "malloc_slab_dirty",
                                                    .victim = no_room_but_dirty_memory,
                                                    .operation = take_longest,
                                                    .addresses_min = 60,
                                                    .through = {"cai_slab_create", "cai_run_take"}};

static void nothing_of_this_class(void)
{
    keep_variety();
    require(cai_bin_limit(bin_for(KIND_MALLOC, LONGEST)) == 0);
}

const struct scenario scenario_malloc_first_of_class = {.name = "malloc_first_of_class",
                                                        .victim = nothing_of_this_class,
                                                        .operation = take_longest,
                                                        .addresses_min = 70,
                                                        .through = {"cai_meta_allocate_beside", "cai_slab_create"}};

static void take_own_form(void)
{
    ca_authority all = ca_default_authority();
    ca_layout layout = {FINE, 8};

    result = ca_allocate_zeroed(all, layout).ptr;
    result = ca_allocate_nocaps(all, (ca_layout){COARSE, 8}).ptr;
    result = ca_allocate_secret(all, layout).ptr;
    result = ca_allocate(all, (ca_layout){7, 1}).ptr;
}

static void own_form_in_bins(void)
{
    keep_variety();
    for (enum kind kind = KIND_BLOCK; kind < KINDS; kind++) {
        kept_give(keep(kind, FINE));
        kept_give(keep(kind, COARSE));
        kept_give(keep(kind, 7));
    }
}

const struct scenario scenario_allocate_fast = {.name = "allocate_fast",
                                                .victim = own_form_in_bins,
                                                .operation = take_own_form,
                                                .addresses_min = 30,
                                                .through = {"ca_allocate_secret"}};

/* --- giving back --- */

static struct kept *coarse;

static void in_flight(void)
{
    keep_variety();
    operand = situation_in_flight(KIND_MALLOC, FINE);
    coarse = situation_in_flight(KIND_MALLOC, COARSE);
}

static void give_two(void)
{
    ca_free(operand->at);
    ca_free(coarse->at);
}

const struct scenario scenario_free_fast = {
    .name = "free_fast", .victim = in_flight, .operation = give_two, .addresses_min = 4, .through = {"ca_free"}};

static void give(void)
{
    ca_free(operand->at);
}

static void bin_is_full(void)
{
    situation_full_bin(KIND_MALLOC, FINE, false);
}

const struct scenario scenario_free_growth = {
    .name = "free_growth",
    .victim = bin_is_full,
    .operation = give,
    .addresses_min = 16,
    .through = {"cai_cache_put_full", "cai_meta_allocate_beside", "cai_meta_free"}};

static void longest_bin_is_full(void)
{
    situation_full_bin(KIND_MALLOC, COARSE, true);
}

const struct scenario scenario_free_flush = {.name = "free_flush",
                                             .victim = longest_bin_is_full,
                                             .operation = give,
                                             .addresses_min = 40,
                                             .through = {"cai_cache_put_full"}};

static void whole_slabs_in_the_bin(void)
{
    situation_full_bin(KIND_MALLOC, LONGEST, true);
}

const struct scenario scenario_free_ends_slab = {.name = "free_ends_slab",
                                                 .victim = whole_slabs_in_the_bin,
                                                 .operation = give,
                                                 .addresses_min = 30,
                                                 .through = {"cai_slab_is_empty", "cai_run_give"}};

/* --- between threads --- */

static unsigned neighbours_first, neighbours_second;

static void keep_for_others(void)
{
    keep_variety();
    neighbours_first = kept_count;
    for (unsigned i = 0; i < 2; i++)
        keep_in_flight(KIND_MALLOC, i == 0 ? FINE : COARSE);
}

static void nothing_pending(void)
{
    keep_variety();
    require(pending_in(cai_self, NULL) == 0);
}

static void give_others(void)
{
    ca_free(kept[neighbours_first].at);
}

const struct scenario scenario_remote_free = {.name = "remote_free",
                                              .neighbour = keep_for_others,
                                              .victim = nothing_pending,
                                              .operation = give_others,
                                              .addresses_min = 4,
                                              .through = {"free_in_turn"}};

/* The two are of one class, and lie in two slabs. */
static void keep_in_two_slabs(void)
{
    keep_variety();
    struct kept *first = keep_in_flight(KIND_MALLOC, FINE);
    situation_no_room(KIND_MALLOC, FINE);
    neighbours_first = kept_count;
    keep_in_flight(KIND_MALLOC, FINE);
    neighbours_second = (unsigned)(first - kept);
}

static void one_pending(void)
{
    keep_variety();
    kept[neighbours_second].in_flight = false;
    kept_give(&kept[neighbours_second]);
    require(pending_in(cai_self, NULL) == 1);
}

const struct scenario scenario_remote_publish = {.name = "remote_publish",
                                                 .neighbour = keep_in_two_slabs,
                                                 .victim = one_pending,
                                                 .operation = give_others,
                                                 .addresses_min = 9,
                                                 .through = {"free_in_turn", "cai_slab_remote_free"}};

static unsigned own_first;

static void give_to_the_owner(void)
{
    for (unsigned i = own_first; i < own_first + 40; i++)
        kept_give(&kept[i]);
}

static void others_gave_back(void)
{
    own_first = kept_count;
    situation_no_room(KIND_MALLOC, FINE);
    situation_in_thread(give_to_the_owner);
    require(cai_self_heap()->returned != NULL);
}

const struct scenario scenario_remote_collect = {.name = "remote_collect",
                                                 .victim = others_gave_back,
                                                 .operation = take_fine,
                                                 .addresses_min = 30,
                                                 .through = {"cai_cache_refill", "cai_slab_collect"}};
