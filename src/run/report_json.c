/* The report for programs. Names are those of ca_stats and stay; README.md describes them. Called by run.
 */
#include "run/report.h"

#include "core/checks.h"
#include "run/block_calls.h"
#include "run/json.h"
#include "run/report_detail.h"
#include "run/report_live.h"
#include "run/report_profile.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static json_object *program_object(const struct cai_report *report)
{
    json_object *arguments = json_object_new_array();

    for (char *const *argument = report->argv; *argument != NULL; argument++)
        if (argument == report->argv || !report->without_arguments)
            json_object_array_add(arguments, text(*argument));
    const struct member members[] = {
        {"arguments", arguments}, {"path", text(report->path)}, {"pid", number((uint64_t)report->outcome->pid)}};
    return OBJECT(members);
}

static json_object *exit_object(const struct cai_outcome *outcome)
{
    bool killed = WIFSIGNALED(outcome->wait_status);
    int signal = WTERMSIG(outcome->wait_status);
    const char *abbreviation = sigabbrev_np(signal);
    char name[16];

    snprintf(name, sizeof name, "SIG%s", abbreviation != NULL ? abbreviation : "?");
    const struct member members[] = {{"status", killed ? NULL : number((uint64_t)WEXITSTATUS(outcome->wait_status))},
                                     {"signal", killed ? number((uint64_t)signal) : NULL},
                                     {"signal_name", killed ? text(name) : NULL},
                                     {"core_dumped", flag(killed && WCOREDUMP(outcome->wait_status))},
                                     {"elapsed_ns", number(outcome->elapsed_ns)},
                                     {"user_ns", number(outcome->user_ns)},
                                     {"system_ns", number(outcome->system_ns)},
                                     {"max_rss_bytes", number(outcome->max_rss_bytes)}};
    return OBJECT(members);
}

static json_object *use_object(const struct cai_report *report)
{
    bool used = cai_is_used(report->use);
    const struct member members[] = {{"state", text(cai_use_name(report->use))},
                                     {"used", flag(used)},
                                     {"reason", used ? NULL : text(report->reason)},
                                     {"rival", report->use == CAI_USE_RIVAL ? text(report->channel->rival) : NULL},
                                     {"library", text(report->library)}};

    return OBJECT(members);
}

static json_object *checks_object(uint32_t checks)
{
    struct member members[CAI_CHECKS];

    for (unsigned i = 0; i < CAI_CHECKS; i++)
        members[i] = (struct member){cai_check_name(i), flag((checks >> i & 1) != 0)};
    return OBJECT(members);
}

static json_object *settings_object(const struct cai_channel *channel)
{
    const struct member members[] = {
        {"limit_bytes", channel->limit_bytes != 0 ? number(channel->limit_bytes) : NULL},
        {"decay_ms", number(channel->active_decay_ms)},
        {"delay_percent", channel->delay_percent != 0 ? number(channel->delay_percent) : NULL},
        {"revoke", flag(channel->revoke != 0)},
        {"harden", channel->harden != 0 ? checks_object(channel->checks) : NULL},
        {"guards", channel->harden != 0 ? text(cai_guards_name(channel->guards)) : NULL},
        {"mte", channel->harden != 0 ? text(cai_tagging_name(channel->tagging)) : NULL},
        {"helper", flag(channel->helper != 0)},
        {"strict", flag(channel->strict != 0)},
        {"audit", flag(channel->audit != 0)},
        {"tokens", channel->tokens != 0 ? number(channel->tokens) : NULL},
        {"trust_tokens", flag(channel->trust_tokens != 0)},
        {"names", flag(channel->names != 0)},
        {"no_deepbind", flag(channel->no_deepbind != 0)},
        {"backtrace", flag(channel->backtrace != 0)},
        {"visible", flag(channel->visible != 0)},
        {"pagemap", flag(channel->pagemap != 0)},
        {"trace_sweeps", flag(channel->trace_sweeps != 0)},
        {"guard_sample", channel->guard_sample != 0 ? number(channel->guard_sample) : NULL},
        {"profile_bytes", channel->profile_bytes != 0 ? number(channel->profile_bytes) : NULL},
        {"deepbind_seen", flag(cai_is_bound_elsewhere(channel))},
        {"faults_pass_by", flag(channel->passed_by != 0)},
        {"ignored", channel->ignored[0] != 0 ? text(channel->ignored) : NULL}};

    return OBJECT(members);
}

static json_object *places_object(const ca_stats *stats)
{
    struct member members[CA_PLACE_COUNT];

    for (unsigned i = 0; i < CA_PLACE_COUNT; i++) {
        const ca_place_stats *place = &stats->place[i];
        const struct member row[] = {{"live_bytes", number(place->live_bytes)},
                                     {"live_blocks", number(place->live_blocks)},
                                     {"used_bytes", number(place->used_bytes)},
                                     {"used_bytes_peak", number(place->used_bytes_peak)},
                                     {"committed_bytes", number(place->committed_bytes)}};
        members[i] = (struct member){cai_channel_place(i), OBJECT(row)};
    }
    return OBJECT(members);
}

static json_object *pointer_free_object(const ca_stats *stats)
{
    struct cai_pointer_free promised = cai_pointer_free(stats);
    const struct member members[] = {{"live_bytes", number(promised.live_bytes)},
                                     {"live_blocks", number(promised.live_blocks)},
                                     {"used_bytes_peak", number(promised.used_bytes_peak)},
                                     {"live_share", json_object_new_double(promised.live_share)}};

    return OBJECT(members);
}

static json_object *classes_object(const ca_stats *stats)
{
    json_object *classes = json_object_new_array();

    for (unsigned i = 0; i < CA_STATS_CLASSES_MAX; i++) {
        const ca_class_stats *class = &stats->size_class[i];
        if (class->slot_bytes == 0)
            continue;
        const struct member row[] = {{"slot_bytes", class->slot_bytes != UINT64_MAX ? number(class->slot_bytes) : NULL},
                                     {"live_blocks", number(class->live_blocks)},
                                     {"allocations", number(class->allocations)}};
        json_object_array_add(classes, OBJECT(row));
    }
    return classes;
}

static json_object *heaps_object(const struct cai_channel_numbers *numbers)
{
    json_object *heaps = json_object_new_array();

    for (unsigned i = 0; i < numbers->named; i++) {
        const struct cai_named *heap = &numbers->heap[i];
        const struct member row[] = {
            {"name", text(heap->name)},
            {"held_bytes", number(heap->held_bytes)},
            {"quota_bytes", heap->quota_bytes != UINT64_MAX ? number(heap->quota_bytes) : NULL}};
        json_object_array_add(heaps, OBJECT(row));
    }
    return heaps;
}

static json_object *stats_object(const struct cai_channel *channel, bool final, uint64_t age_ns)
{
    const ca_stats *stats = &channel->numbers[0].stats;
    const struct member members[] = {{"final", flag(final)},
                                     {"age_ns", number(age_ns)},
                                     {"live_bytes", number(stats->live_bytes)},
                                     {"live_blocks", number(stats->live_blocks)},
                                     {"quarantined_bytes", number(stats->quarantined_bytes)},
                                     {"stale_bytes", number(channel->stale_bytes)},
                                     {"kept_bytes", number(channel->kept_bytes)},
                                     {"sweeps_in_doubt", number(channel->sweeps_in_doubt)},
                                     {"sweeps_postponed", number(channel->sweeps_postponed)},
                                     {"bytes_cleared", number(stats->bytes_cleared)},
                                     {"bytes_clear_skipped", number(stats->bytes_clear_skipped)},
                                     {"sweeps", number(stats->sweeps)},
                                     {"sweep_bytes_scanned", number(stats->sweep_bytes_scanned)},
                                     {"sweep_bytes_ahead", number(channel->ahead_bytes)},
                                     {"violations", number(stats->violations)},
                                     {"allocations", number(stats->allocations)},
                                     {"committed_bytes", number(stats->committed_bytes)},
                                     {"committed_bytes_peak", number(stats->committed_bytes_peak)},
                                     {"metadata_bytes", number(stats->metadata_bytes)},
                                     {"returned_bytes", number(stats->returned_bytes)},
                                     {"threads", number(stats->threads)},
                                     {"threads_peak", number(stats->threads_peak)},
                                     {"frees", number(stats->frees)},
                                     {"failed_requests", number(stats->failed_requests)},
                                     {"live_bytes_peak", number(stats->live_bytes_peak)},
                                     {"requested_bytes", number(stats->requested_bytes)},
                                     {"place", places_object(stats)},
                                     {"pointer_free", pointer_free_object(stats)},
                                     {"heaps", heaps_object(&channel->numbers[0])},
                                     {"size_class", classes_object(stats)}};

    return OBJECT(members);
}

/* Frees them. */
static json_object *calls_object(struct cai_calls *calls)
{
    json_object *objects = json_object_new_array();

    for (size_t i = 0; i < calls->count; i++) {
        const struct cai_call *call = &calls->call[i];
        const struct member row[] = {{"module", call->module != NULL ? text(call->module) : NULL},
                                     {"offset", address(call->offset)},
                                     {"function", call->function != NULL ? text(call->function) : NULL},
                                     {"file", call->file != NULL ? text(call->file) : NULL},
                                     {"line", call->line != 0 ? number((uint64_t)call->line) : NULL},
                                     {"inlined", flag(call->inlined)}};
        json_object_array_add(objects, OBJECT(row));
    }
    cai_calls_free(calls);
    return objects;
}

static json_object *last_calls_object(const struct cai_channel *process)
{
    struct cai_calls calls;

    cai_calls_read(process->calls, CAI_CALLERS_USED, &calls);
    return calls_object(&calls);
}

static json_object *block_calls_object(const struct cai_tree *tree, const struct cai_channel *process,
                                       enum cai_callers_part part)
{
    struct cai_calls calls;

    cai_block_calls(tree, process, part, &calls);
    return calls_object(&calls);
}

/* All that is known of a process. */
static json_object *detail_object(const struct cai_channel *process, const struct cai_histories *histories,
                                  uint64_t start_ns)
{
    const struct cai_history *history = cai_history_of(histories, process->pid);
    const struct cai_channel_numbers *numbers = &process->numbers[0];
    bool peak = history != NULL && history->peak.ns != 0;
    const struct member members[] = {{"stats", stats_object(process, process->state == CAI_CHANNEL_FINISHED, 0)},
                                     {"held", cai_held_object(numbers)},
                                     {"map", cai_map_object(numbers)},
                                     {"peak_at_ns", peak ? number(cai_since(history->peak.ns, start_ns)) : NULL},
                                     {"peak_held", peak ? cai_held_object(&history->peak) : NULL},
                                     {"peak_map", peak ? cai_map_object(&history->peak) : NULL},
                                     {"profile", cai_profile_object_of(histories->host, process->pid)},
                                     {"history", history != NULL ? cai_history_object(history, start_ns) : NULL}};

    return OBJECT(members);
}

/* Of each process what one asks first; the program itself is the first of them. */
static json_object *processes_object(const struct cai_tree *tree, const struct cai_histories *histories,
                                     uint64_t start_ns)
{
    json_object *processes = json_object_new_array();

    for (uint32_t i = 0; i < tree->count; i++) {
        const struct cai_channel *process = &tree->process[i];
        const ca_stats *stats = &process->numbers[0].stats;
        uint64_t ns = process->numbers[0].ns;
        const struct member row[] = {
            {"pid", number((uint64_t)process->pid)},
            {"parent", number((uint64_t)process->parent)},
            {"program", text(process->program)},
            {"state", text(cai_tree_state(process))},
            {"numbers_at_ns", ns != 0 ? number(ns > start_ns ? ns - start_ns : 0) : NULL},
            {"allocations", number(stats->allocations)},
            {"frees", number(stats->frees)},
            {"failed_requests", number(stats->failed_requests)},
            {"live_bytes", number(stats->live_bytes)},
            {"live_bytes_peak", number(stats->live_bytes_peak)},
            {"committed_bytes", number(stats->committed_bytes)},
            {"committed_bytes_peak", number(stats->committed_bytes_peak)},
            {"threads_peak", number(stats->threads_peak)},
            {"violations", number(process->violations)},
            {"violation", process->violation[0] != 0 ? text(process->violation) : NULL},
            {"calls", last_calls_object(process)},
            {"allocated", block_calls_object(tree, process, CAI_CALLERS_ALLOCATED)},
            {"allocated_sampled", flag(process->allocated_at != 0)},
            {"freed", block_calls_object(tree, process, CAI_CALLERS_FREED)},
            {"findings", process->findings.done != 0 ? number(process->findings.found) : NULL},
            {"violated", cai_violated_object(process, start_ns)},
            {"detail", histories != NULL ? detail_object(process, histories, start_ns) : NULL}};
        json_object_array_add(processes, OBJECT(row));
    }
    const struct member members[] = {{"violations", number(tree->violations)},
                                     {"findings", number(tree->findings)},
                                     {"without_numbers", number(tree->missed)},
                                     {"processes", processes}};
    return OBJECT(members);
}

static json_object *audit_object(const struct cai_channel_audit *audit)
{
    json_object *findings = json_object_new_array();

    for (uint32_t i = 0; i < audit->kept; i++) {
        const struct cai_channel_finding *finding = &audit->finding[i];
        const struct member row[] = {{"block", address(finding->block)},
                                     {"block_bytes", number(finding->block_bytes)},
                                     {"place", text(cai_channel_place(finding->place))},
                                     {"offset", number(finding->offset)},
                                     {"value", address(finding->value)},
                                     {"target", address(finding->target)},
                                     {"target_bytes", number(finding->target_bytes)},
                                     {"target_place", text(cai_channel_place(finding->target_place))}};
        json_object_array_add(findings, OBJECT(row));
    }
    const struct member members[] = {{"found", number(audit->found)}, {"findings", findings}};
    return OBJECT(members);
}

static json_object *stats_of(const struct cai_report *report)
{
    return stats_object(report->channel, report->use == CAI_USE_FINISHED, cai_report_age(report));
}

static bool print(FILE *to, json_object *root, bool compact)
{
    const int form = JSON_C_TO_STRING_NOSLASHESCAPE | (compact ? 0 : JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
    const char *out = root != NULL ? json_object_to_json_string_ext(root, form) : NULL;
    bool made = out != NULL;

    if (made)
        fprintf(to, "%s\n", out);
    json_object_put(root);
    return made;
}

bool cai_live_json(FILE *to, pid_t pid, const struct cai_channel *page, const struct cai_sites *sites, uint64_t now_ns)
{
    bool has = page->numbers[0].ns != 0;
    const struct member process[] = {{"pid", number((uint64_t)pid)},
                                     {"program", text(page->program)},
                                     {"elapsed_ns", number(page->start_ns < now_ns ? now_ns - page->start_ns : 0)}};
    const struct member members[] = {{"schema", number(1)},
                                     {"capalloc", text(CAPALLOC_VERSION)},
                                     {"process", OBJECT(process)},
                                     {"settings", settings_object(page)},
                                     {"stats", has ? stats_object(page, false, cai_live_age(page, now_ns)) : NULL},
                                     {"profile", sites != NULL ? cai_profile_object(sites) : NULL}};

    return print(to, OBJECT(members), false);
}

bool cai_report_json(FILE *to, const struct cai_report *report)
{
    const struct cai_channel *channel = report->channel;
    bool used = cai_is_used(report->use);
    bool audited = report->use == CAI_USE_FINISHED && channel->findings.done != 0;
    const struct member members[] = {
        {"schema", number(1)},
        {"capalloc", text(CAPALLOC_VERSION)},
        {"program", program_object(report)},
        {"exit", exit_object(report->outcome)},
        {"use", use_object(report)},
        {"settings", used ? settings_object(channel) : NULL},
        {"stats", used && cai_use_has_stats(channel) ? stats_of(report) : NULL},
        {"audit", audited ? audit_object(&channel->findings) : NULL},
        {"machine", cai_machine_object()},
        {"tree",
         report->tree != NULL ? processes_object(report->tree, report->histories, report->outcome->start_ns) : NULL}};
    return print(to, OBJECT(members), report->compact);
}
