/* The allocator's clock and its random numbers, fixed: the same scenario takes the same path each time, however long a
 * debugger or a forest of children makes it take.
 */
#ifndef TESTS_STOP_CLOCK_H
#define TESTS_STOP_CLOCK_H

void clock_advance(unsigned ms);

#endif
