/* Every function that the drop-in library exports, called by a thread that has been cancelled: the call returns, the
 * thread is still there, and afterwards other threads can allocate. Linked with the library; the list of its functions
 * is read from the file that was built (../exported.py), and what a function takes from its declaration.
 *
 *     cancel          all of them, then paths that take locks and make system calls
 *     cancel report   a double free in such a thread, which must say its line and abort
 */
#include <capalloc/capalloc.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <malloc.h>
#include <new>
#include <pthread.h>
#include <signal.h>
#include <tuple>
#include <type_traits>
#include <unistd.h>

#define CHECK(condition)                                                                                               \
    ((condition) ? (void)0 : (std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), std::abort()))

/* --- something to pass for each type --- */

static const ca_layout layout = CA_LAYOUT_INIT(long[8]);

/* A heap of its own for each call: some end the heap. */
static ca_authority authority()
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority made;

    CHECK(ca_heap_create(&options, &made) == CA_OK);
    return made;
}

template <class T> struct Some {
    static T get()
    {
        if constexpr (std::is_enum_v<T>)
            return T{};
        else
            return T(64);
    }
};

/* A pointer to a T, which a function may read or write. */
template <class T> struct Some<T *> {
    static T *get()
    {
        static std::remove_const_t<T> value;
        value = Some<std::remove_const_t<T>>::get();
        return &value;
    }
};
template <class R, class... A> struct Some<R (*)(A...)> {
    static R stand_in(A...)
    {
        return R();
    }
    static auto get() -> R (*)(A...)
    {
        return stand_in;
    }
};

template <> struct Some<void *> {
    static void *get()
    {
        return ca_malloc(64);
    }
};

#define SOME(type, expression)                                                                                         \
    template <> struct Some<type> {                                                                                    \
        static type get()                                                                                              \
        {                                                                                                              \
            return expression;                                                                                         \
        }                                                                                                              \
    }
/* A struct that an initializer or a function makes ready. */
#define SOME_READY(type, initializer, ready)                                                                           \
    template <> struct Some<type> {                                                                                    \
        static type get()                                                                                              \
        {                                                                                                              \
            type value = initializer;                                                                                  \
            ready;                                                                                                     \
            return value;                                                                                              \
        }                                                                                                              \
    }
SOME(const void *, ca_malloc(64));
SOME(const char *, "text");
SOME(ca_layout, layout);
SOME(ca_authority, authority());
SOME(ca_block, ca_unwrap(ca_allocate(ca_default_authority(), layout)));
SOME(ca_nocaps, ca_unwrap(ca_allocate_nocaps(ca_default_authority(), layout)));
SOME(ca_mustzero, ca_unwrap(ca_allocate_mustzero(ca_default_authority(), layout)));
SOME(ca_secret, ca_unwrap(ca_allocate_secret(ca_default_authority(), layout)));
SOME(ca_cap, ca_cap_unwrap(ca_cap_allocate(ca_default_authority(), layout)));
SOME(ca_allocator, ca_heap_allocator(ca_default_authority()));
SOME(ca_block_result, ca_allocate(ca_default_authority(), layout));
SOME(ca_nocaps_result, ca_allocate_nocaps(ca_default_authority(), layout));
SOME(ca_mustzero_result, ca_allocate_mustzero(ca_default_authority(), layout));
SOME(ca_secret_result, ca_allocate_secret(ca_default_authority(), layout));
SOME(ca_cap_result, ca_cap_allocate(ca_default_authority(), layout));
SOME_READY(ca_wiped, {}, ca_secret secret = Some<ca_secret>::get(); value = ca_secret_wipe(&secret));
SOME_READY(ca_heap_options, CA_HEAP_OPTIONS_INIT, );
SOME_READY(ca_authority_info, CA_AUTHORITY_INFO_INIT, );
SOME_READY(ca_block_info, CA_BLOCK_INFO_INIT, );
SOME_READY(ca_walk, CA_WALK_INIT, );
SOME_READY(ca_stats, CA_STATS_INIT, );
SOME_READY(ca_protection, CA_PROTECTION_INIT, );
SOME_READY(ca_counts, {}, value.struct_size = sizeof value);
SOME_READY(ca_limit, {}, ca_limit_init(&value, Some<ca_allocator>::get(), 1 << 20));
SOME_READY(ca_counting, {}, ca_counting_init(&value, Some<ca_allocator>::get()));
SOME_READY(ca_failing, {}, ca_failing_init(&value, Some<ca_allocator>::get()));
SOME_READY(ca_arena, {}, ca_arena_init(&value, Some<ca_allocator>::get()));
SOME_READY(ca_arena_scope, {}, );
SOME(__sighandler_t, SIG_DFL);
SOME_READY(struct sigaction, {}, );
SOME_READY(ca_fixed, {}, static char buffer[4096]; ca_fixed_init(&value, buffer, sizeof buffer));

/* Each byte that is written is a system call. */
template <> struct Some<FILE *> {
    static FILE *get()
    {
        static FILE *const file = std::fopen("/dev/null", "w");
        CHECK(file != nullptr && std::setvbuf(file, nullptr, _IONBF, 0) == 0);
        return file;
    }
};

/* --- a call in a thread of its own, which was cancelled before --- */

static const char *doing = "nothing";
static const char *finished;

static bool refuse(const ca_violation *)
{
    return true;
}

/* What others may be kept from: memory, heaps, must-zero memory, giving back. */
static void others_work()
{
    alarm(20);
    ca_authority root = authority();
    ca_authority part;
    void *large = std::malloc(3 << 20);

    CHECK(large != nullptr && ca_authority_derive(root, CA_RIGHT_ALL, 1 << 20, &part) == CA_OK);
    ca_secret secret = ca_unwrap(ca_allocate_secret(part, layout));
    ca_deallocate_zeroed(secret);
    CHECK(ca_heap_destroy(root) == CA_OK);
    std::free(large);
    ca_trim();
}

template <class Call> struct Cancelled {
    static void *run(void *argument)
    {
        auto &call = *static_cast<Call *>(argument);
        call.prepare();
        pthread_cancel(pthread_self());
        call.make();
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
        finished = doing;
        return nullptr;
    }
};

template <class Call> static void in_cancelled_thread(const char *name, Call call)
{
    pthread_t thread;
    void *answer;

    doing = name;
    alarm(20);
    ca_set_violation_handler(refuse);
    CHECK(pthread_create(&thread, nullptr, Cancelled<Call>::run, &call) == 0);
    CHECK(pthread_join(thread, &answer) == 0);
    if (answer == PTHREAD_CANCELED || finished != name) {
        std::fprintf(stderr, "%s: the thread ended inside\n", name);
        std::abort();
    }
    ca_set_violation_handler(refuse);
    others_work();
}

template <class R, class... A> struct Typed {
    R (*function)(A...);
    std::tuple<A...> arguments;

    void prepare()
    {
        arguments = std::tuple<A...>{Some<A>::get()...};
    }
    void make()
    {
        std::apply(function, arguments);
    }
};

template <class R, class... A> static void typed(const char *name, R (*function)(A...))
{
    in_cancelled_thread(name, Typed<R, A...>{function, {}});
}

/* What takes numbers and one address at most: passing more than it takes does no harm, by the calling conventions. */
struct Raw {
    void *(*function)(std::size_t, std::size_t, std::size_t, std::size_t);
    std::size_t first;

    void prepare() {}
    void make()
    {
        function(first, 64, 64, 0);
    }
};

static void raw(const char *name, void *address)
{
    static void *place;
    bool takes_block = std::strstr(name, "free") != nullptr || std::strstr(name, "realloc") != nullptr ||
                       std::strncmp(name, "_Zd", 3) == 0 || std::strstr(name, "usable_size") != nullptr;
    std::size_t first = 64;

    if (takes_block)
        first = reinterpret_cast<std::size_t>(std::malloc(64));
    else if (std::strstr(name, "posix_memalign") != nullptr)
        first = reinterpret_cast<std::size_t>(&place);
    CHECK(address != nullptr);
    in_cancelled_thread(name, Raw{reinterpret_cast<decltype(Raw::function)>(address), first});
}

/* --- paths that a single call of one function does not take --- */

template <class Body> struct Path {
    Body body;

    void prepare() {}
    void make()
    {
        body();
    }
};

template <class Body> static void path(const char *name, Body body)
{
    in_cancelled_thread(name, Path<Body>{body});
}

static void paths()
{
    path("a heap and its end", [] {
        ca_authority root = authority();
        ca_authority part;
        CHECK(ca_authority_derive(root, CA_RIGHT_ALL, 1 << 20, &part) == CA_OK);
        CHECK(ca_is_ok(ca_allocate_nocaps(part, layout)) && ca_authority_revoke(part) == CA_OK);
        CHECK(ca_heap_destroy(root) == CA_OK);
    });
    path("protection", [] {
        ca_protection got = CA_PROTECTION_INIT;
        ca_protect(CA_PROTECT_ALL, &got);
        for (int i = 0; i < 30; i++)
            (void)ca_is_ok(ca_allocate_secret(ca_default_authority(), ca_layout{1 << 20, 16}));
    });
    path("growth, moving, giving back", [] {
        void *blocks[20];
        for (auto &block : blocks)
            block = std::realloc(std::memset(std::malloc(1 << 20), 1, 1 << 20), 16 << 20);
        for (auto &block : blocks)
            std::free(block);
        malloc_trim(0);
    });
    path("the audit", [] {
        auto *block = static_cast<void **>(ca_unwrap(ca_allocate_nocaps(ca_default_authority(), layout)).ptr);
        *block = block;
        CHECK(ca_audit_nocaps([](const ca_audit_finding *, void *) { return true; }, nullptr) > 0);
    });
    path("malloc_info", [] { CHECK(malloc_info(0, Some<FILE *>::get()) == 0); });
    path("a refused double free", [] {
        void *block = std::malloc(100);
        std::free(block);
        std::free(block);
    });
    path("the new-handler", [] {
        std::set_new_handler([] { std::set_new_handler(nullptr); });
        CHECK(operator new(static_cast<std::size_t>(1) << 60, std::nothrow) == nullptr);
    });
}

extern "C" {
/* Declared for the plain model of a capability only. */
ca_block_result ca_plain_nothing_(ca_block_result result, ca_layout layout, unsigned place);
ca_error ca_plain_deallocate_(void *address);
ca_block_result ca_plain_shrink_(void *address, ca_layout layout);
ca_block_result ca_plain_grow_(ca_authority authority, void *address, ca_layout layout);
ca_error ca_plain_check_(const void *address);
ca_error ca_plain_walk_next_(ca_authority authority, ca_walk *at, void **out);
ca_block_result ca_plain_whole_(ca_authority authority, size_t address);
ca_block_result ca_plain_guess_(ca_authority authority, size_t address);
/* The C library's own name, which is in no header. */
int __sigaction(int number, const struct sigaction *action, struct sigaction *old);
}

static void every_function()
{
#define TYPED(name) typed(#name, &name);
#define RAW(name) raw(#name, dlsym(RTLD_DEFAULT, #name));
#include "exported.inc"
}

int main(int count, char **arguments)
{
    if (count == 1) {
        every_function();
        paths();
        return 0;
    }
    CHECK(std::strcmp(arguments[1], "report") == 0);
    pthread_cancel(pthread_self());
    void *block = std::malloc(100);
    std::free(block);
    std::free(block);
    return 1;
}
