/* The command line of `capalloc run`. */
#ifndef CAI_RUN_OPTIONS_H
#define CAI_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum cai_stats_form { CAI_STATS_NONE, CAI_STATS_TEXT, CAI_STATS_JSON };

struct cai_run_options {
    enum cai_stats_form stats;
    int require; /* fail when the program does not use capalloc; int: getopt_long stores it */
    int helper, strict, audit, trust_tokens, backtrace;
    unsigned on_violation, on_audit; /* the exit status then; 0: the program's */
    bool has_limit, has_decay, has_tokens, delay, revoke, harden;
    int trace_sweeps;
    uint64_t limit_bytes, decay_ms;
    uint64_t delay_percent; /* 0: not stated; the share for --revoke as well */
    uint64_t tokens;        /* 0: as if not stated, whatever CAPALLOC_OPTIONS says */
    const char *checks;     /* of --harden: a list that core/checks.h reads; NULL: all */
    uint64_t profile_bytes; /* 0: no profile */
    const char *profile_output;
    const char *library;  /* NULL: look for it */
    const char *output;   /* NULL: stderr */
    const char *report;   /* NULL: no page is wanted */
    int report_arguments; /* it says how the program was called */
    char *const *argv;    /* the program and its arguments, ends with NULL */
};

enum cai_options_answer { CAI_OPTIONS_RUN, CAI_OPTIONS_HELP, CAI_OPTIONS_WRONG /* was said on stderr */ };

/* argv[0] is "run". */
enum cai_options_answer cai_run_options_parse(int argc, char **argv, struct cai_run_options *out);

/* The options, as the help shows them: one to a line, with the text in a column. */
void cai_run_options_help(FILE *to);

/* What the flags mean in CAPALLOC_OPTIONS, such as "limit=1048576,helper"; "" when there is nothing to say. */
void cai_run_options_settings(const struct cai_run_options *options, char *text, size_t size);

#endif
