/* What `capalloc run --report` writes: one page that needs no network and can be sent. */
#ifndef CAI_RUN_REPORT_HTML_H
#define CAI_RUN_REPORT_HTML_H

#include "run/report.h"

/* The page with the object of cai_report_json inside. home: the folder that is written as ~ wherever it stands; NULL or
 * "/": none. False: out of memory. */
bool cai_report_html(FILE *to, const struct cai_report *report, const char *home);

#endif
