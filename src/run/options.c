/* Options end at the first word that is none: everything after it is the program's and is never looked at.
 * Every rejection is one line on stderr that names the offending word. Called by run.
 */
#include "run/options.h"

#include "run/message.h"
#include "run/units.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    OPT_STATS = 256,
    OPT_LIMIT,
    OPT_DECAY,
    OPT_HELPER,
    OPT_STRICT,
    OPT_AUDIT,
    OPT_TOKENS,
    OPT_TRUST_TOKENS,
    OPT_REQUIRE,
    OPT_LIBRARY,
    OPT_OUTPUT,
};

static const struct option long_options[] = {
    {"stats", optional_argument, NULL, OPT_STATS},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"decay", required_argument, NULL, OPT_DECAY},
    {"helper", no_argument, NULL, OPT_HELPER},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"audit", no_argument, NULL, OPT_AUDIT},
    {"tokens", required_argument, NULL, OPT_TOKENS},
    {"trust-tokens", no_argument, NULL, OPT_TRUST_TOKENS},
    {"require", no_argument, NULL, OPT_REQUIRE},
    {"library", required_argument, NULL, OPT_LIBRARY},
    {"output", required_argument, NULL, OPT_OUTPUT},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool wrong_value(const char *option, const char *value, const char *wanted)
{
    cai_say("bad-usage", "%s '%s': wanted %s", option, value, wanted);
    return false;
}

static bool option_apply(int option, const char *value, struct cai_run_options *out)
{
    switch (option) {
    case OPT_STATS:
        if (value == NULL || strcmp(value, "text") == 0)
            out->stats = CAI_STATS_TEXT;
        else if (strcmp(value, "json") == 0)
            out->stats = CAI_STATS_JSON;
        else
            return wrong_value("--stats", value, "text or json");
        return true;
    case OPT_LIMIT:
        out->has_limit = true;
        return cai_size_parse(value, &out->limit_bytes) ||
               wrong_value("--limit", value, "a size such as 4096, 64K, 512M or 2G");
    case OPT_DECAY:
        out->has_decay = true;
        return cai_number_parse(value, UINT32_MAX, &out->decay_ms) ||
               wrong_value("--decay", value, "a number of milliseconds");
    case OPT_HELPER:
        out->helper = true;
        return true;
    case OPT_STRICT:
        out->strict = true;
        return true;
    case OPT_AUDIT:
        out->audit = true;
        return true;
    case OPT_TOKENS:
        return (cai_number_parse(value, UINT64_MAX, &out->tokens) && out->tokens != 0) ||
               wrong_value("--tokens", value, "a number, as given to -falloc-token-max");
    case OPT_TRUST_TOKENS:
        out->trust_tokens = true;
        return true;
    case OPT_REQUIRE:
        out->require = true;
        return true;
    case OPT_LIBRARY:
        out->library = value;
        return true;
    case OPT_OUTPUT:
        out->output = value;
        return true;
    default:
        return false;
    }
}

/* What getopt stumbled over: optopt names a long option's number, a short option's letter, or is 0. */
static void say_rejected(int answer, char *word)
{
    if (answer == ':')
        cai_say("bad-usage", "option '%s' needs a value", word);
    else if (optopt >= OPT_STATS)
        cai_say("bad-usage", "option '%s' takes no value", word);
    else if (optopt != 0)
        cai_say("bad-usage", "unknown option '-%c' (see: capalloc help run)", optopt);
    else
        cai_say("bad-usage", "unknown or ambiguous option '%s' (see: capalloc help run)", word);
}

enum cai_options_answer cai_run_options_parse(int argc, char **argv, struct cai_run_options *out)
{
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

__attribute__((format(printf, 3, 4))) static void setting_add(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    if (used > 0 && used + 1 < size) {
        text[used++] = ',';
        text[used] = 0;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

void cai_run_options_settings(const struct cai_run_options *options, char *text, size_t size)
{
    text[0] = 0;
    if (options->has_limit)
        setting_add(text, size, "limit=%" PRIu64, options->limit_bytes);
    if (options->has_decay)
        setting_add(text, size, "decay=%" PRIu64, options->decay_ms);
    if (options->helper)
        setting_add(text, size, "helper");
    if (options->strict)
        setting_add(text, size, "strict");
    if (options->audit)
        setting_add(text, size, "audit");
    if (options->tokens != 0)
        setting_add(text, size, "tokens=%" PRIu64, options->tokens);
    if (options->trust_tokens)
        setting_add(text, size, "trust-tokens");
}
