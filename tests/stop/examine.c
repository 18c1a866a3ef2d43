/* See examine.h. The work is short, because it is done thousands of times, and comes by every part of the allocator:
 * all sizes in all places, blocks of the other threads, an authority, threads that adopt what the lost ones left,
 * memory given back to the system.
 */
#include "examine.h"

#include "blocks/find.h"
#include "clock.h"
#include "heaps/registry.h"
#include "kept.h"
#include "scenario.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"

#include <capalloc/capalloc.h>

#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

enum { LONG_BYTES = 3 << 20, HEAPS_ADOPTED = 2, EXIT_BY_SIGNAL = 98, EXIT_BY_CHECK = 99 };

static struct post *mine;

/* --- the end of a child that does not get to its own --- */

/* Also from a handler of what must not happen: nothing is lost when that hangs, too. */
_Noreturn static void end_here(int status)
{
    if (mine != NULL)
        mine->trace_length = backtrace(mine->trace, TRACE_MAX); /* NOLINT(bugprone-signal-handler) */
    if (common->is_patient) {
        dprintf(STDOUT_FILENO, "gdb -p %d\n", getpid()); /* NOLINT(bugprone-signal-handler) */
        for (;;)
            pause();
    }
    _exit(status);
}

static void on_end(int signal)
{
    mine->signal = signal;
    end_here(EXIT_BY_SIGNAL);
}

/* In the place of tests/support/child.c's function, by the linker's --wrap: with a trace. */
_Noreturn void __wrap_child_fail(const char *file, int line, const char *what);
_Noreturn void __wrap_child_fail(const char *file, int line, const char *what)
{
    const char *slash = strrchr(file, '/');

    dprintf(STDERR_FILENO, "%s:%d: %s\n", slash != NULL ? slash + 1 : file, line, what);
    end_here(EXIT_BY_CHECK);
}

void child_begin(struct post *post)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGSYS, SIGALRM};

    mine = post;
    post->signal = 0;
    post->trace_length = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], on_end);
    if (!common->is_patient) {
        struct itimerval limit = {
            .it_value = {(time_t)(common->limit_ms / 1000), (suseconds_t)(common->limit_ms % 1000 * 1000)}};
        setitimer(ITIMER_REAL, &limit, NULL);
    }
}

/* --- work --- */

/* What costs much is done by some children only: by which step they are made at says who does what. */
static bool is_turn(unsigned each)
{
    return common->step % each == 0;
}

static void allocate_some(void)
{
    static const size_t sizes[] = {3, 16, 33, 100, 240, 400, 512, 650, 1500, 3000};
    static const size_t long_sizes[] = {9000, 30000, 50000, 150000};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (enum kind kind = 0; kind < KINDS; kind++)
            keep(kind, sizes[i] + kind);
    for (unsigned i = 0; i < sizeof long_sizes / sizeof *long_sizes; i++)
        keep((enum kind)((common->step + i) % KINDS), long_sizes[i]);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *zero = ca_calloc(1, sizes[i]);
        require(zero != NULL);
        require(content_is_zero(zero, sizes[i]));
        memset(zero, 0x5a, sizes[i]);
        ca_free(zero);
    }
}

static void give_some(unsigned first, unsigned step)
{
    for (unsigned i = first; i < kept_count; i += step)
        if (kept[i].at != NULL && !kept[i].in_flight)
            kept_give(&kept[i]);
}

static void resize_some(void)
{
    unsigned resized = 0;

    for (unsigned i = 0; i < kept_count && resized < 10; i++)
        if (kept[i].at != NULL && !kept[i].in_flight && kept[i].kind == KIND_MALLOC) {
            kept_resize(&kept[i], resized % 3 == 0 ? kept[i].size / 2 + 1 : kept[i].size * 3);
            resized++;
        }
}

static void use_a_long_block(void)
{
    char *block = ca_malloc(LONG_BYTES);

    require(block != NULL);
    block[0] = block[LONG_BYTES - 1] = 1;
    block = ca_realloc(block, LONG_BYTES * 2);
    require(block != NULL && block[0] == 1 && block[LONG_BYTES - 1] == 1);
    kept_verify_all();
    ca_free(block);
}

static void use_an_authority(void)
{
    ca_authority root;
    ca_authority part;

    require(ca_heap_create(NULL, &root) == CA_OK);
    require(ca_authority_derive(root, CA_RIGHT_ALL, 1 << 20, &part) == CA_OK);
    unsigned first = kept_count;
    for (unsigned i = 0; i < 12; i++)
        keep_by(i % 2 == 0 ? root : part, (enum kind)(1 + i % (KINDS - 1)), i == 7 ? 50000 : 100 + 200 * (i % 2));
    kept_verify_apart();
    kept_verify_all();
    give_some(first, 4);
    require(ca_authority_revoke(part) == CA_OK);
    give_some(first + 1, 4);
    require(ca_heap_destroy(root) == CA_OK);
    kept_count = first; /* the root had them all in the end: they are gone */
}

static void use_what_is_there(void)
{
    void *blocks[16];
    unsigned count = 0;

    for (size_t size = 24; size < 3000; size *= 3) {
        blocks[count++] = ca_malloc(size);
        blocks[count++] = ca_calloc(1, size);
        require(blocks[count - 1] != NULL && content_is_zero(blocks[count - 1], size));
        ca_secret secret = ca_unwrap(ca_allocate_secret(ca_default_authority(), (ca_layout){size, 8}));
        require(content_is_zero(secret.ptr, secret.size));
        ca_deallocate_zeroed(secret);
    }
    while (count > 0)
        ca_free(blocks[--count]);
}

/* What the lost threads had is for the next ones: the heaps that they would get, without the cost of threads. */
static void adopt_heaps(void)
{
    struct cai_thread *own = cai_self;

    for (unsigned i = 0; i < HEAPS_ADOPTED; i++) {
        cai_self = &cai_thread_none;
        use_what_is_there();
    }
    cai_self = own;
}

static void *in_thread(void *has_other)
{
    pthread_t other;

    use_what_is_there();
    if (has_other != NULL) {
        require(pthread_create(&other, NULL, in_thread, NULL) == 0);
        pthread_join(other, NULL);
    }
    return NULL;
}

static void work(enum way way)
{
    pthread_t thread;

    allocate_some();
    kept_verify_apart();
    give_some(0, 2);
    resize_some();
    allocate_some();
    kept_verify_apart();
    use_a_long_block();
    use_an_authority();
    if (scenario->in_child != NULL)
        scenario->in_child();
    if (way != WAY_RAW && is_turn(16)) {
        require(pthread_create(&thread, NULL, in_thread, &mine) == 0);
        pthread_join(thread, NULL);
    }
    adopt_heaps();
    kept_verify_all();
    clock_advance(1000);
    give_some(0, 1);
    if (is_turn(4))
        ca_trim();
}

/* --- the whole --- */

static void audit(const char *when, bool is_first)
{
    const char *wrong = audit_all();

    if (wrong == NULL && (scenario->flags & SCENARIO_ZEROES) != 0 && (is_first || is_turn(8)))
        wrong = audit_zeros(true);
    if (wrong == NULL)
        return;
    dprintf(STDERR_FILENO, "%s: %s\n", when, wrong);
    end_here(EXIT_BY_CHECK);
}

/* Whatever a thread that is not there had claimed is a block again, or free. */
static bool is_anything_claimed(void)
{
    for (unsigned number = 0; number < CAI_ZONES; number++) {
        const struct cai_view *view = cai_view_of(number);
        const struct cai_unit *run = view->units + 1;
        unsigned shift = CAI_UNIT_SHIFT - cai_grain_shift(cai_zone_grain(number));
        for (; cai_unit_number(run) < cai_zones[number].frontier; run += run->units) {
            const uint8_t *state = view->state + ((size_t)cai_unit_number(run) << shift);
            size_t states = run->kind == CAI_UNIT_SLAB ? (size_t)run->units << shift : run->kind == CAI_UNIT_LARGE;
            if (memchr(state, CAI_STATE_CLAIMED, states) != NULL)
                return true;
        }
    }
    return false;
}

static _Noreturn void examine(enum way way)
{
    if (scenario->child_begins != NULL)
        scenario->child_begins();
    if (way != WAY_RAW)
        audit("at first", true);
    kept_verify_apart();
    kept_verify_all();
    kept_give_in_flight();
    work(way);
    kept_verify_unclaimed();
    require(!is_anything_claimed());
    audit("after work", false);
    _exit(0);
}

_Noreturn void child_examine(enum way way)
{
    examine(way);
}

_Noreturn void parent_examine(void)
{
    child_begin(&common->posts[0]);
    examine(WAY_FORK);
}
