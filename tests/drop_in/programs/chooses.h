/* What resolver.c, chosen.c and chooses.c share. */
#ifndef DROP_IN_CHOOSES_H
#define DROP_IN_CHOOSES_H

enum { KEPT = 20, CHOSEN = 77 };

/* resolver.c: blocks from the time of relocation, each filled with KEPT, block i for i * 50 bytes, the first for 100;
 * and how much went wrong. Not as variables, which the program would have copies of. */
char **kept_blocks(void);
int kept_failures(void);
int choose(void);

/* chosen.c */
int call_chosen(void);

#endif
