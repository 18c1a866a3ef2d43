/* The table that the library and the program `capalloc` share: a memfd with a page for each process of a tree. A
 * process writes its own page and nobody else's; `capalloc run`, which made the table, and `capalloc top`, `stats`
 * and `map`, which read it out of the process's memory, only read. So plain numbers cross, one way, and neither side
 * follows a pointer from the other.
 *
 * CAPALLOC_CHANNEL says where the table of `capalloc run` can be opened: /proc/PID/fd/N. The library maps it and closes
 * the descriptor. Children of fork have the mapping, and what is executed opens it anew. With the setting `visible` a
 * process that has no such table makes one of its own.
 */
#ifndef CAI_HEAPS_CHANNEL_H
#define CAI_HEAPS_CHANNEL_H

#include "core/callers.h"
#include "core/channel_name.h"
#include "heaps/named.h"
#include "heaps/sites.h"
#include "heaps/zone_map.h"

#include <capalloc/stats.h>
#include <stddef.h>
#include <stdint.h>

#define CAI_CHANNEL_MAGIC UINT64_C(0x6c656e6e61686363) /* "cchannel" */
#define CAI_CHANNEL_ENV "CAPALLOC_CHANNEL"
enum {
    CAI_CHANNEL_VERSION = 13,
    CAI_CHANNEL_FINDINGS = 16,
    CAI_CHANNEL_VIOLATIONS = 8,
    CAI_CHANNEL_PROCESSES = 512,   /* at most; of the rest the table has sums only */
    CAI_CHANNEL_PROFILED = 128,    /* the same where there is room for sites */
    CAI_CHANNEL_SITES_AT = 64,     /* they begin at a multiple of this behind the numbers */
    CAI_CHANNEL_PROCESSES_OWN = 32 /* in a table that a process makes for itself and its forked children */
};

enum cai_channel_state {
    CAI_CHANNEL_EMPTY = 0,    /* nobody answered yet */
    CAI_CHANNEL_LOADED = 1,   /* the library started; `interposed` is valid */
    CAI_CHANNEL_FINISHED = 2, /* it exited normally; the numbers are final */
};

/* A finding of the audit (<capalloc/audit.h>) in plain numbers. */
struct cai_channel_finding {
    uint64_t block, block_bytes;
    uint64_t offset;
    uint64_t value;
    uint64_t target, target_bytes;
    uint32_t place, target_place; /* index into ca_stats.place */
};

/* What the audit found: how many, and the first of them. */
struct cai_channel_audit {
    uint64_t found;
    uint32_t kept;
    uint32_t done; /* 1: the audit took place */
    struct cai_channel_finding finding[CAI_CHANNEL_FINDINGS];
};

/* A violation, as its line on stderr tells it; texts are cut. */
struct cai_channel_violation {
    uint64_t ns; /* CLOCK_MONOTONIC; 0: not told yet, so nothing else is valid */
    uint64_t address;
    uint64_t bytes; /* of the block that was found; 0: none */
    char code[24], function[40], stated[48], found[64], place[16];
};

/* The names of the places, in the order of ca_stats.place. */
static inline const char *cai_channel_place(uint32_t place)
{
    static const char *const names[CA_PLACE_COUNT] = {"ordinary", "nocaps", "mustzero", "secret"};

    return place < CA_PLACE_COUNT ? names[place] : "none";
}

/* What the numbers were at some moment. */
struct cai_channel_numbers {
    uint64_t ns;    /* CLOCK_MONOTONIC of the moment; 0: never */
    uint64_t named; /* how many entries of `heap` there are */
    ca_stats stats;
    struct cai_zone_map map[CAI_MAP_ZONES];
    struct cai_class_held held[CA_STATS_CLASSES_MAX];
    struct cai_named heap[CAI_NAMED_MAX];
};

/* The page of one process, that is of one pid: a program that replaces another takes its page over. What each process
 * writes stands in front, so that one without a heap touches one page of the kernel's. */
struct cai_channel {
    int32_t pid; /* as the process itself sees it; 0: nobody's yet */
    int32_t parent;
    uint32_t state;      /* enum cai_channel_state, stored with release */
    uint32_t interposed; /* 1: the malloc that the program calls is this library's */
    char program[32];    /* its name, cut */
    uint32_t active_decay_ms;
    uint32_t helper;      /* 1: the background helper runs */
    uint64_t limit_bytes; /* 0: none */
    uint64_t tokens;      /* 0: not stated */
    uint32_t trust_tokens;
    uint32_t audit; /* 1: one was asked for */
    uint32_t strict;
    uint32_t names;
    uint32_t no_deepbind;
    uint32_t backtrace;
    uint32_t visible;
    uint32_t pagemap;
    uint32_t trace_sweeps;
    uint32_t guard_sample;  /* one block in so many; 0: none */
    uint64_t profile_bytes; /* 0: no profile */
    uint32_t delay_percent; /* 0: freed blocks are handed out again at once */
    uint32_t revoke;        /* 1: and then until nothing points to them */
    uint32_t harden;        /* 1: the hardened library */
    uint32_t checks;        /* of it, those that are on (core/checks.h) */
    uint32_t guards;        /* of it, what they are made of (core/checks.h) */
    uint32_t tagging;       /* of it, what became of the check mte (core/checks.h) */
    uint32_t dlopen_flags;  /* all that the program passed to dlopen, at any time */
    uint32_t passed_by;     /* 1: faults of guards go by the library (os/fault.h), when that was last looked at */
    char ignored[64];       /* the first word of CAPALLOC_OPTIONS that the library did not understand; empty: none */
    char violation[32];     /* the code of the last one; empty: none */
    uint32_t allocated_at, freed_at; /* of the block of the last one, where it was sampled: sites; 0: not known */
    uint64_t violations;             /* of this pid, told at once */
    uint64_t start_ns;               /* CLOCK_MONOTONIC */
    uint64_t end_ns;
    uint64_t stale_bytes;      /* valid when FINISHED: what was freed and then written before it was handed out again */
    uint64_t sweeps_postponed; /* likewise: as a thread slept in the kernel */
    uint64_t sweeps_in_doubt,
        kept_bytes,  /* likewise: sweeps that released nothing; what the last one found pointed to */
        ahead_bytes; /* likewise: what sweeps have read while threads ran */
    uint32_t turn;   /* stored with release: how often numbers were left; the last are numbers[(turn - 1) % 2] */
    struct cai_channel_numbers
        numbers[2];                /* two, so that a process which is killed while it writes leaves the others */
    char rival[256];               /* when not interposed: the file whose malloc comes first */
    char calls[CAI_CALLERS_BYTES]; /* what led to the last violation, where that was asked for */
    struct cai_channel_violation violated[CAI_CHANNEL_VIOLATIONS]; /* the first of them */
    struct cai_channel_audit findings;                             /* valid when FINISHED */
};

/* The first page_bytes of the memfd; the pages follow. */
struct cai_channel_table {
    uint64_t magic;
    uint32_t version;
    uint32_t processes;   /* how many pages there are */
    uint32_t page_bytes;  /* from one to the next: whole pages of the kernel's */
    uint32_t shows_calls; /* 1: who made the table shows what led to violations, so that the process need not */
    uint32_t claimed;     /* atomic: pages that were given away; more than there are: so many processes found none */
    uint64_t violations;  /* atomic: in all processes, with a page or without */
    uint64_t findings;    /* atomic: of audits, in all processes */
    int32_t pid[CAI_CHANNEL_PROCESSES]; /* atomic: whose each page is; the first is that of the program started */
};

static inline size_t cai_channel_bytes(uint32_t processes, size_t page_bytes)
{
    return (processes + (size_t)1) * page_bytes;
}

/* As many pages, of `most`, as a limit of the size of files lets be (RLIMIT_FSIZE, which holds for a memfd as well and
 * ends the process that passes it); only those that are used take memory. */
static inline uint32_t cai_channel_processes(uint32_t most, size_t page_bytes, uint64_t limit)
{
    while (most != 0 && cai_channel_bytes(most, page_bytes) > limit)
        most /= 2;
    return most;
}

static inline struct cai_channel *cai_channel_at(struct cai_channel_table *table, uint32_t index)
{
    return (struct cai_channel *)(void *)((char *)table + (index + (size_t)1) * table->page_bytes);
}

/* Where in a page of the table its sites are; 0: pages of so many bytes have none. */
static inline size_t cai_channel_sites_at(size_t page_bytes)
{
    size_t at = (sizeof(struct cai_channel) + CAI_CHANNEL_SITES_AT - 1) / CAI_CHANNEL_SITES_AT * CAI_CHANNEL_SITES_AT;

    return page_bytes >= at + sizeof(struct cai_sites) ? at : 0;
}

/* A page with room for them, before it is rounded up to whole pages of the kernel's. */
#define CAI_CHANNEL_PROFILED_BYTES (sizeof(struct cai_channel) + CAI_CHANNEL_SITES_AT + sizeof(struct cai_sites))

#endif
