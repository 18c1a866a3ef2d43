/* What `capalloc run --stats` says at the end, in two forms. */
#ifndef CAI_RUN_REPORT_H
#define CAI_RUN_REPORT_H

#include "heaps/channel.h"
#include "run/history.h"
#include "run/launch.h"
#include "run/tree.h"
#include "run/verdict.h"

#include <stdbool.h>
#include <stdio.h>

struct cai_report {
    char *const *argv;
    const char *path; /* the file that was executed */
    const char *library;
    const struct cai_outcome *outcome;
    const struct cai_channel *channel; /* a snapshot */
    enum cai_use use;
    const char *reason;                    /* why not, for CAI_USE_NONE and CAI_USE_RIVAL */
    const struct cai_tree *tree;           /* all processes; NULL: not known */
    const struct cai_histories *histories; /* NULL: nobody looked while they ran */
    bool compact;                          /* the object on one line */
    bool without_arguments;                /* the program's name only */
};

/* For people: at most 80 columns; blocks as bars when unicode is true. */
void cai_report_text(FILE *to, const struct cai_report *report, bool unicode);

/* One JSON object and a newline. Returns false when out of memory. */
bool cai_report_json(FILE *to, const struct cai_report *report);

/* Parts of both that are shown of a process that runs, too. `final`: the numbers are those of its end. */
void cai_report_settings(FILE *to, const struct cai_channel *channel);
void cai_report_numbers(FILE *to, const struct cai_channel *channel, bool final, bool unicode);

/* How much older than the end of the program the numbers are. */
uint64_t cai_report_age(const struct cai_report *report);

/* What was promised to hold no pointers, by the program or by its compiler: two of the places together. */
struct cai_pointer_free {
    uint64_t live_bytes, live_blocks, used_bytes_peak;
    double live_share; /* of all live memory: 0 to 1 */
};

struct cai_pointer_free cai_pointer_free(const ca_stats *stats);

#endif
