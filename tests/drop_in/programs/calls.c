/* The situations of docs/system-calls.md, each under a filter of system calls (filter.h) that is installed when what
 * comes before the situation is done. Linked with libcapalloc.a, so that the library starts when a test wants it to.
 *
 *     calls SITUATION FILTER
 *     calls exec FILTER PROGRAM ARGUMENT...     the filter is there before the program is
 */
#include "filter.h"

#include <capalloc/capalloc.h>

#include <pthread.h>
#include <sys/wait.h>

static const char *filter;

/* Ends at once: what the C library does at exit is its own. */
static _Noreturn void done(void)
{
    syscall(SYS_exit_group, 0);
    abort();
}

static void use(size_t bytes)
{
    for (int i = 0; i < 20; i++) {
        void *block = ca_malloc(bytes);
        CHECK(block != NULL);
        memset(block, 1, bytes);
        ca_free(block);
    }
}

static void started(void)
{
    use(100);
    filter_install(filter);
}

/* --- the malloc family --- */

static void start(void)
{
    filter_install(filter);
    use(100);
}

static void growth(void)
{
    started();
    for (size_t bytes = 1; bytes < (300 << 20); bytes *= 7) {
        void *block = ca_malloc(bytes);
        CHECK(block != NULL && ca_malloc(bytes) != NULL); /* what lies behind it makes it move */
        CHECK(ca_realloc(block, bytes * 3) != NULL);
    }
    void *mustzero = ca_unwrap(ca_allocate_mustzero(ca_default_authority(), CA_LAYOUT_ARRAY(char, 4096))).ptr;
    CHECK(mustzero != NULL);
}

static void back(void)
{
    static char *blocks[100];

    for (int i = 0; i < 100; i++)
        CHECK((blocks[i] = ca_malloc(i < 50 ? 100000 : 3 << 20)) != NULL);
    for (int i = 0; i < 100; i++)
        memset(blocks[i], 1, 100000);
    started();
    for (int i = 0; i < 100; i++)
        ca_free(blocks[i]);
    CHECK(ca_trim() > 0);
}

static void *contend(void *unused)
{
    for (int i = 0; i < 2000; i++) {
        void *block = ca_malloc(40000 + (size_t)i);
        CHECK(block != NULL);
        ca_free(block);
        ca_trim();
    }
    return unused;
}

/* Threads are the C library's; they exist before. */
static pthread_barrier_t begin;
static uint32_t finished; /* atomic */

static void *thread(void *unused)
{
    pthread_barrier_wait(&begin);
    filter_install(filter);
    contend(NULL);
    __atomic_fetch_add(&finished, 1, __ATOMIC_RELEASE);
    for (;;)
        if (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) == 2)
            done();
    return unused;
}

static void threads(void)
{
    pthread_t other;

    use(100);
    pthread_barrier_init(&begin, NULL, 2);
    CHECK(pthread_create(&other, NULL, thread, NULL) == 0);
    thread(NULL);
}

static void forked(void)
{
    pid_t child = fork();

    CHECK(child >= 0);
    if (child != 0) {
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        if (WIFSIGNALED(status))
            syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), WTERMSIG(status));
        CHECK(status == 0);
    }
    use(100);
}

static void fork_plain(void)
{
    started();
    forked();
}

/* --- and the rest --- */

static void heap(void)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority root;
    ca_authority part;

    CHECK(ca_heap_create(&options, &root) == CA_OK);
    CHECK(ca_authority_derive(root, CA_RIGHT_ALL, 1 << 20, &part) == CA_OK);
    CHECK(ca_is_ok(ca_allocate(part, CA_LAYOUT_ARRAY(char, 100))));
    CHECK(ca_is_ok(ca_allocate_secret(part, CA_LAYOUT_ARRAY(char, 100))));
    CHECK(ca_authority_revoke(part) == CA_OK && ca_heap_destroy(root) == CA_OK);
}

static void authorities(void)
{
    started();
    heap();
}

static void protected(void)
{
    ca_protection got = CA_PROTECTION_INIT;

    ca_protect(CA_PROTECT_ALL, &got);
    for (int i = 0; i < 3; i++)
        CHECK(ca_is_ok(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_ARRAY(char, 5 << 20))));
}

static void protection(void)
{
    ca_protection got = CA_PROTECTION_INIT;

    CHECK(ca_is_ok(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_ARRAY(char, 100))));
    started();
    protected();
    ca_protect(CA_PROTECT_LOCK, &got);
}

static void fork_all(void)
{
    heap();
    CHECK(ca_is_ok(ca_allocate_secret(ca_default_authority(), CA_LAYOUT_ARRAY(char, 100))));
    protected();
    started();
    forked();
}

static void clearing(void)
{
    ca_mustzero block = ca_unwrap(ca_allocate_mustzero(ca_default_authority(), CA_LAYOUT_ARRAY(char, 5 << 20)));

    started();
    ca_deallocate_zeroed(block);
}

static void report(void)
{
    void *block = ca_malloc(100);

    started();
    ca_free(block);
    ca_free(block);
}

static void capabilities(void)
{
    started();
    ca_cap cap = ca_cap_unwrap(ca_cap_allocate(ca_default_authority(), CA_LAYOUT_ARRAY(char, 64)));
    CHECK(ca_cap_store_cap(cap, 0, cap) == CA_CAP_FAULT_NONE);
    CHECK(ca_cap_deallocate(cap) == CA_OK);
}

static void nothing(void) {}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } situations[] = {
        {"start", start},       {"growth", growth},        {"giving-back", back},          {"threads", threads},
        {"fork", fork_plain},   {"fork-of-all", fork_all}, {"authorities", authorities},   {"protection", protection},
        {"clearing", clearing}, {"report", report},        {"capabilities", capabilities}, {"nothing", nothing},
    };

    CHECK(count >= 3);
    filter = arguments[2];
    if (strcmp(arguments[1], "exec") == 0) {
        filter_install(filter);
        execv(arguments[3], arguments + 3);
        abort();
    }
    for (size_t i = 0; i < sizeof situations / sizeof *situations; i++)
        if (strcmp(situations[i].name, arguments[1]) == 0) {
            situations[i].run();
            if (strcmp(arguments[1], "nothing") == 0)
                return 0;
            done();
        }
    return 2;
}
