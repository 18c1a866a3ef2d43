/* A sweep: the world is stopped, and whatever points into the places is marked. In libraries of that mode, with the
 * setting `revoke`.
 */
#ifndef CAI_REVOKE_SWEEP_H
#define CAI_REVOKE_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cai_swept {
    CAI_SWEPT,          /* cai_is_marked tells what words point to, of all blocks that were freed before */
    CAI_SWEPT_LATER,    /* nothing may be released: a thread sleeps in the kernel, and will soon be through */
    CAI_SWEPT_IN_DOUBT, /* nothing may be released, and it has been said once */
};

/* Looks at every word that there is to see. *beside: how much was read beside the heap. `now`: waits up to a second for
 * a thread that sleeps in the kernel, and does not answer LATER. One at a time. Contract: R1, R9. */
enum cai_swept cai_sweep(bool now, uint64_t *beside);

/* The marks go. Bytes that were found marked, and that were not and are free now, for who wants to read of it. */
void cai_sweep_end(size_t kept, size_t released);

/* Those that saw everything, what they have read, and those that did not. */
uint64_t cai_sweeps(void);
uint64_t cai_sweep_bytes(void);
uint64_t cai_sweep_bytes_ahead(void); /* of these: while threads ran */
uint64_t cai_sweeps_in_doubt(void);
uint64_t cai_sweeps_postponed(void);

/* False in a child of vfork: it shares the memory and has none of the threads, so that it cannot stop them. And it must
 * not wait for who sweeps, who perhaps waits for it. */
bool cai_sweep_may(void);

/* Once in a process, and in each child of a fork. */
void cai_sweep_settle(void);

/* In the child of a fork that was in the middle of one. */
void cai_sweep_repair(void);

#endif
