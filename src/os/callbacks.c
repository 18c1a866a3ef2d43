/* What the C library calls back (os.h): at the end of a thread; and a thread of our own. All of it needs the
 * library's code to be there, for good.
 *
 * The shared forms are linked as never to be unloaded. libcapalloc.a may lie in a library that a program loads and
 * unloads again: that one is pinned when it is loaded, and not by the first malloc, in which no loader may be called.
 */
#include "os/os.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>

/* Weak: a static program needs no loader. dlopen is asked for by name, as the linker warns of each static program that
 * may call it. */
extern __typeof__(dladdr1) dladdr1 __attribute__((weak));
extern __typeof__(dlsym) dlsym __attribute__((weak));

static bool is_pinned(const struct link_map *map)
{
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_FLAGS_1)
            return (entry->d_un.d_val & DF_1_NODELETE) != 0;
    return false;
}

__attribute__((constructor)) static void pin(void)
{
    Dl_info info;
    struct link_map *map = NULL;

    if (dlsym == NULL || dladdr1 == NULL || dladdr1((void *)(uintptr_t)pin, &info, (void **)&map, RTLD_DL_LINKMAP) == 0)
        return;
    if (map->l_name[0] == '\0' || is_pinned(map)) /* the program itself has no name */
        return;
    void *(*open)(const char *, int) = (void *(*)(const char *, int))(uintptr_t)dlsym(RTLD_DEFAULT, "dlopen");
    if (open != NULL)
        open(map->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

static pthread_key_t exit_key;
static bool exit_key_made;
static void (*thread_exiting)(void);

static void exit_destructor(void *unused)
{
    (void)unused;
    thread_exiting();
}

void cai_os_on_thread_exit(void (*exiting)(void))
{
    thread_exiting = exiting;
    exit_key_made = pthread_key_create(&exit_key, exit_destructor) == 0;
}

void cai_os_thread_started(void)
{
    /* Any value but NULL has the destructor called. The first 32 keys of a process need no memory. */
    if (exit_key_made)
        pthread_setspecific(exit_key, &exit_key);
}

bool cai_os_thread_start(void *(*function)(void *), void *argument)
{
    sigset_t all;
    sigset_t before;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, function, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}
