/* See page.h. The table can be written by every process of the tree: what is read there is copied once and checked, and
 * leads to nothing but which page is ours.
 */
#include "heaps/page.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "core/settings.h"
#include "core/violation.h"
#include "heaps/registry.h"
#include "heaps/requests.h"
#include "heaps/sample.h"
#include "heaps/stats.h"
#include "os/fault.h"
#include "os/os.h"

#include <string.h>

/* Numbers are left this often, more often in the first second, and less where counting takes long: so that it costs a
 * hundredth at most. */
enum { EVERY_MS = 250, FIRST_MS = 4, COST_SHARE = 100 };

enum { WAIT_TRIES = 1000 };

static struct cai_channel_table *table;
static struct cai_channel *page; /* atomic */
static uint32_t processes;       /* how many pages the table has, as it was when it was mapped */
static size_t page_bytes;
static uint64_t next_ms;    /* atomic: when the numbers are due */
static uint32_t is_leaving; /* atomic: a thread is writing them */

struct cai_channel *cai_page(void)
{
    return cai_load_acquire(&page);
}

/* --- whose page --- */

static struct cai_channel *page_at(uint32_t index)
{
    return (struct cai_channel *)(void *)((char *)table + (index + (size_t)1) * page_bytes);
}

/* A page that nobody has had; NULL: there is none left, which is counted. */
static struct cai_channel *claim(int32_t pid)
{
    uint32_t index = cai_add_relaxed(&table->claimed, 1);

    if (index >= processes)
        return NULL;
    cai_store_relaxed(&table->pid[index], pid);
    return page_at(index);
}

/* The one that the program had which this one has replaced, or that `capalloc run` has prepared. */
static struct cai_channel *take_over(int32_t pid)
{
    for (uint32_t index = (uint32_t)cai_min(cai_load_relaxed(&table->claimed), processes); index-- != 0;)
        if (cai_load_relaxed(&table->pid[index]) == pid)
            return page_at(index);
    return NULL;
}

/* Numbers of an earlier program, and the settings of the parent, are not ours; violations are the pid's. */
static CAI_COLD void begin(struct cai_channel *ours, int32_t pid)
{
    const char *name = cai_os_process_name();
    size_t length = strnlen(name, sizeof ours->program - 1);

    cai_store_release(&ours->state, CAI_CHANNEL_EMPTY);
    if (cai_load_relaxed(&ours->turn) != 0)
        memset(ours->numbers, 0, sizeof ours->numbers);
    cai_store_relaxed(&ours->turn, 0);
    memset(ours->program, 0, sizeof ours->program);
    memcpy(ours->program, name, length);
    ours->pid = pid;
    ours->parent = cai_os_parent_number();
    ours->start_ns = cai_os_nanoseconds();
    ours->allocated_at = ours->freed_at = 0; /* sites are this program's own */
}

static struct cai_sites *sites_of(struct cai_channel *ours)
{
    size_t at = cai_channel_sites_at(page_bytes);

    return ours != NULL && at != 0 ? (struct cai_sites *)(void *)((char *)ours + at) : NULL;
}

/* What an earlier program of this pid has left is not ours. */
static void start_profile(struct cai_channel *ours)
{
    struct cai_sites *sites = sites_of(ours);

    if (sites == NULL)
        return;
    if (cai_load_relaxed(&sites->rate) != 0)
        memset(sites, 0, sizeof *sites);
    if (cai_settings->profile_bytes != 0)
        cai_sample_start(sites, cai_settings->profile_bytes);
}

/* --- the numbers --- */

/* Where the last whole numbers do not stand. */
static struct cai_channel_numbers *other(struct cai_channel *ours)
{
    return &ours->numbers[cai_load_relaxed(&ours->turn) % 2];
}

/* Where they do: what a process without a heap has to say are single words, and the other set stays memory that nobody
 * has touched. NULL: there are none, or it has a heap. */
static struct cai_channel_numbers *same(struct cai_channel *ours)
{
    bool found = cai_registry_first() == NULL && cai_load_relaxed(&ours->turn) != 0;

    return found ? &ours->numbers[(cai_load_relaxed(&ours->turn) - 1) % 2] : NULL;
}

static void show(struct cai_channel *ours, struct cai_channel_numbers *numbers)
{
    numbers->ns = cai_os_nanoseconds();
    cai_store_release(&ours->turn, cai_load_relaxed(&ours->turn) + 1);
}

/* Without a heap all is zero already, and stays memory that nobody has touched. */
static bool count(struct cai_channel_numbers *numbers, bool exactly)
{
    if (cai_registry_first() != NULL) {
        numbers->named = cai_named_collect(numbers->heap);
        return cai_stats_sample(&numbers->stats, numbers->map, numbers->held, exactly);
    }
    numbers->stats.struct_size = sizeof numbers->stats;
    numbers->stats.violations = cai_violation_count();
    numbers->stats.failed_requests = cai_requests_failed();
    return true;
}

static void look_at_faults(struct cai_channel *ours)
{
    cai_store_relaxed(&ours->passed_by, cai_os_fault_is_passed_by());
}

void cai_page_look_at_faults(void)
{
    struct cai_channel *ours = cai_page();

    if (ours != NULL)
        look_at_faults(ours);
}

static bool leave(struct cai_channel *ours)
{
    uint32_t nobody = 0;

    look_at_faults(ours);
    if (!cai_swap_strong_acq_rel(&is_leaving, &nobody, 1))
        return false;
    struct cai_channel_numbers *numbers = other(ours);
    bool whole = count(numbers, false);
    if (whole)
        show(ours, numbers);
    cai_store_release(&is_leaving, 0);
    return whole;
}

void cai_page_look(uint64_t now_ms)
{
    struct cai_channel *ours = cai_page();
    uint64_t due = cai_load_relaxed(&next_ms);

    if (ours == NULL || now_ms < due || !cai_swap_strong_acq_rel(&next_ms, &due, now_ms + FIRST_MS))
        return;
    uint64_t begun = cai_os_nanoseconds();
    if (!leave(ours))
        return;
    uint64_t ended = cai_os_nanoseconds();
    uint64_t age_ms = (ended - ours->start_ns) / 1000000;
    uint64_t wait_ms = cai_min(age_ms / 4 + FIRST_MS, EVERY_MS) + (ended - begun) * COST_SHARE / 1000000;
    cai_store_relaxed(&next_ms, now_ms + wait_ms);
}

/* The parent's page is the parent's. */
void cai_page_child(void)
{
    const struct cai_channel *parents = cai_page();
    if (table == NULL)
        return;
    int32_t pid = cai_os_process_number();
    struct cai_channel *ours = claim(pid);
    cai_store_relaxed(&is_leaving, 0);
    cai_store_relaxed(&next_ms, 0);
    if (ours != NULL) {
        if (parents != NULL) {
            memcpy(ours, parents, offsetof(struct cai_channel, violation));
            ours->dlopen_flags = 0;
            if (ours->interposed == 0)
                memcpy(ours->rival, parents->rival, sizeof ours->rival);
        }
        begin(ours, pid);
        cai_store_release(&ours->state, CAI_CHANNEL_LOADED);
    }
    cai_sample_child(sites_of(ours));
    cai_store_release(&page, ours);
}

void cai_page_check(void)
{
    const struct cai_channel *ours = cai_page();

    if (ours != NULL && ours->pid != cai_os_process_number())
        cai_page_child();
}

static void put(char *to, size_t size, const char *from)
{
    size_t length = strnlen(from, size - 1);

    memcpy(to, from, length);
    memset(to + length, 0, size - length);
}

/* The first of them are kept, as each is told. */
static void keep(struct cai_channel_violation *kept, const ca_violation *violation)
{
    kept->address = (uintptr_t)violation->address;
    kept->bytes = violation->size;
    put(kept->code, sizeof kept->code, violation->code);
    put(kept->function, sizeof kept->function, violation->function);
    put(kept->stated, sizeof kept->stated, violation->stated);
    put(kept->found, sizeof kept->found, violation->found);
    put(kept->place, sizeof kept->place, violation->place);
    cai_store_release(&kept->ns, cai_os_nanoseconds());
}

static bool violated(const ca_violation *violation, bool last, const char *calls)
{
    struct cai_channel *ours = cai_page();

    cai_add_relaxed(&table->violations, 1);
    if (ours == NULL)
        return false;
    uint64_t before = cai_add_relaxed(&ours->violations, 1);
    if (before < CAI_CHANNEL_VIOLATIONS)
        keep(&ours->violated[before], violation);
    put(ours->violation, sizeof ours->violation, violation->code);
    memcpy(ours->calls, calls, strlen(calls) + 1);
    const struct cai_sampled sampled = cai_sample_find((uintptr_t)violation->address);
    ours->allocated_at = sampled.allocated_at;
    ours->freed_at = sampled.freed_at;
    if (last)
        leave(ours);
    return table->shows_calls != 0;
}

CAI_COLD struct cai_channel *cai_page_start(struct cai_channel_table *with, uint32_t pages, size_t bytes)
{
    int32_t pid = cai_os_process_number();

    table = with;
    processes = pages;
    page_bytes = bytes;
    struct cai_channel *ours = take_over(pid);
    if (ours == NULL)
        ours = claim(pid);
    if (ours != NULL) {
        begin(ours, pid);
        leave(ours);
    }
    cai_store_release(&page, ours);
    cai_violation_watch(violated);
    start_profile(ours);
    return ours;
}

void cai_page_finish(void)
{
    struct cai_channel *ours = cai_page();

    if (ours == NULL)
        return;
    if (cai_settings->audit)
        cai_add_relaxed(&table->findings, ours->findings.found);
    look_at_faults(ours);
    /* Somebody else writes numbers at this moment, or we do, interrupted by a signal handler that ends the program. */
    for (unsigned tries = 0; cai_exchange_acq_rel(&is_leaving, 1) != 0; tries++) {
        if (tries == WAIT_TRIES)
            return;
        cai_os_yield();
    }
    struct cai_channel_numbers *numbers = same(ours);
    bool shown = numbers != NULL;
    if (!shown)
        numbers = other(ours);
    if (!count(numbers, true)) {
        memset(numbers->map, 0, sizeof numbers->map);
        cai_stats_collect(&numbers->stats);
    }
    if (shown)
        numbers->ns = cai_os_nanoseconds();
    else
        show(ours, numbers);
    ours->end_ns = numbers->ns;
    cai_store_release(&ours->state, CAI_CHANNEL_FINISHED);
    cai_store_release(&is_leaving, 0);
}
