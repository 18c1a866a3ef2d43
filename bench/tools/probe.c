/* probe: prints, one a line, "NAME FILE" for each function of the malloc family: the file that serves it in this very
 * process. The driver refuses to measure an allocator that does not serve them all. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

int main(void)
{
    static const char *const family[] = {"malloc",        "free",           "calloc",   "realloc",
                                         "aligned_alloc", "posix_memalign", "memalign", "malloc_usable_size"};
    for (size_t i = 0; i < sizeof family / sizeof family[0]; i++) {
        void *function = dlsym(RTLD_DEFAULT, family[i]);
        Dl_info info;
        int known = function != NULL && dladdr(function, &info) != 0;
        printf("%s %s\n", family[i], known ? info.dli_fname : "-");
    }
    return 0;
}
