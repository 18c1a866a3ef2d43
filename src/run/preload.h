/* The environment variables that put the library into a program. */
#ifndef CAI_RUN_PRELOAD_H
#define CAI_RUN_PRELOAD_H

#include <stdbool.h>
#include <stddef.h>

/* The name of the known rival malloc that this file name stands for ("jemalloc"), or NULL. */
const char *cai_rival_name(const char *file);

/* LD_PRELOAD with the library first, then what `before` (may be NULL) had, without a second mention of the library.
 * The caller frees it; NULL when out of memory. */
char *cai_preload_compose(const char *library, const char *before);

/* Calls found(file, name, context) for every known rival in an LD_PRELOAD value (may be NULL). */
void cai_preload_rivals(const char *value, void (*found)(const char *file, const char *name, void *context),
                        void *context);

/* The first file in an LD_PRELOAD value (may be NULL) that is this library compiled for another mode than `library` is,
 * told by their names; NULL: there is none. The caller frees it. */
char *cai_preload_other_mode(const char *value, const char *library);

/* `first,second`, or the one that is not empty; either may be NULL. The caller frees it; NULL when out of memory. */
char *cai_options_merge(const char *first, const char *second);

#endif
