/* Chance: for sampling a process without memory that hits each byte alike, one in `rate` in the mean; and bits.
 */
#ifndef CAI_CORE_CHANCE_H
#define CAI_CORE_CHANCE_H

#include <stdint.h>

/* All that is drawn later follows from this; for tests, and for the start. */
void cai_chance_seed(uint64_t seed);

/* 64 bits, each as often 0 as 1. */
uint64_t cai_chance_bits(void);

/* Bytes from anywhere to the next that is hit; at least 1. */
uint64_t cai_chance_bytes(uint64_t rate);

/* The same in blocks of so many bytes: how many until one is hit, it included. */
uint32_t cai_chance_blocks(uint64_t rate, uint64_t bytes);

/* How probable it is that a block of so many bytes is hit. */
double cai_chance_of(uint64_t rate, uint64_t bytes);

#endif
