/* Large blocks, and memory on its way from the system and back. */
#include "situation.h"

#include "blocks/heap.h"
#include "blocks/large.h"
#include "heaps/claim.h"
#include "support/process.h"

#include <sys/resource.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

static size_t wanted;

static void take(void)
{
    result = ca_malloc(wanted);
}

static void take_zeroed(void)
{
    result = ca_calloc(1, wanted);
}

static void give(void)
{
    ca_free(operand->at);
}

static void resize(void)
{
    result = ca_realloc(operand->at, wanted);
}

/* --- allocation --- */

static void of_100_kib(void)
{
    keep_variety();
    situation_no_large();
    wanted = 100 * KIB;
}

const struct scenario scenario_large_malloc = {.name = "large_malloc",
                                               .victim = of_100_kib,
                                               .operation = take,
                                               .addresses_min = 30,
                                               .through = {"cai_large_take", "cai_run_take"}};

static void of_100_kib_dirty(void)
{
    keep_variety();
    situation_dirty(KIND_MALLOC, 2 * MIB);
    situation_no_large();
    wanted = 100 * KIB;
}

const struct scenario scenario_large_calloc = {.name = "large_calloc",
                                               .victim = of_100_kib_dirty,
                                               .operation = take_zeroed,
                                               .addresses_min = 40,
                                               .through = {"cai_large_take", "cai_run_take"}};

static void of_100_kib_kept(void)
{
    keep_variety();
    wanted = 100 * KIB;
    kept_give(keep(KIND_MALLOC, wanted));
}

const struct scenario scenario_large_calloc_kept = {.name = "large_calloc_kept",
                                                    .victim = of_100_kib_kept,
                                                    .operation = take_zeroed,
                                                    .addresses_min = 9,
                                                    .through = {"cai_large_take_kept"}};

/* The frontier moves. */
static void of_2_mib(void)
{
    keep_variety();
    wanted = 2 * MIB;
}

const struct scenario scenario_frontier = {.name = "frontier",
                                           .victim = of_2_mib,
                                           .operation = take,
                                           .addresses_min = 60,
                                           .through = {"cai_run_take", "cai_commit", "cai_os_map"}};

/* The tables become longer, too. */
static void of_80_mib(void)
{
    keep_variety();
    wanted = 80 * MIB;
}

const struct scenario scenario_tables = {.name = "tables",
                                         .victim = of_80_mib,
                                         .operation = take,
                                         .addresses_min = 60,
                                         .through = {"cai_zone_show_tables", "cai_os_read_write"}};

/* --- giving back --- */

static void large_in_flight(size_t size)
{
    keep_variety();
    keep(KIND_MALLOC, 40 * KIB);
    operand = keep_in_flight(KIND_MALLOC, size);
    keep(KIND_MALLOC, 40 * KIB);
}

static void to_be_kept(void)
{
    large_in_flight(100 * KIB);
    situation_no_large();
}

const struct scenario scenario_large_free_kept = {.name = "large_free_kept",
                                                  .victim = to_be_kept,
                                                  .operation = give,
                                                  .addresses_min = 8,
                                                  .through = {"cai_large_keep"}};

static void to_replace_another(void)
{
    struct kept *blocks[CAI_KEPT_WAYS];

    large_in_flight(100 * KIB);
    for (unsigned way = 0; way < CAI_KEPT_WAYS; way++)
        blocks[way] = keep(KIND_MALLOC, 100 * KIB);
    for (unsigned way = 0; way < CAI_KEPT_WAYS; way++)
        kept_give(blocks[way]);
}

const struct scenario scenario_large_free_replaces = {.name = "large_free_replaces",
                                                      .victim = to_replace_another,
                                                      .operation = give,
                                                      .addresses_min = 20,
                                                      .through = {"cai_large_keep", "cai_run_give"}};

static void to_be_given(void)
{
    large_in_flight(2 * MIB);
}

const struct scenario scenario_large_free_given = {.name = "large_free_given",
                                                   .victim = to_be_given,
                                                   .operation = give,
                                                   .addresses_min = 20,
                                                   .through = {"cai_run_give", "cai_free_run_link"}};

/* Free memory on both sides, which it merges with. */
static void to_be_merged(void)
{
    struct kept *blocks[4];

    keep_variety();
    for (unsigned i = 0; i < 4; i++)
        blocks[i] = keep(KIND_MALLOC, 2 * MIB);
    kept_give(blocks[0]);
    kept_give(blocks[2]);
    operand = blocks[1];
    operand->in_flight = true;
}

const struct scenario scenario_large_free_merges = {.name = "large_free_merges",
                                                    .victim = to_be_merged,
                                                    .operation = give,
                                                    .addresses_min = 20,
                                                    .through = {"cai_run_give", "cai_free_run_unlink"}};

/* More than a zone may keep: it goes back to the system at once. */
static void to_be_too_much(void)
{
    large_in_flight(400 * MIB);
}

const struct scenario scenario_large_free_excess = {.name = "large_free_excess",
                                                    .victim = to_be_too_much,
                                                    .operation = give,
                                                    .addresses_min = 40,
                                                    .through = {"cai_purge_excess", "cai_os_unmap"}};

/* --- resizing --- */

static void to_shrink(void)
{
    large_in_flight(400 * KIB);
    wanted = 100 * KIB;
}

const struct scenario scenario_realloc_large_shrinks = {.name = "realloc_large_shrinks",
                                                        .victim = to_shrink,
                                                        .operation = resize,
                                                        .addresses_min = 20,
                                                        .through = {"cai_run_shrink"}};

static void to_grow_in_place(void)
{
    large_in_flight(400 * KIB);
    kept_resize(operand, 100 * KIB);
    wanted = 300 * KIB;
}

const struct scenario scenario_realloc_large_grows = {.name = "realloc_large_grows",
                                                      .victim = to_grow_in_place,
                                                      .operation = resize,
                                                      .addresses_min = 30,
                                                      .through = {"cai_run_grow"}};

static void to_stay(void)
{
    large_in_flight(100 * KIB);
    wanted = 101 * KIB;
}

const struct scenario scenario_realloc_large_stays = {.name = "realloc_large_stays",
                                                      .victim = to_stay,
                                                      .operation = resize,
                                                      .addresses_min = 7,
                                                      .through = {"cai_resize"}};

static void to_move_pages(void)
{
    large_in_flight(512 * KIB);
    wanted = 3 * MIB;
}

const struct scenario scenario_realloc_large_moves_pages = {.name = "realloc_large_moves_pages",
                                                            .victim = to_move_pages,
                                                            .operation = resize,
                                                            .addresses_min = 80,
                                                            .through = {"cai_run_move", "cai_os_move"}};

static void to_copy(void)
{
    large_in_flight(100 * KIB);
    situation_dirty(KIND_MALLOC, 3 * MIB);
    wanted = 2 * MIB;
}

const struct scenario scenario_realloc_large_copies = {.name = "realloc_large_copies",
                                                       .victim = to_copy,
                                                       .operation = resize,
                                                       .addresses_min = 50,
                                                       .through = {"cai_large_move", "cai_run_give"}};

/* No more address space than the longer block needs, and a little; in children, too, until they have repaired. What it
 * slides to is a gap. */
static struct rlimit unlimited, room;
static char *gap;

static void to_slide(void)
{
    keep_variety();
    ca_trim();
    gap = ca_malloc(5 * MIB);
    keep(KIND_MALLOC, MIB + 40 * KIB);
    operand = keep_in_flight(KIND_MALLOC, 4 * MIB);
    keep(KIND_MALLOC, MIB + 40 * KIB);
    ca_free(gap);
    ca_trim();
    wanted = 4 * MIB + 256 * KIB;
    require(getrlimit(RLIMIT_AS, &unlimited) == 0);
    room = unlimited;
    room.rlim_cur = (rlim_t)process_look().size_kib * KIB + 2 * MIB;
}

static void let_grow(void)
{
    setrlimit(RLIMIT_AS, &unlimited);
}

/* The last step of realloc: what comes before it, looking for memory elsewhere, is long. */
static void slide_now(void)
{
    struct cai_live live = cai_find_live(CAI_PLACE_ordinary, operand->at);

    setrlimit(RLIMIT_AS, &room);
    if (cai_claim(live)) {
        result = cai_large_slide(&cai_self->owner.heap, live, wanted, &cai_claim_record()->to);
        if (result != NULL)
            cai_claim_end();
        else
            cai_claim_return(live);
    }
    let_grow();
}

static void slide(void)
{
    slide_now();
    require(result != NULL);
}

const struct scenario scenario_realloc_large_slides = {.name = "realloc_large_slides",
                                                       .victim = to_slide,
                                                       .operation = slide,
                                                       .child_begins = let_grow,
                                                       .addresses_min = 100,
                                                       .through = {"cai_large_slide", "cai_run_slide", "cai_os_move"}};

/* The same thread forks, and slides on in both processes. */
const struct scenario scenario_handler_slides = {.name = "handler_slides",
                                                 .flags = SCENARIO_HANDLER,
                                                 .victim = to_slide,
                                                 .operation = slide,
                                                 .child_begins = let_grow,
                                                 .addresses_min = 100,
                                                 .through = {"cai_large_slide", "cai_run_slide"}};
const struct scenario scenario_handler_slides_alone = {.name = "handler_slides_alone",
                                                       .flags = SCENARIO_HANDLER | SCENARIO_ALONE,
                                                       .victim = to_slide,
                                                       .operation = slide,
                                                       .child_begins = let_grow,
                                                       .addresses_min = 100,
                                                       .through = {"cai_large_slide", "cai_run_slide"}};

/* In the gap's middle there is somebody else's page. */
static char *others_page;

static void to_slide_back(void)
{
    to_slide();
    others_page = gap + 3 * MIB;
    require(mmap(others_page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
            others_page);
    others_page[5] = 'x';
}

static void slide_in_vain(void)
{
    slide_now();
    require(result == NULL && others_page[5] == 'x');
}

static void others_page_stands(void)
{
    require(others_page[5] == 'x');
}

const struct scenario scenario_realloc_large_slides_back = {
    .name = "realloc_large_slides_back",
    .victim = to_slide_back,
    .operation = slide_in_vain,
    .in_child = others_page_stands,
    .child_begins = let_grow,
    .addresses_min = 100,
    .through = {"cai_large_slide", "cai_run_slide", "cai_os_move"}};

static void small_to_move(void)
{
    keep_variety();
    operand = keep_in_flight(KIND_MALLOC, 100);
    wanted = 300;
}

const struct scenario scenario_realloc_small = {.name = "realloc_small",
                                                .victim = small_to_move,
                                                .operation = resize,
                                                .addresses_min = 14,
                                                .through = {"cai_resize"}};

static void small_to_move_near(void)
{
    small_to_move();
    ca_free(ca_malloc(300));
}

const struct scenario scenario_realloc_small_near = {
    .name = "realloc_small_near", .victim = small_to_move_near, .operation = resize, .addresses_min = 8};

/* --- back to the system --- */

static void much_is_free(void)
{
    struct kept *blocks[6];

    keep_variety();
    for (unsigned i = 0; i < 6; i++)
        blocks[i] = keep((enum kind)(i % KINDS), i == 5 ? 3 * MIB : 100 * KIB);
    for (unsigned i = 0; i < 6; i++)
        kept_give(blocks[i]);
    situation_orphans(1);
}

static void trim(void)
{
    ca_trim();
}

const struct scenario scenario_trim = {.name = "trim",
                                       .victim = much_is_free,
                                       .operation = trim,
                                       .flags = SCENARIO_ZEROES,
                                       .addresses_min = 70,
                                       .through = {"cai_purge_all", "cai_cache_flush_all", "cai_os_unmap"}};

static void much_is_old(void)
{
    much_is_free();
    operand = keep_in_flight(KIND_MALLOC, 40 * KIB);
    keep(KIND_MALLOC, 40 * KIB);
    struct kept *first = keep(KIND_MALLOC, 40 * KIB), *second = keep(KIND_MALLOC, 40 * KIB);
    clock_advance(250);
    kept_give(keep(KIND_MALLOC, 2 * MIB)); /* a first look; idle is what did nothing until the second */
    kept_give(first);
    kept_give(second); /* as many as are kept of a length: to give one more back is a look */
    clock_advance(1000);
}

const struct scenario scenario_decay = {.name = "decay",
                                        .victim = much_is_old,
                                        .operation = give,
                                        .addresses_min = 70,
                                        .through = {"cai_purge_old", "cai_cache_flush_idle", "cai_os_unmap"}};
