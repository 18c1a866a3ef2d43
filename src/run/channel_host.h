/* The runner's side of the page shared with the library (preload/channel.h). */
#ifndef CAI_RUN_CHANNEL_HOST_H
#define CAI_RUN_CHANNEL_HOST_H

#include "preload/channel.h"

struct cai_channel_host {
    int fd; /* closed on exec, except in the child that launch prepares */
    struct cai_channel *page;
};

/* Creates the page, with magic and version filled in. Returns 0 or errno. */
int cai_channel_open(struct cai_channel_host *host);

/* In the child, right before exec: names the process that may answer, and lets the descriptor through. 0 or errno. */
int cai_channel_claim(struct cai_channel_host *host);

/* enum cai_channel_state, read with acquire. */
unsigned cai_channel_state_get(const struct cai_channel_host *host);

/* A copy that can be trusted to be well formed, not to be true: the program can write the page. */
void cai_channel_snapshot(const struct cai_channel_host *host, struct cai_channel *out);

void cai_channel_close(struct cai_channel_host *host);

#endif
