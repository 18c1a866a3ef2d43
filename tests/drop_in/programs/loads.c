/* Loads, at run time and again and again, a library that is linked with libcapalloc.so, or libcapalloc.so itself; uses
 * it in threads that outlive the dlclose.
 *
 *     loads PLUGIN          a library with plugin_allocate and plugin_free
 *     loads LIBCAPALLOC     libcapalloc.so: ca_malloc and ca_free
 */
#include "check.h"

#include <dlfcn.h>
#include <pthread.h>

typedef void *(*allocate_function)(size_t);
typedef void (*free_function)(void *);

static allocate_function allocate;
static free_function give_back;
static pthread_barrier_t used;
static pthread_barrier_t closed;

static void use(void)
{
    void *blocks[500];

    for (size_t i = 0; i < 500; i++) {
        CHECK((blocks[i] = allocate(i * 13 + 1)) != NULL);
        memset(blocks[i], 1, i * 13 + 1);
    }
    for (size_t i = 0; i < 500; i++)
        give_back(blocks[i]);
}

/* Ends after dlclose: its destructors lie in the library. */
static void *in_thread(void *unused)
{
    use();
    pthread_barrier_wait(&used);
    pthread_barrier_wait(&closed);
    return unused;
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        void *handle = dlopen(arguments[1], round % 2 == 0 ? RTLD_NOW | RTLD_LOCAL : RTLD_LAZY | RTLD_GLOBAL);
        if (handle == NULL)
            fprintf(stderr, "%s\n", dlerror());
        CHECK(handle != NULL);
        allocate = (allocate_function)dlsym(handle, "plugin_allocate");
        give_back = (free_function)dlsym(handle, "plugin_free");
        if (allocate == NULL) {
            allocate = (allocate_function)dlsym(handle, "ca_malloc");
            give_back = (free_function)dlsym(handle, "ca_free");
        }
        CHECK(allocate != NULL && give_back != NULL);
        pthread_barrier_init(&used, NULL, 2);
        pthread_barrier_init(&closed, NULL, 2);
        CHECK(pthread_create(&thread, NULL, in_thread, NULL) == 0);
        use();
        pthread_barrier_wait(&used);
        CHECK(dlclose(handle) == 0);
        pthread_barrier_wait(&closed);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    return 0;
}
