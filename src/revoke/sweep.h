/* A sweep: the world is stopped, and whatever points into the places is marked. In libraries of that mode, with the
 * setting `revoke`.
 */
#ifndef CAI_REVOKE_SWEEP_H
#define CAI_REVOKE_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True: every word that there is to see has been seen, and cai_is_marked tells what they point to, of all blocks
 * that were freed before; *beside is how much was read beside the heap. False: in doubt; nothing may be released, and
 * it has been said once. One at a time. Contract: R1, R9. */
bool cai_sweep(uint64_t *beside);

/* The marks go. Bytes that were found marked, and that were not and are free now, for who wants to read of it. */
void cai_sweep_end(size_t kept, size_t released);

/* Those that saw everything, what they have read, and those in doubt. */
uint64_t cai_sweeps(void);
uint64_t cai_sweep_bytes(void);
uint64_t cai_sweep_bytes_ahead(void); /* of these: while threads ran */
uint64_t cai_sweeps_in_doubt(void);

/* In the child of a fork that was in the middle of one. */
void cai_sweep_repair(void);

#endif
