/* The kinds of misuse: a table of what is done. */
#ifndef SURVEY_KINDS_H
#define SURVEY_KINDS_H

#include "scene.h"

struct kind {
    const char *name;
    const char *measures;           /* of blocks that it is done to */
    bool (*misuse)(struct scene *); /* calls scene_passed() behind it; true: it took effect */
};

extern const struct kind survey_frees[];    /* each table ends with a name that is NULL */
extern const struct kind survey_accesses[]; /* reads and writes where nothing is the program's */
extern const struct kind survey_freed[];    /* of freed memory */

#endif
