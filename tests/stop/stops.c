/* See stops.h.
 *
 * A stop that the forker does not get through, because it waits for a lock that the victim holds, is counted as locked.
 * The victim then goes on until the forker is through; at the stops on the way there are only children by _Fork. A
 * process that is of no more use (the victim waits for ever, the program has crashed) is replaced, and the scenario
 * goes on behind that step.
 */
#include "stops.h"

#include "failures.h"
#include "symbols.h"
#include "tracer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The forker sleeps for so long: it waits for the victim. */
enum { ASLEEP_US = 5000 };

static struct {
    const struct scenario *scenario;
    const struct plan *plan;
    uint64_t start_us;
    unsigned step;
    unsigned resume; /* no stops before this step */
    bool is_pending; /* the forker waits */
    unsigned stops, raw, raw_failures, locked, instructions, addresses;
    unsigned candidates; /* stops so far that are not alike */
    bool has_changed;    /* something was stored since the last of them */
    bool is_cut;         /* the time was up */
    bool is_lost;        /* the tracee is of no more use */
    uint8_t *visited;    /* of every byte of the program: an instruction that was stepped begins there */
    uint8_t *stopped;    /* the same for those where a child was made */
} run;

/* --- what became of a child --- */

/* Its own functions on the stack, from within; the last ones are the same for all children. */
static size_t describe_trace(const struct post *post, char *text, size_t length)
{
    size_t used = 0;
    size_t offset;

    for (int i = 0; i < post->trace_length && used + 90 < length; i++) {
        if (!symbols_are_ours((uintptr_t)post->trace[i]))
            continue;
        const char *name = symbols_name((uintptr_t)post->trace[i] - 1, &offset);
        if (strcmp(name, "end_here") == 0 || strcmp(name, "on_end") == 0 || strcmp(name, "__wrap_child_fail") == 0)
            continue;
        if (strcmp(name, "obey") == 0 || strcmp(name, "child_examine") == 0)
            break;
        used += (size_t)snprintf(text + used, length - used, "%s%.60s", used == 0 ? "" : " < ", name);
    }
    return used;
}

static void describe_end(const struct post *post, char *text, size_t length)
{
    size_t used = 0;

    if (post->signal != 0)
        used = (size_t)snprintf(text, length, "%s: ", post->signal == SIGALRM ? "hangs" : strsignal(post->signal));
    else if (post->trace_length == 0)
        used = (size_t)snprintf(text, length, "it ended with status %#x", (unsigned)post->status);
    used += describe_trace(post, text + used, length - used);
    snprintf(text + used, length - used, "\n");
}

static void note(enum way way, const char *said)
{
    struct failure failure = {.way = way, .step = run.step, .said = said};

    failure.position = tracer_position(&failure.called_from);
    failures_note(&failure);
}

static void judge(enum way way, const struct post *post)
{
    char said[2048];
    char end[700];
    char all[2048 + 700];

    tracer_said(said, sizeof said);
    if (post->status == 0)
        return;
    describe_end(post, end, sizeof end);
    snprintf(all, sizeof all, "%s%s", said, end);
    note(way, all);
}

static void lose(enum way way, const char *why)
{
    char said[1024];
    char all[1200];

    tracer_said(said, sizeof said);
    snprintf(all, sizeof all, "%s\n%s", why, said);
    note(way, all);
    run.is_lost = true;
}

/* --- children by order --- */

static void order_fork(struct post *post)
{
    post->order = ORDER_FORK;
    common_tell(&post->asked, post->asked + 1);
}

static bool is_through(const struct post *post)
{
    return common_read(&post->through) == post->asked;
}

static void await_child(enum way way)
{
    struct post *post = &common->posts[way];

    if (common_wait(&post->done, post->asked, run.plan->only >= 0 ? 0 : tracer_patience_ms()))
        judge(way, post);
    else
        lose(way, "the child cannot be ended");
}

/* False: the forker waits for the victim. */
static bool await_through(const struct post *post)
{
    uint64_t start = common_now_us();
    uint64_t asleep_since = 0;

    while (!is_through(post)) {
        uint64_t now = common_now_us();
        bool asleep = tracer_state(post->thread) == 'S';
        if (!asleep)
            asleep_since = 0;
        else if (asleep_since == 0)
            asleep_since = now;
        if ((asleep && now - asleep_since > ASLEEP_US) || now - start > (uint64_t)common->limit_ms * 1000)
            return is_through(post);
        usleep(20);
    }
    return true;
}

static void fork_raw(void)
{
    unsigned before = failures_count();

    order_fork(&common->posts[WAY_RAW]);
    await_child(WAY_RAW);
    run.raw++;
    run.raw_failures += failures_count() - before;
}

/* Only the C library's own locks may make a fork wait. */
static bool wait_for_victim(void)
{
    uintptr_t called_from;

    run.is_pending = true;
    if (symbols_are_ours(tracer_position(&called_from)) && run.scenario->locked_min == 0)
        note(WAY_FORK, "the fork waits for the victim\n");
    return true;
}

static void fork_here(void)
{
    struct post *post = &common->posts[WAY_FORK];
    bool locked = run.is_pending;

    if (!locked) {
        order_fork(post);
        /* As a rule the child has ended before this returns. */
        if (common_wait(&post->done, post->asked, 10) || await_through(post))
            await_child(WAY_FORK);
        else
            locked = wait_for_victim();
    }
    run.locked += locked;
    if (!run.is_lost && run.raw_failures < run.plan->raw_failures_max &&
        (locked || run.stops % run.plan->raw_each == 0))
        fork_raw();
}

/* After a step: the forker may have been woken. */
static void look_at_pending(void)
{
    const struct post *post = &common->posts[WAY_FORK];

    if (!run.is_pending || (!is_through(post) && tracer_state(post->thread) == 'S') || !await_through(post))
        return;
    run.is_pending = false;
    await_child(WAY_FORK);
}

static void fork_in_handler(void)
{
    enum moved moved = tracer_interrupt();

    if (moved == MOVED)
        judge(WAY_HANDLER, &common->posts[0]);
    else
        lose(WAY_HANDLER, moved == MOVED_NOT ? "the parent hangs in its handler" : "the parent crashes in its handler");
}

/* --- stops --- */

static bool mark(uint8_t *map, uintptr_t position)
{
    if (!symbols_are_ours(position) || map[position - symbols_start()] != 0)
        return false;
    map[position - symbols_start()] = 1;
    return true;
}

static bool is_handled(void)
{
    return (run.scenario->flags & SCENARIO_HANDLER) != 0;
}

static bool is_due(uintptr_t position)
{
    const struct density *density = is_handled() ? &run.plan->handlers : &run.plan->density;
    bool is_ours = symbols_are_ours(position);
    bool is_new = is_ours && run.stopped[position - symbols_start()] == 0;

    if (run.plan->only >= 0)
        return run.step == (unsigned long)run.plan->only;
    if (density->stores_only && !run.has_changed)
        return false;
    run.has_changed = false;
    unsigned number = run.candidates++;
    if (run.step < run.resume || failures_count() >= run.plan->failures_max ||
        (!is_ours && (run.scenario->flags & SCENARIO_OURS) != 0))
        return false;
    if (run.is_cut || (is_new && density->everywhere))
        return is_new && density->everywhere;
    return number < density->first || number % density->each == 0;
}

static void stop_here(void)
{
    uintptr_t called_from;
    uintptr_t position = tracer_position(&called_from);

    mark(run.visited, position);
    run.is_cut = run.is_cut || common_now_us() - run.start_us > (uint64_t)run.plan->seconds * 1000000;
    if (!is_due(position))
        return;
    run.addresses += mark(run.stopped, position);
    run.stops++;
    common->step = run.step;
    if (run.plan->count_only)
        return;
    if (is_handled())
        fork_in_handler();
    else
        fork_here();
}

/* From the start of the operation to its end, or until the tracee is lost. */
static void go_through(void)
{
    enum moved moved = tracer_start(run.scenario);

    run.is_lost = run.is_pending = false;
    run.has_changed = true;
    run.candidates = 0;
    for (run.step = 0; moved == MOVED; run.step++) {
        stop_here();
        if (run.is_lost)
            return;
        run.has_changed = tracer_may_change() || run.has_changed;
        moved = tracer_step();
        if (moved == MOVED || moved == MOVED_TO_END)
            look_at_pending();
    }
    if (moved == MOVED_NOT)
        lose(WAY_FORK, "the victim waits, and nothing comes of it");
    else if (moved == MOVED_DEAD)
        lose(WAY_FORK, "the parent crashes");
    else if (run.is_pending && !await_through(&common->posts[WAY_FORK]))
        lose(WAY_FORK, "the fork never returns");
    else if (run.is_pending)
        await_child(WAY_FORK);
    run.instructions = run.step;
    if (!run.is_lost && !tracer_finish())
        lose(WAY_FORK, "the parent, when all is over:");
}

static bool came_through(const char *function)
{
    uintptr_t address = symbols_address(function);

    if (address != 0 && run.visited[address - symbols_start()] != 0)
        return true;
    printf("%s: %s %s\n", run.scenario->name, address == 0 ? "there is no function" : "the path did not come through",
           function);
    return false;
}

static bool is_the_path_meant(void)
{
    bool meant = true;

    if (run.plan->only >= 0 || run.plan->count_only || failures_count() != 0)
        return true;
    for (unsigned i = 0; i < THROUGH_MAX && run.scenario->through[i] != NULL; i++)
        meant = came_through(run.scenario->through[i]) && meant;
    if (run.addresses < run.scenario->addresses_min) {
        printf("%s: only %u addresses, where %u were expected\n", run.scenario->name, run.addresses,
               run.scenario->addresses_min);
        meant = false;
    }
    if (run.locked < run.scenario->locked_min) {
        printf("%s: the fork never waited\n", run.scenario->name);
        meant = false;
    }
    return meant;
}

bool stops_run(const struct scenario *which, const struct plan *plan)
{
    memset(&run, 0, sizeof run);
    run.scenario = which;
    run.plan = plan;
    run.start_us = common_now_us();
    run.visited = calloc(2, symbols_length());
    if (run.visited == NULL)
        return false;
    run.stopped = run.visited + symbols_length();
    for (;;) {
        go_through();
        tracer_kill();
        if (!run.is_lost || plan->only >= 0 || run.step < run.resume || failures_count() >= plan->failures_max)
            break;
        run.resume = run.step + 1;
    }
    bool well = is_the_path_meant() && failures_count() == 0;
    printf("%s: %u instructions, %u stops at %u addresses, %u locked, %u by _Fork, %u failures of %u kinds%s, %.1f s\n",
           which->name, run.instructions, run.stops, run.addresses, run.locked, run.raw, failures_count(),
           failures_kinds(), run.is_cut ? ", cut short" : "", (double)(common_now_us() - run.start_us) / 1e6);
    failures_print(which);
    fflush(stdout);
    free(run.visited);
    return well;
}
