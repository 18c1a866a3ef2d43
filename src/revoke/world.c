/* See world.h. One thread at a time stops the others: who looks over the quarantine. */
#include "revoke/world.h"

#include "base/atomic.h"
#include "os/inspect.h"
#include "os/os.h"
#include "revoke/resume.h"

#include <string.h>
#include <ucontext.h>

enum { SIGNAL = 33, MARK = 0x63617061, SEATS = 8192 };

/* A thread that does not answer for so long is in the kernel, is being traced, or keeps the signal out. */
#define PATIENCE_NS UINT64_C(1000000000)
#define NAP_NS UINT64_C(50000)
#define DOUBT_NS UINT64_C(5000000)

/* A seat is its thread's as long as that lives, so that an answer that comes late is in the right one. */
struct seat {
    uint32_t thread;     /* 0: nobody's */
    uint32_t asked;      /* the stop it was asked in */
    uint32_t answered;   /* atomic: the stop it answered */
    ucontext_t *context; /* what it was doing; valid when it has answered */
};

static struct {
    uint32_t stop; /* atomic: odd while threads are to wait */
    uint32_t seats;
    bool crowded;
    cai_os_handler others; /* who had the signal */
    uint64_t mask;         /* the signals that the thread that stops others had blocked before */
    struct seat seat[SEATS];
} world;

static void wait_here(int signal, siginfo_t *info, void *context)
{
    if (info->si_code != SI_QUEUE || info->si_errno != MARK) {
        if (world.others != NULL)
            world.others(signal, info, context);
        return;
    }
    uint64_t ticket = (uint64_t)(uintptr_t)info->si_value.sival_ptr;
    uint32_t stop = (uint32_t)(ticket >> 32);
    struct seat *seat = &world.seat[(uint32_t)ticket % SEATS];
    if (cai_load_acquire(&world.stop) == stop) {
        seat->context = context;
        cai_store_release(&seat->answered, stop);
        while (cai_load_acquire(&world.stop) == stop)
            cai_os_wait(&world.stop, stop, 0);
    }
    cai_resume_notice(SIGNAL, context);
}

/* `self` is the thread that asks. */
static void ask(uint32_t thread, void *self)
{
    struct seat *seat = NULL;
    struct seat *spare = NULL;

    if (thread == *(uint32_t *)self)
        return;
    for (uint32_t i = 0; i < world.seats && seat == NULL; i++) {
        if (world.seat[i].thread == thread)
            seat = &world.seat[i];
        else if (world.seat[i].thread == 0)
            spare = &world.seat[i];
    }
    if (seat == NULL && spare == NULL && world.seats < SEATS)
        spare = &world.seat[world.seats++];
    if (seat == NULL && spare != NULL) {
        *spare = (struct seat){.thread = thread};
        seat = spare;
    }
    if (seat == NULL) {
        world.crowded = true;
    } else if (seat->asked != world.stop) {
        seat->asked = world.stop;
        cai_os_send(thread, SIGNAL, MARK, (uint64_t)world.stop << 32 | (uint64_t)(seat - world.seat));
    }
}

static bool is_waited_for(const struct seat *seat)
{
    return seat->thread != 0 && seat->asked == world.stop && cai_load_acquire(&seat->answered) != world.stop;
}

/* Until all that were asked have answered or ended. False: too long. */
static bool await(void)
{
    static const uint32_t never = 0;
    uint64_t begin = cai_os_nanoseconds();
    uint64_t doubt = DOUBT_NS;

    for (uint32_t i = 0; i < world.seats;) {
        struct seat *seat = &world.seat[i];
        if (!is_waited_for(seat)) {
            i++;
            continue;
        }
        uint64_t waited = cai_os_nanoseconds() - begin;
        if (waited > PATIENCE_NS)
            return false;
        if (waited > doubt) {
            doubt = waited + DOUBT_NS;
            if (!cai_os_thread_lives(seat->thread)) {
                seat->thread = 0;
                continue;
            }
        }
        cai_os_wait(&never, 0, NAP_NS);
    }
    return true;
}

static uint32_t asked(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world.seats; i++)
        count += world.seat[i].thread != 0 && world.seat[i].asked == world.stop;
    return count;
}

/* With all stopped, nobody else can still be on the way to a seat. */
static void clear_seats(void)
{
    for (uint32_t i = 0; i < world.seats; i++)
        if (world.seat[i].asked != world.stop)
            world.seat[i].thread = 0;
}

static void count_thread(uint32_t thread, void *count)
{
    (void)thread;
    ++*(unsigned *)count;
}

bool cai_world_is_shared(void *buffer, size_t size)
{
    unsigned count = 0;

    return cai_os_threads(buffer, size, count_thread, &count) && count > 1;
}

bool cai_world_stop(void *buffer, size_t size)
{
    uint32_t self = cai_os_thread_self();
    bool stopped = cai_os_handle(SIGNAL, wait_here, &world.others);

    world.crowded = false;
    /* A handler of the program's could wait for a thread that waits for this one. */
    cai_os_signals_block(&world.mask);
    cai_store_release(&world.stop, world.stop + 1);
    /* Threads are made until the last that can make one has stopped. */
    for (uint32_t before = UINT32_MAX; stopped && asked() != before;) {
        before = asked();
        stopped = cai_os_threads(buffer, size, ask, &self) && !world.crowded && await();
    }
    if (stopped)
        clear_seats();
    else
        cai_world_go();
    return stopped;
}

void cai_world_go(void)
{
    cai_store_release(&world.stop, world.stop + 1);
    cai_os_wake_all(&world.stop);
    cai_os_signals_restore(&world.mask);
}

/* The general registers stand in the frame of the signal, on a stack, as aligned words; what is in the others may stand
 * at any byte. */
void cai_world_vectors(void (*visit)(const void *area, size_t bytes))
{
#if defined(__x86_64__)
    enum { EXTENDED_MAGIC = 0x46505853, LEGACY_BYTES = 512, MAGIC_AT = 464, SIZE_AT = 468 };
    for (uint32_t i = 0; i < world.seats; i++) {
        const struct seat *seat = &world.seat[i];
        if (seat->thread == 0 || seat->asked != world.stop || seat->context->uc_mcontext.fpregs == NULL)
            continue;
        const char *area = (const char *)seat->context->uc_mcontext.fpregs;
        uint32_t magic;
        uint32_t bytes = LEGACY_BYTES;
        memcpy(&magic, area + MAGIC_AT, sizeof magic);
        if (magic == EXTENDED_MAGIC)
            memcpy(&bytes, area + SIZE_AT, sizeof bytes);
        visit(area, bytes);
    }
#else
    for (uint32_t i = 0; i < world.seats; i++)
        if (world.seat[i].thread != 0 && world.seat[i].asked == world.stop)
            visit(world.seat[i].context, sizeof(ucontext_t));
#endif
}

void cai_world_repair(void)
{
    if ((world.stop & 1) != 0)
        world.stop++;
    world.seats = 0;
}
