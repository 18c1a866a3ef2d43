/* The subcommands that look at processes which run: `capalloc top`, `capalloc stats`, `capalloc map`. */
#ifndef CAI_RUN_WATCH_H
#define CAI_RUN_WATCH_H

#include <stdbool.h>

/* argv[0] is the subcommand. Return the exit status: 0, 1 when the process cannot be seen, 125 for wrong usage. */
int cai_watch_top(int argc, char **argv);
int cai_watch_stats(int argc, char **argv);
int cai_watch_map(int argc, char **argv);

#endif
