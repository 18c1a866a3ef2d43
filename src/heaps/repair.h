/* The child of a fork: everything that threads which are not there were doing is brought to an end.
 *
 * Fork takes no lock: no thread ever waits for one that forks, so no lock of ours stands in the order of anybody
 * else's. What the child gets is a picture of all memory between two instructions of each other thread. So whatever a
 * thread changes is right or repairable after any store: without a lock, by the order of its stores (bins, runs, large
 * blocks); under a lock, because the lock names its holder, and what it protects is made anew from state bytes, owners
 * and lengths of runs. What the forking thread itself was doing, interrupted by a signal handler that forks, is left to
 * it: it goes on.
 */
#ifndef CAI_HEAPS_REPAIR_H
#define CAI_HEAPS_REPAIR_H

/* By the only thread of the process, at once: locks, and what they protect. Takes none. */
void cai_repair(void);

/* The rest, by the same thread, when it holds none of our locks: what lost threads had in their hands and bins goes
 * back, and their heaps become orphans. Until then they look like those of threads that sleep. */
void cai_repair_rest(void);

#endif
