/* Finding libcapalloc-preload.so, or that of a mode: next to the program's own file in a build tree, in
 * ../lib[/triplet] once installed. The path found is absolute, because the started program may change its directory
 * before it starts others, and it can be carried by LD_PRELOAD, which has no way to quote a space or a colon. Called
 * by run and doctor.
 */
#include "run/library.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cai_self_path(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    if (length <= 0)
        return false;
    path[length] = 0;
    return true;
}

static bool library_accept(const char *candidate, char *path, size_t size)
{
    char absolute[PATH_MAX];
    if (realpath(candidate, absolute) == NULL || access(absolute, R_OK) != 0) {
        snprintf(path, size, "cannot read the library %s: %s", candidate, strerror(errno));
        return false;
    }
    if (strpbrk(absolute, " :\t\n") != NULL) {
        snprintf(path, size, "the library's path '%s' has a space or colon, which LD_PRELOAD cannot carry", absolute);
        return false;
    }
    snprintf(path, size, "%s", absolute);
    return true;
}

bool cai_library_find(const char *name, const char *chosen, char *path, size_t size)
{
    if (chosen != NULL)
        return library_accept(chosen, path, size);
    /* Relative to the program's directory, in this order. */
    static const char *const places[] = {
        "", "../" CAPALLOC_LIBDIR "/", "../lib/" CAPALLOC_MULTIARCH "/", "../lib/", "../lib64/",
    };
    char directory[PATH_MAX];
    if (!cai_self_path(directory, sizeof directory)) {
        snprintf(path, size, "cannot read /proc/self/exe, so the library must be named with --library");
        return false;
    }
    char *slash = strrchr(directory, '/');
    if (slash != NULL)
        slash[1] = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char candidate[PATH_MAX + 128];
        snprintf(candidate, sizeof candidate, "%s%s%s", directory, places[i], name);
        if (access(candidate, F_OK) == 0)
            return library_accept(candidate, path, size);
    }
    snprintf(path, size, "%s is neither in %s nor in the lib directories beside it (name it with --library)", name,
             directory);
    return false;
}
