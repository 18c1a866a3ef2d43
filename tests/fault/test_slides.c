/* Pages slide (src/pages/move.c), and the system refuses any of it, for a moment or for good: the block is where it was
 * or where it was to be, with its content, and there is no third.
 */
#include "unit/unit.h"

#include "base/bits.h"
#include "blocks/large.h"
#include "core/settings.h"
#include "fault/faults.h"
#include "heaps/claim.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"
#include "support/emulated.h"

#include <capalloc/malloc.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Under a limit of 5 MiB there is room for one block, and a piece goes only when it is short. */
enum { BEFORE = 3 << 20, MORE = 256 << 10, LONGEST = 256 << 10, SEED = 7 };

/* Written by the child. */
static struct result {
    unsigned calls[FAULT_FUNCTIONS];
    bool grew;
} * result;

static int share(void **state)
{
    (void)state;
    result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return result == MAP_FAILED ? -1 : 0;
}

static const struct fault none = {.functions = 0};

/* Behind it stands something. */
static char *block, *wall;

static char *grow(size_t to)
{
    errno = 77;
    char *grown = ca_realloc(block, to);

    require(errno == (grown == NULL ? ENOMEM : 77));
    block = grown != NULL ? grown : block;
    require(content_holds(block, BEFORE, SEED));
    require(ca_malloc_usable_size(block) >= (grown != NULL ? to : BEFORE));
    require_null(audit_all());
    return grown;
}

static void slide(const void *argument)
{
    const struct fault *fault = argument;

    setenv(CAI_SETTINGS_ENV, "limit=5M", 1);
    block = ca_malloc(BEFORE);
    wall = ca_malloc(100000);
    require(block != NULL && wall > block && wall < block + BEFORE + MORE);
    content_fill(block, 0, BEFORE, SEED);
    fault_longest(LONGEST);
    fault_set(fault);
    char *grown = grow(BEFORE + MORE);
    for (enum fault_function i = 0; i < FAULT_FUNCTIONS; i++)
        result->calls[i] = fault_calls(i);
    result->grew = grown != NULL;
    fault_set(&none);
    char *again = grow(BEFORE + (grown != NULL ? 2 : 1) * (size_t)MORE);
    /* What cannot be unmapped stays in the way. */
    require(again != NULL || (fault->functions & 1u << FAULT_UNMAP) != 0);
    ca_free(block);
    ca_free(wall);
    fault_longest(0);
    ca_trim();
    require_null(audit_all());
    require((block = ca_malloc(BEFORE)) != NULL);
    memset(block, 1, BEFORE);
}

static void run(struct fault fault)
{
    struct child child;

    child_run(&child, 60, slide, &fault);
    if (!child_succeeded(&child))
        fail_msg("functions %#x fail from call %u to %u, map says %d: %s", fault.functions, fault.from, fault.until,
                 (int)fault.map_says, child.text);
}

/* So many calls in a row: one more piece, shorter ones down to one unit, so that it goes back; and for the way back. */
static const unsigned in_a_row[] = {1, 2, 4, 5, 6, 8, 12, UINT32_MAX};

static void each_call(enum fault_function function, enum cai_map map_says, unsigned variants)
{
    unsigned back = 0;

    run((struct fault){.functions = 0});
    assert_true(result->grew && result->calls[FAULT_MOVE] >= BEFORE / LONGEST);
    unsigned calls = result->calls[function];
    for (unsigned n = 1; n <= calls; n += FEWER(1, 4))
        for (unsigned i = 0; i < variants; i++) {
            run((struct fault){1u << function, n, cai_min(n, UINT32_MAX - in_a_row[i]) + in_a_row[i] - 1, map_says});
            back += !result->grew;
        }
    assert_true(back > 0 || variants == 1 || function == FAULT_UNMAP || function == FAULT_DISCARD);
}

enum { ALL = sizeof in_a_row / sizeof *in_a_row };

static void test_D9_a_slide_finds_no_memory(void **state)
{
    (void)state;
    each_call(FAULT_MAP, CAI_MAP_SHORT, ALL);
}

static void test_D9_a_slide_finds_somebody_else(void **state)
{
    (void)state;
    each_call(FAULT_MAP, CAI_MAP_TAKEN, 1);
}

/* Also for good, in the middle: what is there goes back by being copied. */
static void test_D9_a_slide_may_not_move(void **state)
{
    (void)state;
    each_call(FAULT_MOVE, CAI_MAP_SHORT, ALL);
}

static void test_D9_a_slide_may_not_unmap(void **state)
{
    (void)state;
    each_call(FAULT_UNMAP, CAI_MAP_SHORT, ALL);
}

static void test_D9_a_slide_may_not_discard(void **state)
{
    (void)state;
    each_call(FAULT_DISCARD, CAI_MAP_SHORT, ALL);
}

/* --- a child --- */

static char *others;
static sem_t has_failed, goes_on;

static void *led_to;

static void note_where(void)
{
    led_to = cai_claim_record()->to;
}

/* A slide that failed, and what comes after it has not begun. */
static void *fail_to_slide(void *unused)
{
    struct cai_live live = cai_find_live(CAI_PLACE_ordinary, block);

    require(ca_malloc(100) != NULL && cai_claim(live));
    fault_longest(LONGEST);
    fault_set(&(struct fault){1u << FAULT_MOVE, 3, UINT32_MAX, CAI_MAP_SHORT});
    fault_before(FAULT_MOVE, 1, note_where);
    require(cai_large_slide(cai_self_heap(), live, BEFORE + MORE, &cai_claim_record()->to) == NULL);
    fault_set(&none);
    fault_longest(0);
    sem_post(&has_failed);
    while (sem_wait(&goes_on) != 0) {
    }
    cai_claim_return(live);
    return unused;
}

static void use_both(void)
{
    require_null(audit_all());
    require(content_holds(block, BEFORE, SEED) && content_holds(others, BEFORE + MORE, SEED + 1));
    require((block = ca_realloc(block, 2 * BEFORE)) != NULL && (others = ca_realloc(others, 3 * BEFORE)) != NULL);
    require(content_holds(block, BEFORE, SEED) && content_holds(others, BEFORE + MORE, SEED + 1));
    ca_free(block);
    ca_free(others);
    require_null(audit_all());
}

/* Where it was to be is another thread's block by now: in the child of a fork that one is left alone. */
CHILD_TEST(test_D7_where_a_slide_led_that_failed, 20)
{
    pthread_t thread;
    int status;

    block = ca_malloc(BEFORE);
    wall = ca_malloc(100000);
    require(block != NULL && wall != NULL);
    content_fill(block, 0, BEFORE, SEED);
    require(sem_init(&has_failed, 0, 0) == 0 && sem_init(&goes_on, 0, 0) == 0);
    require(pthread_create(&thread, NULL, fail_to_slide, NULL) == 0);
    while (sem_wait(&has_failed) != 0) {
    }
    others = ca_malloc(BEFORE + MORE);
    require(others == led_to);
    content_fill(others, 0, BEFORE + MORE, SEED + 1);
    pid_t child = fork();
    if (child == 0) {
        use_both();
        _exit(0);
    }
    require(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    sem_post(&goes_on);
    require(pthread_join(thread, NULL) == 0);
    use_both();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        alone(test_D9_a_slide_finds_no_memory), alone(test_D9_a_slide_finds_somebody_else),
        alone(test_D9_a_slide_may_not_move),    alone(test_D9_a_slide_may_not_unmap),
        alone(test_D9_a_slide_may_not_discard), cmocka_unit_test(test_D7_where_a_slide_led_that_failed),
    };

    return cmocka_run_group_tests(tests, share, NULL);
}
