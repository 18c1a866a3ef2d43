/* Composing LD_PRELOAD and CAPALLOC_OPTIONS. The first object that defines malloc wins, so ours stands first; whatever
 * else was preloaded stays, in its order: a tracer or a fake clock has no quarrel with us. Called by run and doctor.
 */
#include "run/preload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Both separators of ld.so(8). */
#define PRELOAD_SEPARATORS " :\t\n"

/* Parts of file names, most telling first. */
static const struct {
    const char *part;
    const char *name;
} rivals[] = {
    {"jemalloc", "jemalloc"},
    {"tcmalloc", "tcmalloc"},
    {"mimalloc", "mimalloc"},
    {"snmalloc", "snmalloc"},
    {"hardened_malloc", "hardened_malloc"},
    {"scudo", "scudo"},
    {"rpmalloc", "rpmalloc"},
    {"ffmalloc", "ffmalloc"},
    {"minesweeper", "MineSweeper"},
    {"libhoard", "Hoard"},
    {"libmesh", "Mesh"},
    {"tbbmalloc", "TBB malloc"},
    {"ptmalloc", "ptmalloc"},
    {"dlmalloc", "dlmalloc"},
    {"lockfree-malloc", "lockfree-malloc"},
    {"isoalloc", "isoalloc"},
    {"libefence", "Electric Fence"},
    {"libduma", "DUMA"},
    {"libdmalloc", "dmalloc"},
    {"libmemusage", "memusage"},
    {"libc_malloc_debug", "glibc's malloc debugging"},
    {"heaptrack", "heaptrack"},
    {"bytehound", "bytehound"},
    {"vgpreload", "valgrind"},
    {"libasan", "AddressSanitizer"},
    {"clang_rt.asan", "AddressSanitizer"},
    {"libtsan", "ThreadSanitizer"},
    {"clang_rt.tsan", "ThreadSanitizer"},
    {"clang_rt.msan", "MemorySanitizer"},
    {"liblsan", "LeakSanitizer"},
    {"clang_rt.hwasan", "HWAddressSanitizer"},
};

static const char *base_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash != NULL ? slash + 1 : file;
}

const char *cai_rival_name(const char *file)
{
    const char *base = base_of(file);

    for (size_t i = 0; i < sizeof rivals / sizeof rivals[0]; i++)
        if (strstr(base, rivals[i].part) != NULL)
            return rivals[i].name;
    return NULL;
}

char *cai_preload_compose(const char *library, const char *before)
{
    char *copy = strdup(before != NULL ? before : "");
    char *out = malloc(strlen(library) + (before != NULL ? strlen(before) : 0) + 2);
    if (copy == NULL || out == NULL) {
        free(copy);
        free(out);
        return NULL;
    }
    char *end = stpcpy(out, library);
    char *rest = copy;
    for (char *file; (file = strsep(&rest, PRELOAD_SEPARATORS)) != NULL;) {
        if (*file != 0 && strcmp(file, library) != 0) {
            *end++ = ':';
            end = stpcpy(end, file);
        }
    }
    free(copy);
    return out;
}

void cai_preload_rivals(const char *value, void (*found)(const char *file, const char *name, void *context),
                        void *context)
{
    char *copy = strdup(value != NULL ? value : "");
    char *rest = copy;
    for (char *file; (file = strsep(&rest, PRELOAD_SEPARATORS)) != NULL;) {
        const char *name = cai_rival_name(file);
        if (name != NULL)
            found(file, name, context);
    }
    free(copy);
}

static bool is_ours(const char *base)
{
    static const char ours[] = "libcapalloc-preload";

    return strncmp(base, ours, sizeof ours - 1) == 0;
}

char *cai_preload_other_mode(const char *value, const char *library)
{
    char *copy = strdup(value != NULL ? value : "");
    char *rest = copy;
    char *other = NULL;

    for (char *file; other == NULL && (file = strsep(&rest, PRELOAD_SEPARATORS)) != NULL;)
        if (is_ours(base_of(library)) && is_ours(base_of(file)) && strcmp(base_of(file), base_of(library)) != 0)
            other = strdup(file);
    free(copy);
    return other;
}

char *cai_options_merge(const char *first, const char *second)
{
    const char *front = first != NULL ? first : "";
    const char *back = second != NULL ? second : "";
    char *out;

    return asprintf(&out, "%s%s%s", front, *front != 0 && *back != 0 ? "," : "", back) < 0 ? NULL : out;
}
