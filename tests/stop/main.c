/* A fork stops other threads between any two stores. This program does so on purpose, at each instruction of the
 * allocator's operations in turn, and has the child prove that it can go on: that nothing is lost that it needs,
 * nothing is handed out twice, and every structure is whole.
 *
 *     stop                            all scenarios in short form; STOP_LONG=1 in the environment: in long form
 *     stop --list                     their names
 *     stop --scenario NAME            one of them
 *     stop --scenario NAME --step N   one stop of it, as a failure names it
 *          --pause                    and a child that fails waits there for gdb
 *          --survey                   do not end after some failures: what are all the kinds?
 *          --count                    make no children: how many stops are there?
 *     stop --can-fail                 the scenarios with a mistake: each must be found
 */
#include "common.h"
#include "failures.h"
#include "stops.h"
#include "symbols.h"
#include "tracer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_SKIPPED = 77, LIMIT_MS = 3000, QUICK_LIMIT_MS = 1000 };

static const struct plan short_form = {
    .density = {.stores_only = true, .everywhere = true, .first = 500, .each = 61},
    .handlers = {.first = 400, .each = 97},
    .raw_each = 5,
    .seconds = 10,
    .failures_max = 20,
    .raw_failures_max = 20,
    .only = -1,
};
static const struct plan long_form = {
    .density = {.everywhere = true, .first = 2000, .each = 11},
    .handlers = {.everywhere = true, .first = 2000, .each = 11},
    .raw_each = 3,
    .seconds = 300,
    .failures_max = 20,
    .raw_failures_max = 20,
    .only = -1,
};

struct options {
    struct plan plan;
    const char *name;
    bool list, pause, survey, can_fail;
};

static bool parse(struct options *options, int count, char **arguments)
{
    for (int i = 1; i < count; i++) {
        const char *word = arguments[i];
        if (strcmp(word, "--list") == 0)
            options->list = true;
        else if (strcmp(word, "--pause") == 0)
            options->pause = true;
        else if (strcmp(word, "--survey") == 0)
            options->survey = true;
        else if (strcmp(word, "--count") == 0)
            options->plan.count_only = true;
        else if (strcmp(word, "--can-fail") == 0)
            options->can_fail = true;
        else if (strcmp(word, "--scenario") == 0 && i + 1 < count)
            options->name = arguments[++i];
        else if (strcmp(word, "--step") == 0 && i + 1 < count)
            options->plan.only = strtol(arguments[++i], NULL, 10);
        else
            return false;
    }
    return options->name != NULL || (options->plan.only < 0 && !options->pause);
}

/* Slow machines and valgrind get more time, as in the other tests. */
static unsigned patience(void)
{
    const char *text = getenv("CAPALLOC_TEST_PATIENCE");

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 1;
}

static bool is_meant(const struct options *options, const struct scenario *which)
{
    if (options->name != NULL)
        return strcmp(options->name, which->name) == 0;
    return ((which->flags & SCENARIO_WRONG) != 0) == options->can_fail;
}

static bool test_D7_the_child_of_any_stop_is_whole(const struct scenario *which, const struct plan *plan)
{
    return stops_run(which, plan);
}

int main(int count, char **arguments)
{
    const char *wants_long = getenv("STOP_LONG");
    struct options options = {.plan = wants_long != NULL && *wants_long == '1' ? long_form : short_form};
    unsigned run = 0;
    unsigned well = 0;

    if (!parse(&options, count, arguments)) {
        fprintf(stderr, "stop [--list] [--survey] [--count] [--can-fail] [--scenario NAME [--step N] [--pause]]\n");
        return 2;
    }
    common_map();
    symbols_read();
    if (!options.list && !tracer_prepare()) {
        printf("skipped: this machine lets nobody trace a process by single steps\n");
        return EXIT_SKIPPED;
    }
    common->limit_ms = (options.survey || options.can_fail ? QUICK_LIMIT_MS : LIMIT_MS) * patience();
    common->is_patient = options.pause;
    if (options.can_fail)
        options.plan.failures_max = 1;
    if (options.survey) {
        options.plan.failures_max = 1000000;
        options.plan.raw_failures_max = 10;
        options.plan.seconds = 1000;
    }
    for (const struct scenario *const *each = scenarios; *each != NULL; each++) {
        if (options.list)
            printf("%s\n", (*each)->name);
        else if (is_meant(&options, *each)) {
            run++;
            well += test_D7_the_child_of_any_stop_is_whole(*each, &options.plan);
        }
    }
    if (options.list)
        return 0;
    if (run == 0)
        fprintf(stderr, "stop: no such scenario\n");
    return run != 0 && well == (options.can_fail ? 0 : run) ? 0 : 1;
}
