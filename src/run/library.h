/* Where the drop-in library is. */
#ifndef CAI_RUN_LIBRARY_H
#define CAI_RUN_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#define CAI_LIBRARY_NAME "libcapalloc-preload.so"
#define CAI_LIBRARY_NAME_DELAY "libcapalloc-preload-revoke.so" /* in which freed blocks wait */
#define CAI_LIBRARY_NAME_HARDEN "libcapalloc-preload-harden.so"

/* Writes the absolute path of the library with this name: `chosen` if not NULL, else beside this program, else in the
 * lib directories of the same prefix. On failure returns false and writes to path what went wrong, one sentence without
 * the full stop. size: at least PATH_MAX. */
bool cai_library_find(const char *name, const char *chosen, char *path, size_t size);

/* The absolute path of this program; false when /proc is missing. */
bool cai_self_path(char *path, size_t size);

#endif
