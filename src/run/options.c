/* Options end at the first word that is none: everything after it is the program's and is never looked at.
 * Every rejection is one line on stderr that names the offending word. Called by run.
 */
#include "run/options.h"

#include "core/amount.h"
#include "core/checks.h"
#include "run/message.h"
#include "run/units.h"

#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
    OPT_STATS = 256,
    OPT_LIMIT,
    OPT_DECAY,
    OPT_DELAY,
    OPT_REVOKE,
    OPT_HARDEN,
    OPT_TOKENS,
    OPT_PROFILE,
    OPT_PROFILE_OUTPUT,
    OPT_LIBRARY,
    OPT_OUTPUT,
    OPT_REPORT,
    OPT_ON_VIOLATION,
    OPT_ON_AUDIT,
    OPT_HELP
};

/* What getopt_long needs, and what the help says, from which the manual and the completions are made: tools/man,
 * tools/completion. A line of a text has room for 56 characters. */
static const struct {
    const char *name;
    const char *argument; /* NULL: none; in brackets, with the equals sign that it then needs: optional */
    int answer;           /* 0: `flag` is set */
    size_t flag;          /* where, in struct cai_run_options */
    const char *text;
} rows[] = {
    {"stats", "[=text|json]", OPT_STATS, 0, "at the end, say what the allocator did (json: one object)"},
    {"output", "FILE", OPT_OUTPUT, 0, "write that to FILE instead of stderr (-: to stdout)"},
    {"report", "FILE", OPT_REPORT, 0,
     "at the end, write a page to look at and to send: what was\nheld when, and for what (HTML, no network; -: "
     "stdout)"},
    {"report-arguments", NULL, 0, offsetof(struct cai_run_options, report_arguments),
     "it says the arguments of PROGRAM, too"},
    {"limit", "SIZE", OPT_LIMIT, 0, "refuse memory beyond SIZE, such as 512M or 1.5G"},
    {"decay", "TIME", OPT_DECAY, 0, "give unused memory back after about TIME, such as 500ms\nor 10s; at most 1h"},
    {"delay", "[=SHARE]", OPT_DELAY, 0,
     "a freed block waits until SHARE of the heap, such as 25%\n(6% unless told), was freed after it, at least 4 MiB"},
    {"revoke", "[=SHARE]", OPT_REVOKE, 0,
     "a freed block waits until nothing points to it; memory is\nsearched when SHARE of it was freed, 12% unless told"},
    {"harden", "[=CHECKS]", OPT_HARDEN, 0,
     "look at blocks beyond their address: all checks but copy,\nor a list such as +copy, -delay (all others), "
     "zero+delay"},
    {"trace-sweeps", NULL, 0, offsetof(struct cai_run_options, trace_sweeps), "with --revoke: a line for each search"},
    {"helper", NULL, 0, offsetof(struct cai_run_options, helper), "do housekeeping in a background thread"},
    {"strict", NULL, 0, offsetof(struct cai_run_options, strict), "also report sized deletes of a wrong size"},
    {"backtrace", NULL, 0, offsetof(struct cai_run_options, backtrace),
     "behind the line of a violation, the calls that led to it"},
    {"audit", NULL, 0, offsetof(struct cai_run_options, audit),
     "at the end, list words in memory promised to hold no\npointers that look like pointers to live blocks"},
    {"profile", "[=SIZE]", OPT_PROFILE, 0,
     "sample the calls that take memory, one in SIZE bytes\n(512K unless told); what they hold is in files at the end"},
    {"profile-output", "FILE", OPT_PROFILE_OUTPUT, 0,
     "--profile, into FILE.PID.pb.gz (for pprof) and\nFILE.PID.*.folded; unless told, FILE is capalloc"},
    {"tokens", "N", OPT_TOKENS, 0, "PROGRAM was compiled with -falloc-token-max=N (0: not\nstated)"},
    {"trust-tokens", NULL, 0, offsetof(struct cai_run_options, trust_tokens),
     "its allocation tokens are promises, not guesses"},
    {"require", NULL, 0, offsetof(struct cai_run_options, require),
     "status 125 if the program does not use capalloc; one that\ncertainly cannot (static, privileged) is not started"},
    {"exit-code-on-violation", "N", OPT_ON_VIOLATION, 0, "status N if any process misused its memory"},
    {"exit-code-on-audit", "N", OPT_ON_AUDIT, 0, "--audit, and status N if it finds words in any process"},
    {"library", "FILE", OPT_LIBRARY, 0, "the library to use (default: found beside capalloc)"},
    {"help", NULL, OPT_HELP, 0, "this text"},
};
/* As in the library's setting. */
enum { PROFILE_BYTES = 512 * 1024 };

enum { ROWS = sizeof rows / sizeof rows[0], TEXT_COLUMN = 23 };

static bool wrong_value(const char *option, const char *value, const char *wanted)
{
    cai_say("bad-usage", "%s '%s': wanted %s", option, value, wanted);
    return false;
}

/* Whole percent, with their sign or without. */
static bool share_parse(const char *value, uint64_t *percent)
{
    char digits[8];
    size_t length = strlen(value);

    length -= length > 1 && value[length - 1] == '%';
    if (length >= sizeof digits)
        return false;
    memcpy(digits, value, length);
    digits[length] = 0;
    return cai_number_parse(digits, 1000, percent) && *percent != 0;
}

static bool status_parse(const char *option, const char *value, unsigned *status)
{
    uint64_t number;
    bool right = cai_number_parse(value, 255, &number) && number != 0;

    *status = right ? (unsigned)number : 0;
    return right || wrong_value(option, value, "a status from 1 to 255");
}

/* An option that getopt has not stored itself. */
static bool option_apply(int option, const char *value, struct cai_run_options *out)
{
    switch (option) {
    case OPT_STATS:
        out->stats = value != NULL && strcmp(value, "json") == 0 ? CAI_STATS_JSON : CAI_STATS_TEXT;
        return value == NULL || out->stats == CAI_STATS_JSON || strcmp(value, "text") == 0 ||
               wrong_value("--stats", value, "text or json");
    case OPT_LIMIT:
        out->has_limit = true;
        if (!cai_size_parse(value, &out->limit_bytes))
            return wrong_value("--limit", value, "a size such as 4096, 64K, 512M or 1.5G");
        return out->limit_bytes != 0 ||
               wrong_value("--limit", value, "more than nothing (without the option there is no limit)");
    case OPT_DECAY:
        out->has_decay = true;
        return (cai_time_parse(value, &out->decay_ms) && out->decay_ms <= CAI_DECAY_MS_MAX) ||
               wrong_value("--decay", value, "a time of at most 1h such as 500ms, 10s or 5min (500: milliseconds)");
    case OPT_DELAY:
        out->delay = true;
        return value == NULL || share_parse(value, &out->delay_percent) ||
               wrong_value("--delay", value, "a share of the heap from 1% to 1000%");
    case OPT_REVOKE:
        out->revoke = true;
        return value == NULL || share_parse(value, &out->delay_percent) ||
               wrong_value("--revoke", value, "a share of the memory from 1% to 1000%");
    case OPT_HARDEN:
        out->harden = true;
        out->checks = value;
        return value == NULL || cai_checks_parse(value, strlen(value), &(uint32_t){CAI_CHECKS_DEFAULT}) ||
               wrong_value("--harden", value,
                           "names of checks, such as -delay or zero+delay (see: capalloc help settings)");
    case OPT_PROFILE:
        out->profile_bytes = PROFILE_BYTES;
        return value == NULL || (cai_size_parse(value, &out->profile_bytes) && out->profile_bytes != 0) ||
               wrong_value("--profile", value, "a size such as 64K or 1M");
    case OPT_PROFILE_OUTPUT:
        out->profile_bytes = out->profile_bytes != 0 ? out->profile_bytes : PROFILE_BYTES;
        out->profile_output = value;
        return true;
    case OPT_TOKENS:
        out->has_tokens = true;
        return cai_size_parse(value, &out->tokens) ||
               wrong_value("--tokens", value, "a number, as given to -falloc-token-max");
    case OPT_ON_VIOLATION:
        return status_parse("--exit-code-on-violation", value, &out->on_violation);
    case OPT_ON_AUDIT:
        out->audit = true;
        return status_parse("--exit-code-on-audit", value, &out->on_audit);
    case OPT_LIBRARY:
        out->library = value;
        return true;
    case OPT_OUTPUT:
        out->output = value;
        return true;
    case OPT_REPORT:
        out->report = value;
        return true;
    default:
        return option == 0;
    }
}

/* What getopt stumbled over: optopt is not 0 for a short option, and for a long one that it knows. */
static void say_rejected(int answer, const char *word)
{
    if (answer == ':')
        cai_say("bad-usage", "option '%s' needs a value", word);
    else if (optopt == 0)
        cai_say("bad-usage", "unknown or ambiguous option '%s' (see: capalloc help run)", word);
    else if (word[1] == '-')
        cai_say("bad-usage", "option '%s' takes no value", word);
    else
        cai_say("bad-usage", "unknown option '-%c' (see: capalloc help run)", optopt);
}

enum cai_options_answer cai_run_options_parse(int argc, char **argv, struct cai_run_options *out)
{
    struct option long_options[ROWS + 1] = {{0}};

    *out = (struct cai_run_options){.profile_output = "capalloc"};
    for (size_t i = 0; i < ROWS; i++)
        long_options[i] = (struct option){
            .name = rows[i].name,
            .has_arg = rows[i].argument == NULL     ? no_argument
                       : rows[i].argument[0] == '[' ? optional_argument
                                                    : required_argument,
            .flag = rows[i].answer == 0 ? (int *)(void *)((char *)out + rows[i].flag) : NULL,
            .val = rows[i].answer != 0 ? rows[i].answer : true,
        };
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    for (;;) {
        int at = optind > 0 ? optind : 1;
        int option = getopt_long(argc, argv, "+:h", long_options, NULL);
        if (option == -1)
            break;
        if (option == OPT_HELP || option == 'h')
            return CAI_OPTIONS_HELP;
        if (option == '?' || option == ':') {
            say_rejected(option, argv[at]);
            return CAI_OPTIONS_WRONG;
        }
        /* The end of the options is no value of one: it was forgotten. A file of that name is ./-- */
        if (optarg != NULL && optarg == argv[optind - 1] && strcmp(optarg, "--") == 0) {
            say_rejected(':', argv[at]);
            return CAI_OPTIONS_WRONG;
        }
        if (!option_apply(option, optarg, out))
            return CAI_OPTIONS_WRONG;
    }
    if (out->delay + out->revoke + out->harden > 1) {
        cai_say("bad-usage", "%s and %s: a process has one mode", out->delay ? "--delay" : "--revoke",
                out->harden ? "--harden" : "--revoke");
        return CAI_OPTIONS_WRONG;
    }
    if (out->trace_sweeps && !out->revoke) {
        cai_say("bad-usage", "--trace-sweeps: nothing is swept without --revoke");
        return CAI_OPTIONS_WRONG;
    }
    if (out->harden && out->profile_bytes != 0) {
        cai_say("bad-usage", "--harden and --profile: a hardened block has no room for a sample");
        return CAI_OPTIONS_WRONG;
    }
    if (out->output != NULL && out->report != NULL && strcmp(out->output, out->report) == 0) {
        cai_say("bad-usage", "--output and --report: '%s' cannot hold both", out->output);
        return CAI_OPTIONS_WRONG;
    }
    if (argv[optind] == NULL) {
        cai_say("bad-usage", "no program to run (usage: capalloc run [OPTION]... [--] PROGRAM [ARGUMENT]...)");
        return CAI_OPTIONS_WRONG;
    }
    out->argv = argv + optind;
    return CAI_OPTIONS_RUN;
}

void cai_run_options_settings(const struct cai_run_options *options, char *text, size_t size)
{
    const struct {
        bool stated;
        const char *name;
        const uint64_t *value; /* NULL: the name says it all */
        const char *text;      /* or this does */
    } settings[] = {
        {options->has_limit, "limit", &options->limit_bytes, ""},
        {options->has_decay, "decay", &options->decay_ms, ""},
        {options->revoke, "revoke", NULL, ""},
        {options->trace_sweeps, "trace-sweeps", NULL, ""},
        {options->delay_percent != 0, "delay", &options->delay_percent, ""},
        {options->helper, "helper", NULL, ""},
        {options->strict, "strict", NULL, ""},
        {options->backtrace, "backtrace", NULL, ""},
        {options->audit, "audit", NULL, ""},
        {options->profile_bytes != 0, "profile", &options->profile_bytes, ""},
        {options->has_tokens, "tokens", &options->tokens, ""},
        {options->trust_tokens, "trust-tokens", NULL, ""},
        {options->checks != NULL, "harden=", NULL, options->checks},
    };
    size_t used = 0;

    text[0] = 0;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0] && used < size; i++) {
        const char *comma = used > 0 ? "," : "";
        if (settings[i].stated && settings[i].value != NULL)
            used += (size_t)snprintf(text + used, size - used, "%s%s=%" PRIu64, comma, settings[i].name,
                                     *settings[i].value);
        else if (settings[i].stated)
            used += (size_t)snprintf(text + used, size - used, "%s%s%s", comma, settings[i].name, settings[i].text);
    }
}

void cai_run_options_help(FILE *to)
{
    for (size_t i = 0; i < ROWS; i++) {
        const char *argument = rows[i].argument != NULL ? rows[i].argument : "";
        const char *space = argument[0] != 0 && argument[0] != '[' ? " " : "";
        int column = fprintf(to, "  --%s%s%s", rows[i].name, space, argument);
        if (column >= TEXT_COLUMN - 1)
            column += fprintf(to, "  ") + TEXT_COLUMN - 2 - column;
        for (const char *line = rows[i].text; line != NULL;) {
            int length = (int)strcspn(line, "\n");
            fprintf(to, "%*s%.*s\n", TEXT_COLUMN - column, "", length, line);
            column = 0;
            line = line[length] != 0 ? line + length + 1 : NULL;
        }
    }
}
