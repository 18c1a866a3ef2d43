/* The report for programs. Names are those of ca_stats and stay; README.md describes them. Bytes that are not UTF-8,
 * which arguments may hold, become U+FFFD so that the object always parses. Called by run.
 */
#include "run/report.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* The length of the UTF-8 sequence at text, 0 when there is none. */
static size_t utf8_length(const unsigned char *text)
{
    if (text[0] < 0x80)
        return 1;
    size_t length = text[0] >= 0xf0 && text[0] <= 0xf4 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc2 ? 2 : 0;
    if (text[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    /* overlong forms, surrogates, beyond U+10FFFF */
    if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
        (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
        return 0;
    return length;
}

static json_object *text_object(const char *text)
{
    char *clean = malloc(strlen(text) * 3 + 1);
    if (clean == NULL)
        return NULL;
    char *end = clean;
    for (const unsigned char *at = (const unsigned char *)text; *at != 0;) {
        size_t length = utf8_length(at);
        if (length == 0) {
            end = stpcpy(end, "\xef\xbf\xbd");
            at++;
            continue;
        }
        end = mempcpy(end, at, length);
        at += length;
    }
    *end = 0;
    json_object *object = json_object_new_string(clean);
    free(clean);
    return object;
}

static void add_number(json_object *to, const char *name, uint64_t value)
{
    json_object_object_add(to, name, json_object_new_uint64(value));
}

static uint64_t timeval_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_usec * 1000;
}

static json_object *program_object(const struct cai_report *report)
{
    json_object *program = json_object_new_object();
    json_object *arguments = json_object_new_array();
    for (char *const *argument = report->argv; *argument != NULL; argument++)
        json_object_array_add(arguments, text_object(*argument));
    json_object_object_add(program, "arguments", arguments);
    json_object_object_add(program, "path", text_object(report->path));
    json_object_object_add(program, "pid", json_object_new_int(report->outcome->pid));
    return program;
}

static json_object *exit_object(const struct cai_outcome *outcome)
{
    json_object *ending = json_object_new_object();
    if (WIFSIGNALED(outcome->wait_status)) {
        char name[16];
        const char *abbreviation = sigabbrev_np(WTERMSIG(outcome->wait_status));
        snprintf(name, sizeof name, "SIG%s", abbreviation != NULL ? abbreviation : "?");
        json_object_object_add(ending, "status", NULL);
        json_object_object_add(ending, "signal", json_object_new_int(WTERMSIG(outcome->wait_status)));
        json_object_object_add(ending, "signal_name", json_object_new_string(name));
        json_object_object_add(ending, "core_dumped", json_object_new_boolean(WCOREDUMP(outcome->wait_status)));
    } else {
        json_object_object_add(ending, "status", json_object_new_int(WEXITSTATUS(outcome->wait_status)));
        json_object_object_add(ending, "signal", NULL);
        json_object_object_add(ending, "signal_name", NULL);
        json_object_object_add(ending, "core_dumped", json_object_new_boolean(0));
    }
    add_number(ending, "elapsed_ns", outcome->elapsed_ns);
    add_number(ending, "user_ns", timeval_ns(outcome->usage.ru_utime));
    add_number(ending, "system_ns", timeval_ns(outcome->usage.ru_stime));
    add_number(ending, "max_rss_bytes", (uint64_t)outcome->usage.ru_maxrss * 1024);
    return ending;
}

static json_object *use_object(const struct cai_report *report)
{
    bool used = report->use == CAI_USE_FINISHED || report->use == CAI_USE_UNENDED;
    const struct cai_channel *channel = report->channel;
    json_object *use = json_object_new_object();
    json_object_object_add(use, "state", json_object_new_string(cai_use_name(report->use)));
    json_object_object_add(use, "used", json_object_new_boolean(used));
    json_object_object_add(use, "reason", used ? NULL : text_object(report->reason));
    json_object_object_add(use, "rival", report->use == CAI_USE_RIVAL ? text_object(channel->rival) : NULL);
    json_object_object_add(use, "library", text_object(report->library));
    return use;
}

static json_object *settings_object(const struct cai_channel *channel)
{
    json_object *settings = json_object_new_object();
    json_object_object_add(settings, "limit_bytes",
                           channel->limit_bytes != 0 ? json_object_new_uint64(channel->limit_bytes) : NULL);
    add_number(settings, "decay_ms", channel->active_decay_ms);
    json_object_object_add(settings, "helper", json_object_new_boolean(channel->helper != 0));
    json_object_object_add(settings, "audit", json_object_new_boolean(channel->audit != 0));
    json_object_object_add(settings, "tokens", channel->tokens != 0 ? json_object_new_uint64(channel->tokens) : NULL);
    json_object_object_add(settings, "trust_tokens", json_object_new_boolean(channel->trust_tokens != 0));
    return settings;
}

static json_object *places_object(const ca_stats *stats)
{
    json_object *places = json_object_new_object();
    for (unsigned i = 0; i < CA_PLACE_COUNT; i++) {
        const ca_place_stats *place = &stats->place[i];
        json_object *row = json_object_new_object();
        add_number(row, "live_bytes", place->live_bytes);
        add_number(row, "live_blocks", place->live_blocks);
        add_number(row, "used_bytes", place->used_bytes);
        add_number(row, "used_bytes_peak", place->used_bytes_peak);
        add_number(row, "committed_bytes", place->committed_bytes);
        json_object_object_add(places, cai_channel_place(i), row);
    }
    return places;
}

static json_object *pointer_free_object(const ca_stats *stats)
{
    const ca_place_stats *nocaps = &stats->place[1];
    const ca_place_stats *secret = &stats->place[3];
    json_object *out = json_object_new_object();
    add_number(out, "live_bytes", nocaps->live_bytes + secret->live_bytes);
    add_number(out, "live_blocks", nocaps->live_blocks + secret->live_blocks);
    add_number(out, "used_bytes_peak", nocaps->used_bytes_peak + secret->used_bytes_peak);
    json_object_object_add(out, "live_share", json_object_new_double(cai_pointer_free_share(stats)));
    return out;
}

static json_object *classes_object(const ca_stats *stats)
{
    json_object *classes = json_object_new_array();
    for (unsigned i = 0; i < CA_STATS_CLASSES_MAX; i++) {
        const ca_class_stats *class = &stats->size_class[i];
        if (class->slot_bytes == 0)
            continue;
        json_object *row = json_object_new_object();
        json_object_object_add(row, "slot_bytes",
                               class->slot_bytes != UINT64_MAX ? json_object_new_uint64(class->slot_bytes) : NULL);
        add_number(row, "live_blocks", class->live_blocks);
        add_number(row, "allocations", class->allocations);
        json_object_array_add(classes, row);
    }
    return classes;
}

static json_object *stats_object(const struct cai_report *report)
{
    const ca_stats *stats = &report->channel->stats;
    json_object *out = json_object_new_object();
    json_object_object_add(out, "final", json_object_new_boolean(report->use == CAI_USE_FINISHED));
    add_number(out, "live_bytes", stats->live_bytes);
    add_number(out, "live_blocks", stats->live_blocks);
    add_number(out, "quarantined_bytes", stats->quarantined_bytes);
    add_number(out, "bytes_cleared", stats->bytes_cleared);
    add_number(out, "bytes_clear_skipped", stats->bytes_clear_skipped);
    add_number(out, "sweeps", stats->sweeps);
    add_number(out, "sweep_bytes_scanned", stats->sweep_bytes_scanned);
    add_number(out, "violations", stats->violations);
    add_number(out, "allocations", stats->allocations);
    add_number(out, "committed_bytes", stats->committed_bytes);
    add_number(out, "committed_bytes_peak", stats->committed_bytes_peak);
    add_number(out, "metadata_bytes", stats->metadata_bytes);
    add_number(out, "returned_bytes", stats->returned_bytes);
    add_number(out, "threads", stats->threads);
    json_object_object_add(out, "place", places_object(stats));
    json_object_object_add(out, "pointer_free", pointer_free_object(stats));
    json_object_object_add(out, "size_class", classes_object(stats));
    return out;
}

static void add_address(json_object *to, const char *name, uint64_t address)
{
    char text[2 + 16 + 1];
    snprintf(text, sizeof text, "0x%" PRIx64, address);
    json_object_object_add(to, name, json_object_new_string(text));
}

static json_object *finding_object(const struct cai_channel_finding *finding)
{
    json_object *out = json_object_new_object();
    add_address(out, "block", finding->block);
    add_number(out, "block_bytes", finding->block_bytes);
    json_object_object_add(out, "place", json_object_new_string(cai_channel_place(finding->place)));
    add_number(out, "offset", finding->offset);
    add_address(out, "value", finding->value);
    add_address(out, "target", finding->target);
    add_number(out, "target_bytes", finding->target_bytes);
    json_object_object_add(out, "target_place", json_object_new_string(cai_channel_place(finding->target_place)));
    return out;
}

static json_object *audit_object(const struct cai_channel_audit *audit)
{
    json_object *out = json_object_new_object();
    json_object *findings = json_object_new_array();
    for (uint32_t i = 0; i < audit->kept; i++)
        json_object_array_add(findings, finding_object(&audit->finding[i]));
    add_number(out, "found", audit->found);
    json_object_object_add(out, "findings", findings);
    return out;
}

bool cai_report_json(FILE *to, const struct cai_report *report)
{
    bool used = report->use == CAI_USE_FINISHED || report->use == CAI_USE_UNENDED;
    json_object *root = json_object_new_object();
    if (root == NULL)
        return false;
    json_object_object_add(root, "schema", json_object_new_int(1));
    json_object_object_add(root, "capalloc", json_object_new_string(CAPALLOC_VERSION));
    json_object_object_add(root, "program", program_object(report));
    json_object_object_add(root, "exit", exit_object(report->outcome));
    json_object_object_add(root, "use", use_object(report));
    json_object_object_add(root, "settings", used ? settings_object(report->channel) : NULL);
    json_object_object_add(root, "stats", used && cai_use_has_stats(report->channel) ? stats_object(report) : NULL);
    json_object_object_add(root, "audit",
                           report->use == CAI_USE_FINISHED && report->channel->findings.done != 0
                               ? audit_object(&report->channel->findings)
                               : NULL);
    const char *text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                                JSON_C_TO_STRING_NOSLASHESCAPE);
    if (text != NULL)
        fprintf(to, "%s\n", text);
    json_object_put(root);
    return text != NULL;
}
