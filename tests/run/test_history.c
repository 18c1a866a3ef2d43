/* What is kept of a process while it runs: bounded however long it runs, with its peaks, and of a table that the
 * process can write whatever it likes to. */
#include "run/history.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

static struct cai_channel_host host;
static struct cai_histories histories;

static int start(void **state)
{
    (void)state;
    histories = (struct cai_histories){.host = &host};
    if (cai_channel_open(&host, false) != 0)
        return -1;
    cai_channel_claim(&host);
    struct cai_channel *page = cai_channel_at(host.table, 0);
    page->pid = getpid();
    page->start_ns = 1;
    page->state = CAI_CHANNEL_LOADED;
    strcpy(page->program, "first");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cai_history_free(&histories);
    cai_channel_close(&host);
    return 0;
}

/* As the library does it. */
static void leave(uint64_t ns, uint64_t live)
{
    struct cai_channel *page = cai_channel_at(host.table, 0);
    struct cai_channel_numbers *numbers = &page->numbers[page->turn % 2];

    numbers->ns = ns;
    numbers->stats.live_bytes = live;
    numbers->stats.allocations = ns / MS;
    page->turn++;
}

static void test_S6_a_history_is_bounded_and_keeps_peaks(void **state)
{
    (void)state;
    enum { LOOKS = 100000, PEAK_AT = 33333 };
    uint64_t now = 0;
    uint64_t most = 0;

    for (unsigned i = 1; i <= LOOKS; i++) {
        now = i * 10 * MS;
        leave(now - MS, i == PEAK_AT ? 1 << 30 : 1000 + i % 10);
        int wait = cai_history_look(&histories, now);
        assert_in_range(wait, 1, 1001);
        /* A peak that is looked at stays in what is drawn; whether it is, is a matter of when. */
        if (i == PEAK_AT)
            most = histories.of[0]->peak.stats.live_bytes;
    }
    cai_history_end(&histories, now + 5 * MS);
    const struct cai_history *history = cai_history_of(&histories, getpid());
    assert_non_null(history);
    assert_in_range(history->count, CAI_HISTORY_SAMPLES / 2, CAI_HISTORY_SAMPLES);
    for (uint32_t i = 1; i < history->count; i++) {
        assert_true(history->sample[i].ns > history->sample[i - 1].ns);
        assert_true(history->sample[i].numbers_ns >= history->sample[i - 1].numbers_ns);
    }
    assert_true(history->sample[history->count - 1].ns >= now - MS);
    assert_true(history->peak.stats.live_bytes >= most);
    assert_null(cai_history_of(&histories, getpid() + 1));
}

static void test_S6_halving_keeps_the_greater_neighbour(void **state)
{
    (void)state;
    bool found = false;

    for (unsigned i = 1; i <= 3 * CAI_HISTORY_SAMPLES; i++) {
        leave(i * 10 * MS - 1, i == 78 ? 1 << 30 : 1000);
        cai_history_look(&histories, i * 10 * MS);
    }
    const struct cai_history *history = histories.of[0];
    for (uint32_t i = 0; i < history->count; i++)
        found = found || history->sample[i].live == 1 << 30;
    assert_true(found);
    assert_int_equal(history->peak.stats.live_bytes, 1 << 30);
    assert_true(history->every_ns > 10 * MS);
}

static void test_S6_programs_that_replace_each_other(void **state)
{
    (void)state;
    struct cai_channel *page = cai_channel_at(host.table, 0);

    for (unsigned i = 1; i <= 2 * CAI_HISTORY_PROGRAMS; i++) {
        page->start_ns = i * 100 * MS;
        snprintf(page->program, sizeof page->program, "program-%u", i);
        leave(i * 100 * MS + 1, 1000);
        cai_history_look(&histories, i * 100 * MS + 50 * MS);
    }
    const struct cai_history *history = histories.of[0];
    assert_int_equal(history->programs, CAI_HISTORY_PROGRAMS);
    assert_string_equal(history->program[0].name, "program-1");
    assert_int_equal(history->program[1].ns, 200 * MS);
    assert_true(history->here); /* it is this process, which has the table mapped */
    assert_true(history->sample[0].resident > 0 && history->sample[0].resident != UINT64_MAX);
}

static void test_S6_a_table_full_of_nonsense(void **state)
{
    (void)state;
    struct cai_channel *page = cai_channel_at(host.table, 0);

    memset(page, 0xff, sizeof *page);
    page->state = CAI_CHANNEL_LOADED;
    page->pid = 1 << 30; /* nobody's */
    host.table->claimed = UINT32_MAX;
    for (unsigned i = 1; i < 100; i++) {
        page->turn = i * 2;
        cai_history_look(&histories, i * 20 * MS);
    }
    cai_history_end(&histories, 10000 * MS);
    for (uint32_t i = 0; i < histories.count; i++)
        assert_true(histories.of[i] == NULL || histories.of[i]->count <= CAI_HISTORY_SAMPLES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_S6_a_history_is_bounded_and_keeps_peaks, start, stop),
        cmocka_unit_test_setup_teardown(test_S6_halving_keeps_the_greater_neighbour, start, stop),
        cmocka_unit_test_setup_teardown(test_S6_programs_that_replace_each_other, start, stop),
        cmocka_unit_test_setup_teardown(test_S6_a_table_full_of_nonsense, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
