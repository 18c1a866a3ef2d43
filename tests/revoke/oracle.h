/* The oracle: is a freed block handed out again? The test itself knows the address in disguise only. */
#ifndef TESTS_REVOKE_ORACLE_H
#define TESTS_REVOKE_ORACLE_H

#include "unit/unit.h"

#include "heaps/heaps.h"
#include "revoke/sweep.h"
#include "support/audit.h"
#include "support/child.h"

#include <capalloc/capalloc.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 4 };

#define MASK UINT64_C(0x5a5a5a5a5a5a5a5a)

static size_t tested_bytes = 64;

/* What was left on this thread's stack by functions that have returned is gone. */
static CAI_NOINLINE void clean_stack(void)
{
    volatile uintptr_t rubbish[32768 / sizeof(uintptr_t)];

    for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++)
        rubbish[i] = 0;
}

/* A block's address in disguise. */
static CAI_NOINLINE uint64_t take(void)
{
    void *block = ca_malloc(tested_bytes);

    require(block != NULL);
    return (uintptr_t)block ^ MASK;
}

static CAI_NOINLINE void give(uint64_t disguised)
{
    ca_free((void *)(uintptr_t)(disguised ^ MASK));
    clean_stack(); /* also, so that the frame of who frees is not where the caller's next call has its own */
}

/* Sweeps, and takes more blocks than can be free: is the block handed out again? */
static CAI_NOINLINE bool comes_again(uint64_t disguised)
{
    enum { BLOCKS = 3000 };
    static uint64_t blocks[BLOCKS];
    bool found = false;
    size_t count = cai_min(BLOCKS, (64 << 20) / tested_bytes);

    cai_quarantine_release();
    for (size_t i = 0; i < count; i++) {
        blocks[i] = take();
        found = found || (blocks[i] ^ MASK) - (disguised ^ MASK) < tested_bytes ||
                (disguised ^ MASK) - (blocks[i] ^ MASK) < tested_bytes;
    }
    for (size_t i = 0; i < count; i++) /* what is left of them on the stack is overwritten once, below */
        ca_free((void *)(uintptr_t)(blocks[i] ^ MASK));
    clean_stack();
    return found;
}

/* By its state byte. */
static CAI_NOINLINE bool waits(uint64_t disguised)
{
    enum cai_place place = cai_place_of((void *)(uintptr_t)(disguised ^ MASK));
    size_t granule;
    uint8_t *state = cai_find_state(place, CAI_FINE, (void *)(uintptr_t)(disguised ^ MASK), &granule);

    if (state == NULL)
        state = cai_find_state(place, CAI_COARSE, (void *)(uintptr_t)(disguised ^ MASK), &granule);
    bool it_does = state != NULL && cai_state_waits(cai_load_relaxed(state));
    clean_stack();
    return it_does;
}

static void require_kept(uint64_t disguised)
{
    for (unsigned i = 0; i < ROUNDS; i++)
        require(!comes_again(disguised) && waits(disguised));
}

/* By the second sweep from now on that saw everything; what the stack still held when the first began does not count.
 * On a machine that is busy with others a thread may be late, and then a sweep releases nothing. */
static void require_released(uint64_t disguised)
{
    clean_stack();
    for (unsigned seen = 0, tries = 0; seen < 2 && tries < 20 && waits(disguised); tries++) {
        uint64_t in_doubt = cai_sweeps_in_doubt();
        cai_quarantine_release();
        seen += cai_sweeps_in_doubt() == in_doubt;
    }
    require(!waits(disguised));
}

/* A word at `where` points `offset` bytes into it, and nothing is left of that in the caller's registers. */
static CAI_NOINLINE void point_to(volatile uintptr_t *where, uint64_t disguised, size_t offset)
{
    *where = (uintptr_t)(disguised ^ MASK) + offset;
    clean_stack();
}

/* With the word at `where` pointing `offset` bytes into it. Returns the block, which nothing points to any more. */
static uint64_t check_kept(volatile uintptr_t *where, size_t offset)
{
    uint64_t block = take();

    point_to(where, block, offset);
    give(block);
    clean_stack();
    require_kept(block);
    *where = 0;
    return block;
}

static inline void check_word(volatile uintptr_t *where, size_t offset)
{
    require_released(check_kept(where, offset));
}

#endif
