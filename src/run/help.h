/* The texts of --help and --version. */
#ifndef CAI_RUN_HELP_H
#define CAI_RUN_HELP_H

#include <stdio.h>

/* topic: NULL for the overview, "run", "doctor", "settings", "json". Returns 0, or 125 when there is no such topic. */
int cai_help(FILE *to, const char *topic);

void cai_version(FILE *to);

#endif
