/* What is told of guarded samples (guarded.h): their table, and reports of what was found there.
 */
#ifndef CAI_HEAPS_GUARDED_REPORT_H
#define CAI_HEAPS_GUARDED_REPORT_H

#include "os/fault.h"
#include "pages/unit.h"

#include <stdbool.h>

enum { CAI_GUARDED_MAX = 32, CAI_GUARDED_FRAMES = 20 };

/* Who has an entry; a thread's number (os/holder.h) and 1: the thread that is making or ending its block. */
enum { CAI_GUARDED_FREE = 0, CAI_GUARDED_LIVE = 2, CAI_GUARDED_WAITS = 4, CAI_GUARDED_BUSY = 1 };

struct cai_guarded_calls {
    uint32_t count;
    uintptr_t frame[CAI_GUARDED_FRAMES];
};

struct cai_guarded {
    uint64_t state;       /* atomic, as above; a thread's number is shifted by 3 */
    struct cai_unit *run; /* atomic; NULL: none */
    uint64_t turn;        /* when it was given back */
    uint8_t ways;         /* of shutting its pages (os/guard.h) */
    bool is_known;        /* what lies beside the block is what was written there */
    struct cai_guarded_calls taken, given;
};

extern struct cai_guarded cai_guarded_table[CAI_GUARDED_MAX];

/* What lies beside a block that cannot hold zeros only: a byte from 0x80 on that differs from process to process. */
extern uint8_t cai_guarded_filling;

/* A live block that is about to be given back: so many bytes that lie behind it, or before it, are not what they were.
 * Returns when a handler let the program go on. */
void cai_guarded_report_beside(const struct cai_guarded *entry, size_t behind, size_t before);

/* Told of faults (os/fault.h). True: a handler let the program go on, and the page can be used. */
bool cai_guarded_seen(const struct cai_fault *fault);

#endif
