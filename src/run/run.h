/* The subcommand `capalloc run`. */
#ifndef CAI_RUN_RUN_H
#define CAI_RUN_RUN_H

/* argv[0] is "run". Returns the exit status; does not return when the program died by a signal. */
int cai_run(int argc, char **argv);

#endif
