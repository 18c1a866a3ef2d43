/* The sites of a process's sampled heap profile: which calls hold the memory, and which modules those calls lie in.
 * They stand behind the numbers in the process's page (channel.h) where the table was made with room for them, so they
 * outlive the process and are read as the numbers are: by `capalloc run` from the table, by others out of the process's
 * memory.
 *
 * Every number is an estimate and grows by what a sample stands for: a block of s bytes, sampled at a mean distance of
 * `rate` bytes, stands for 1 / (1 - exp(-s / rate)) blocks of s bytes.
 */
#ifndef CAI_HEAPS_SITES_H
#define CAI_HEAPS_SITES_H

#include <stddef.h>
#include <stdint.h>

enum {
    CAI_SITES_MAX = 4096, /* a power of two; the first gathers what there is no room for, and has no frames */
    CAI_SITE_FRAMES = 32,
    CAI_SITE_MODULES = 256,
    CAI_SITE_BLOCK = 1024 /* numbers of blocks are in parts of so many */
};

/* All atomic. What is live may be seen a moment before or after what is counted in `all`. */
struct cai_site {
    uint64_t key; /* of its frames, stored with release when they stand here; 0: nobody's yet */
    uint64_t live_blocks, live_bytes;
    uint64_t all_blocks, all_bytes;   /* since the process began; a forked child's begin with what it inherited */
    uint64_t peak_blocks, peak_bytes; /* live at the moment when all sites together had most */
    uint32_t is_taken;                /* somebody has begun to write it */
    uint32_t frames;
    uint64_t frame[CAI_SITE_FRAMES];  /* return addresses, innermost first; one less lies in the instruction */
    uint16_t module[CAI_SITE_FRAMES]; /* which it lay in when the site was first seen: module[it - 1]; 0: none known */
};

/* One that was loaded when a site in it was first seen. What is unloaded later stays here. */
struct cai_site_module {
    uint32_t is_whole; /* stored with release when the rest stands here */
    uint32_t build_id_bytes;
    uint64_t low, high; /* its addresses in the process */
    uint64_t bias;      /* an address less this is one of the file's own (st_value, DWARF) */
    uint8_t build_id[32];
    char path[256]; /* cut; empty: unknown */
};

struct cai_sites {
    uint64_t rate;       /* bytes between two samples in the mean; 0: there is no profile */
    uint64_t samples;    /* atomic: taken in all */
    uint64_t lost;       /* atomic: due, but there was no room for the record of a live block */
    uint64_t live_bytes; /* atomic: of all sites */
    uint64_t peak_bytes; /* atomic: what they were when `peak` was written */
    uint32_t modules;    /* atomic: entries given away; more than there are: there was no room for so many */
    uint32_t reserved;
    struct cai_site_module module[CAI_SITE_MODULES];
    struct cai_site site[CAI_SITES_MAX];
};

#endif
