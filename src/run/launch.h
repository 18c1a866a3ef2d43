/* Starting one program and staying until it ends. */
#ifndef CAI_RUN_LAUNCH_H
#define CAI_RUN_LAUNCH_H

#include "run/channel_host.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cai_launch {
    const char *path;     /* has a slash */
    char *const *argv;    /* ends with NULL */
    bool shell_text;      /* text without a #! line: for /bin/sh, as every shell does it */
    const char *library;  /* goes to the front of LD_PRELOAD */
    const char *settings; /* go to the end of CAPALLOC_OPTIONS; "" for none */
    struct cai_channel_host *channel;
    void (*answered)(void *context);             /* called once, soon after the library answered; may be NULL */
    int (*look)(void *context, uint64_t now_ns); /* called again and again while the program runs, in as many
                                                  * milliseconds as it says; may be NULL */
    void *context;
};

struct cai_outcome {
    pid_t pid;
    int exec_error;    /* 0: the program ran; else errno of exec, and only elapsed_ns is valid beside it */
    int wait_status;   /* as waitpid gives it */
    uint64_t start_ns; /* CLOCK_MONOTONIC */
    uint64_t elapsed_ns;
    uint64_t user_ns; /* this and the rest with the children that the program waited for */
    uint64_t system_ns;
    uint64_t max_rss_bytes;
};

/* The setting that tells the library what this file (vm.max_map_count) says; "" and false where that is what it assumes
 * by itself, or cannot be read. */
bool cai_launch_mappings(const char *path, char *text, size_t size);

/* Runs the program to its end. Returns 0, or errno when no process could be made. SIGPIPE and SIGXFSZ are ignored
 * afterwards: the report may go to a pipe nobody reads any more, or be longer than files may be. */
int cai_launch_and_wait(const struct cai_launch *launch, struct cai_outcome *outcome);

#endif
