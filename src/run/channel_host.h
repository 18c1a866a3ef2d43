/* The runner's side of the table shared with the library (heaps/channel.h). */
#ifndef CAI_RUN_CHANNEL_HOST_H
#define CAI_RUN_CHANNEL_HOST_H

#include "heaps/channel.h"

#include <stdbool.h>

struct cai_channel_host {
    int fd; /* closed on exec */
    struct cai_channel_table *table;
    size_t bytes;
    uint32_t processes; /* as the table was made, whatever it says by now */
    size_t page_bytes;
    char name[48]; /* what CAPALLOC_CHANNEL says */
};

/* Creates the table, with magic, version and geometry filled in; `profiled`: with room for sites. Returns 0 or
 * errno. */
int cai_channel_open(struct cai_channel_host *host, bool profiled);

/* In the child, right before exec: the first page is this process's. */
void cai_channel_claim(struct cai_channel_host *host);

/* enum cai_channel_state of the first page, read with acquire. */
unsigned cai_channel_state_get(const struct cai_channel_host *host);

/* How many pages are somebody's, and how many processes found none. */
uint32_t cai_channel_count(const struct cai_channel_host *host, uint32_t *missed);

/* How often the process has left numbers. */
uint32_t cai_channel_turn(const struct cai_channel_host *host, uint32_t index);

/* Violations and findings of all processes. */
uint64_t cai_channel_violations(const struct cai_channel_host *host);
uint64_t cai_channel_findings(const struct cai_channel_host *host);

/* A copy that can be trusted to be well formed, not to be true: the program can write the page. The last numbers are
 * numbers[0]. */
void cai_channel_snapshot(const struct cai_channel_host *host, uint32_t index, struct cai_channel *out);

/* The same of a page that was copied as it is. */
void cai_channel_clean(struct cai_channel *page);

/* What stands there of a page's sites, as it is. False: the table has no room for any. */
bool cai_channel_sites(const struct cai_channel_host *host, uint32_t index, struct cai_sites *out);

/* The same of the page of a process. */
bool cai_channel_sites_of(const struct cai_channel_host *host, int32_t pid, struct cai_sites *out);

void cai_channel_close(struct cai_channel_host *host);

#endif
