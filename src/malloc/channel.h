/* The page that `capalloc run` and the library inside the program share: a memfd whose number stands in the environment
 * variable CAPALLOC_CHANNEL. The library proves there that it is in use, and leaves its statistics at exit.
 *
 * `capalloc run` fills magic, version and (in the child, right before exec) pid; a library that finds another pid there
 * is a descendant's and keeps out. Only plain numbers cross: neither side follows a pointer from the other.
 */
#ifndef CAI_MALLOC_CHANNEL_H
#define CAI_MALLOC_CHANNEL_H

#include <capalloc/stats.h>
#include <stdint.h>

#define CAI_CHANNEL_MAGIC UINT64_C(0x6c656e6e61686363) /* "cchannel" */
#define CAI_CHANNEL_ENV "CAPALLOC_CHANNEL"
enum { CAI_CHANNEL_VERSION = 1 };

enum cai_channel_state {
    CAI_CHANNEL_EMPTY = 0,    /* nobody answered yet */
    CAI_CHANNEL_LOADED = 1,   /* the library started; `interposed` is valid */
    CAI_CHANNEL_FINISHED = 2, /* the program exited normally; `stats` is valid */
};

struct cai_channel {
    uint64_t magic;
    uint32_t version;
    int32_t pid;
    uint32_t state;      /* enum cai_channel_state, stored with release */
    uint32_t interposed; /* 1: the malloc that the program calls is this library's */
    char rival[256];     /* when not interposed: the file whose malloc comes first */
    uint32_t active_decay_ms;
    uint32_t helper;      /* 1: the background helper runs */
    uint64_t limit_bytes; /* 0: none */
    uint64_t start_ns;    /* CLOCK_MONOTONIC */
    uint64_t end_ns;
    uint64_t stats_ns; /* CLOCK_MONOTONIC of the numbers in `stats`, stored after them with release; 0: none yet */
    ca_stats stats;    /* valid when FINISHED, or when stats_ns is not 0 (it outlives SIGKILL and _exit) */
};

#endif
