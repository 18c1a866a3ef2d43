/* A second thread that stands at some instruction while the victim stands at another: so that a child is made where two
 * threads are in the middle of something.
 *
 * It does one thing over and over, each instruction a trap, and stands still where it is told to. It sees to that by
 * itself: only the victim is traced.
 */
#ifndef TESTS_STOP_BESIDE_H
#define TESTS_STOP_BESIDE_H

/* By a thread that has nothing else to do: waits, does it, and so on; returns when it is told to end. */
void beside_run(void (*function)(void));

/* It begins once more, if it has come to the end, and stands still after some of its instructions, or where it waits
 * for the victim. How many, the dice say. The first time it does all of it, to learn how many there are. Called in
 * signal handlers. */
void beside_move(unsigned dice);

/* It goes on to the end of what it does, or as far as it gets while the victim does not move. */
void beside_finish(void);

/* The same, and beside_run returns. */
void beside_end(void);

#endif
