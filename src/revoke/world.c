/* See world.h. One thread at a time stops the others: who looks over the quarantine. */
#include "revoke/world.h"

#include "base/atomic.h"
#include "os/inspect.h"
#include "os/os.h"
#include "revoke/resume.h"

#include <string.h>
#include <ucontext.h>

enum { SIGNAL = 33, MARK = 0x63617061, SEATS = 8192 };

/* A thread that does not answer for so long is being traced, or keeps the signal out. */
#define PATIENCE_NS UINT64_C(1000000000)
#define NAP_NS UINT64_C(50000)

/* So often it is looked at what one is at that has not answered; and at so many looks in a row it sleeps. */
#define LOOK_NS UINT64_C(5000000)
enum { LOOKS_ASLEEP = 4 };

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

/* For whose sake the last stop was given up. */
static struct {
    uint32_t thread; /* 0: it was not */
    uint32_t times;  /* in a row, for this one or others */
    uint64_t sleeps; /* what tells this sleep from its next */
    uint32_t in_vain;
} sleeper;

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

bool cai_world_sleeps(char *buffer, size_t size)
{
    uint64_t sleeps;

    return sleeper.thread != 0 && sleeper.sleeps != 0 &&
           cai_os_thread_at(sleeper.thread, buffer, size, &sleeps) == CAI_OS_THREAD_ASLEEP && sleeps == sleeper.sleeps;
}

uint32_t cai_world_in_vain(void)
{
    return sleeper.in_vain;
}

void cai_world_wait_no_more(void)
{
    sleeper.in_vain++;
}

/* One more look at a thread that has not answered; `asleep`: at so many in a row it slept. True: that is enough. */
static bool sleeps_too_long(struct seat *seat, uint32_t *asleep, char *buffer, size_t size)
{
    uint64_t sleeps;
    enum cai_os_thread at = cai_os_thread_at(seat->thread, buffer, size, &sleeps);

    if (at == CAI_OS_THREAD_GONE)
        seat->thread = 0;
    *asleep = at == CAI_OS_THREAD_ASLEEP ? *asleep + 1 : 0;
    if (*asleep >> sleeper.times < LOOKS_ASLEEP)
        return false;
    sleeper.thread = seat->thread;
    sleeper.times++;
    sleeper.sleeps = sleeps;
    sleeper.in_vain = 0;
    return true;
}

/* Until all that were asked have answered or ended. */
static enum cai_world await(char *buffer, size_t size)
{
    static const uint32_t never = 0;
    uint64_t begin = cai_os_nanoseconds();
    uint64_t next_look = LOOK_NS;
    uint32_t asleep = 0;

    for (uint32_t i = 0; i < world.seats;) {
        struct seat *seat = &world.seat[i];
        if (!is_waited_for(seat)) {
            i++;
            asleep = 0;
            continue;
        }
        uint64_t waited = cai_os_nanoseconds() - begin;
        if (waited > PATIENCE_NS)
            return CAI_WORLD_RUNS;
        if (waited > next_look) {
            next_look = waited + LOOK_NS;
            if (sleeps_too_long(seat, &asleep, buffer, size))
                return CAI_WORLD_SLEEPS;
        }
        cai_os_wait(&never, 0, NAP_NS);
    }
    return CAI_WORLD_STOPS;
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

/* Threads are made until the last that can make one has stopped. */
static enum cai_world stop_all(char *buffer, size_t size)
{
    uint32_t self = cai_os_thread_self();
    enum cai_world stopped = CAI_WORLD_STOPS;

    for (uint32_t before = UINT32_MAX; stopped == CAI_WORLD_STOPS && asked() != before;) {
        before = asked();
        bool listed = cai_os_threads(buffer, size, ask, &self);
        stopped = listed && !world.crowded ? await(buffer, size) : CAI_WORLD_RUNS;
    }
    return stopped;
}

enum cai_world cai_world_stop(char *buffer, size_t size)
{
    if (!cai_os_handle(SIGNAL, wait_here, &world.others))
        return CAI_WORLD_RUNS;
    world.crowded = false;
    /* A handler of the program's could wait for a thread that waits for this one. */
    cai_os_signals_block(&world.mask);
    cai_store_release(&world.stop, world.stop + 1);
    enum cai_world stopped = stop_all(buffer, size);
    if (stopped == CAI_WORLD_STOPS)
        clear_seats();
    else
        cai_world_go();
    if (stopped != CAI_WORLD_SLEEPS)
        sleeper.thread = sleeper.times = sleeper.in_vain = 0;
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
    sleeper.thread = sleeper.times = sleeper.in_vain = 0;
}
