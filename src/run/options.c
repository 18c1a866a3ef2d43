/* Options end at the first word that is none: everything after it is the program's and is never looked at.
 * Every rejection is one line on stderr that names the offending word. Called by run.
 */
#include "run/options.h"

#include "run/message.h"
#include "run/units.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OPT_STATS = 256, OPT_LIMIT, OPT_DECAY, OPT_TOKENS, OPT_LIBRARY, OPT_OUTPUT };

static bool wrong_value(const char *option, const char *value, const char *wanted)
{
    cai_say("bad-usage", "%s '%s': wanted %s", option, value, wanted);
    return false;
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
        return cai_size_parse(value, &out->limit_bytes) ||
               wrong_value("--limit", value, "a size such as 4096, 64K, 512M or 2G");
    case OPT_DECAY:
        out->has_decay = true;
        return cai_number_parse(value, UINT32_MAX, &out->decay_ms) ||
               wrong_value("--decay", value, "a number of milliseconds");
    case OPT_TOKENS:
        return (cai_number_parse(value, UINT64_MAX, &out->tokens) && out->tokens != 0) ||
               wrong_value("--tokens", value, "a number, as given to -falloc-token-max");
    case OPT_LIBRARY:
        out->library = value;
        return true;
    case OPT_OUTPUT:
        out->output = value;
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
    const struct option long_options[] = {
        {"stats", optional_argument, NULL, OPT_STATS},
        {"limit", required_argument, NULL, OPT_LIMIT},
        {"decay", required_argument, NULL, OPT_DECAY},
        {"helper", no_argument, &out->helper, true},
        {"strict", no_argument, &out->strict, true},
        {"audit", no_argument, &out->audit, true},
        {"tokens", required_argument, NULL, OPT_TOKENS},
        {"trust-tokens", no_argument, &out->trust_tokens, true},
        {"require", no_argument, &out->require, true},
        {"library", required_argument, NULL, OPT_LIBRARY},
        {"output", required_argument, NULL, OPT_OUTPUT},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };

    *out = (struct cai_run_options){0};
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    for (;;) {
        int at = optind > 0 ? optind : 1;
        int option = getopt_long(argc, argv, "+:h", long_options, NULL);
        if (option == -1)
            break;
        if (option == 'h')
            return CAI_OPTIONS_HELP;
        if (option == '?' || option == ':') {
            say_rejected(option, argv[at]);
            return CAI_OPTIONS_WRONG;
        }
        if (!option_apply(option, optarg, out))
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
    } settings[] = {
        {options->has_limit, "limit", &options->limit_bytes},
        {options->has_decay, "decay", &options->decay_ms},
        {options->helper, "helper", NULL},
        {options->strict, "strict", NULL},
        {options->audit, "audit", NULL},
        {options->tokens != 0, "tokens", &options->tokens},
        {options->trust_tokens, "trust-tokens", NULL},
    };
    size_t used = 0;

    text[0] = 0;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0] && used < size; i++) {
        const char *comma = used > 0 ? "," : "";
        if (settings[i].stated && settings[i].value != NULL)
            used += (size_t)snprintf(text + used, size - used, "%s%s=%" PRIu64, comma, settings[i].name,
                                     *settings[i].value);
        else if (settings[i].stated)
            used += (size_t)snprintf(text + used, size - used, "%s%s", comma, settings[i].name);
    }
}
