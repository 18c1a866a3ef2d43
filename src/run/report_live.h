/* How a process that runs is shown. now_ns: CLOCK_MONOTONIC, as the page's times are. */
#ifndef CAI_RUN_REPORT_LIVE_H
#define CAI_RUN_REPORT_LIVE_H

#include "heaps/channel.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* How old its numbers are. */
uint64_t cai_live_age(const struct cai_channel *page, uint64_t now_ns);

void cai_live_text(FILE *to, pid_t pid, const struct cai_channel *page, uint64_t now_ns, bool unicode);

/* `sites`: of its heap profile; NULL: it has none. False: out of memory. */
bool cai_live_json(FILE *to, pid_t pid, const struct cai_channel *page, const struct cai_sites *sites, uint64_t now_ns);

/* The text format that Prometheus reads (version 0.0.4). */
void cai_live_prometheus(FILE *to, pid_t pid, const struct cai_channel *page, const struct cai_sites *sites,
                         uint64_t now_ns);

/* What the addresses of each place are used for; the strips alone, or with a head and a legend. */
void cai_live_map(FILE *to, pid_t pid, const struct cai_channel *page, uint64_t now_ns, bool unicode);
void cai_live_strips(FILE *to, const struct cai_channel *page, bool unicode);

#endif
