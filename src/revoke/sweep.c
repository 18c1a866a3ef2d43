/* See sweep.h. What is needed while the world stands still is taken before it stops: memory, and the locks of the
 * zones, so that no run is half one thing and half another. Nothing is allocated, and nobody else's lock is waited
 * for.
 */
#include "revoke/sweep.h"

#include "base/probe.h"
#include "cap/tags.h"
#include "core/settings.h"
#include "os/os.h"
#include "revoke/dirty.h"
#include "revoke/marks.h"
#include "revoke/quiet.h"
#include "revoke/roots.h"
#include "revoke/scan.h"
#include "revoke/world.h"

#include <string.h>

static uint64_t sweeps, scanned, scanned_ahead, in_doubt, postponed; /* atomic */

/* A thread that sleeps in the kernel is waited for so long, by who cannot do without, and looked at so often. */
#define WAIT_NS UINT64_C(1000000000)
#define WAIT_AGAIN_NS UINT64_C(20000000)
#define NAP_NS UINT64_C(1000000)

static int32_t process; /* whose threads can be stopped */

static struct {
    uint64_t begin_ns, stopped_ns, gone_ns;
    uint64_t ahead, roots; /* bytes: read while threads ran, and while they did not */
    struct cai_roots_heap heap;
    uint64_t beside; /* of what there is beside the heap */
    enum cai_swept swept;
} last;

uint64_t cai_sweeps(void)
{
    return cai_load_relaxed(&sweeps);
}

uint64_t cai_sweep_bytes(void)
{
    return cai_load_relaxed(&scanned);
}

uint64_t cai_sweep_bytes_ahead(void)
{
    return cai_load_relaxed(&scanned_ahead);
}

uint64_t cai_sweeps_in_doubt(void)
{
    return cai_load_relaxed(&in_doubt);
}

uint64_t cai_sweeps_postponed(void)
{
    return cai_load_relaxed(&postponed);
}

static void lock_zones(void)
{
    cai_lock_take(&cai_zones[0].lock);
    for (unsigned zone = 1; zone < CAI_ZONES; zone++)
        cai_lock_take_beside(&cai_zones[zone].lock); /* in this order, and nobody else holds two */
}

static void unlock_zones(void)
{
    for (unsigned zone = CAI_ZONES; zone-- > 0;)
        cai_lock_give(&cai_zones[zone].lock);
}

static void scan_vectors(const void *area, size_t bytes)
{
    cai_scan_bytes(area, bytes);
}

/* The registers that this thread's callers may still need are in its stack from here on. The heap is last: where its
 * runs begin is then in old frames of this thread, which are read with the rest. */
static CAI_NOINLINE bool scan_all(void)
{
    __builtin_unwind_init();
    cai_world_vectors(scan_vectors);
    bool seen = cai_roots_scan_process(&last.roots);
    last.heap = cai_roots_scan_heap();
    return seen;
}

/* The walk over what waits has left addresses of blocks in frames that are gone, and the stack is read as a whole: some
 * would be kept by them, by chance. No deeper than scanning goes. */
static CAI_NOINLINE void wipe_old_frames(void)
{
    enum { OLD_FRAMES_BYTES = 2048 };
    volatile uintptr_t frames[OLD_FRAMES_BYTES / sizeof(uintptr_t)];

    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        frames[i] = 0;
}

/* --- ahead of the stop --- */

/* Less is read sooner than pages can be protected and written to. */
#define AHEAD_BYTES_MIN (16 * CAI_MIB)

/* What is left for the stop, or what threads write while so much is read. */
#define REST_BYTES (8 * CAI_MIB)
enum { ROUNDS_MAX = 3 };

static bool is_worth_it(void)
{
    size_t units = 0;

    /* Where there are tags, capabilities in memory are made null, for which threads have to stand still. */
    if (cai_tags_mapped_bytes() != 0)
        return false;
    for (unsigned grain = 0; grain < CAI_GRAINS; grain++)
        units += cai_load_relaxed(&cai_zones[cai_zone_number(CAI_PLACE_ordinary, (enum cai_grain)grain)].used_units);
    return units >= AHEAD_BYTES_MIN >> CAI_UNIT_SHIFT;
}

static void scan_ahead(void)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        uint64_t beside;
        uint64_t read = cai_roots_scan_ahead(&beside);
        last.ahead += read;
        if (round == 0)
            last.beside = beside;
        if (read < REST_BYTES)
            break;
    }
}

/* Nobody waits but the thread that sweeps: so alone it stops at once, and has the less to read. */
static void prepare(void *buffer, size_t size)
{
    bool worth_it = is_worth_it();
    bool shared = worth_it && cai_world_is_shared(buffer, size);

    if (worth_it && !shared) {
        cai_quiet_begin();
        return;
    }
    cai_quiet_drop();
    if (shared && cai_dirty_begin())
        scan_ahead();
}

static CAI_COLD void say_doubt(void)
{
    static const char text[] =
        "capalloc: revoke-in-doubt: a thread could not be stopped or memory not be seen, so nothing "
        "was released; freed memory waits until a sweep sees everything\n";

    if (cai_add_relaxed(&in_doubt, 1) == 0)
        cai_os_write_error(text, sizeof text - 1);
}

/* The world is stopped. */
static bool scan_and_go(void)
{
    last.stopped_ns = cai_os_nanoseconds();
    wipe_old_frames();
    bool complete = scan_all();
    cai_world_go();
    last.gone_ns = cai_os_nanoseconds();
    return complete;
}

static enum cai_swept stop_and_scan(char *buffer, size_t size)
{
    lock_zones();
    bool made = cai_marks_make();
    unlock_zones();
    if (!made)
        return CAI_SWEPT_IN_DOUBT;
    prepare(buffer, size);
    lock_zones();
    enum cai_world world = cai_world_stop(buffer, size);
    bool complete = world == CAI_WORLD_STOPS && scan_and_go();
    unlock_zones();
    cai_dirty_end();
    cai_quiet_end();
    return complete ? CAI_SWEPT : world == CAI_WORLD_SLEEPS ? CAI_SWEPT_LATER : CAI_SWEPT_IN_DOUBT;
}

/* The thread that slept wakes in time; no lock is held that a child of its vfork could wait for. One that was waited
 * for in vain is not waited for as long again, but the longer the more often: meanwhile nothing is released. */
static bool is_awake_in_time(uint64_t begin, char *buffer, size_t size)
{
    static const uint32_t never = 0;
    uint32_t in_vain = cai_world_in_vain();
    uint64_t wait = in_vain == 0 ? WAIT_NS : cai_min(WAIT_NS, in_vain * WAIT_AGAIN_NS);

    while (cai_world_sleeps(buffer, size)) {
        if (cai_os_nanoseconds() - begin > wait) {
            cai_world_wait_no_more();
            return false;
        }
        cai_os_wait(&never, 0, NAP_NS);
    }
    return true;
}

static enum cai_swept look_at_all(bool now)
{
    if (!cai_roots_start())
        return CAI_SWEPT_IN_DOUBT;
    size_t size;
    char *buffer = cai_roots_buffer(&size);
    enum cai_swept swept;
    do {
        if (!now && cai_world_sleeps(buffer, size))
            return CAI_SWEPT_LATER;
        if (!is_awake_in_time(last.begin_ns, buffer, size))
            return CAI_SWEPT_IN_DOUBT;
        swept = stop_and_scan(buffer, size);
    } while (now && swept == CAI_SWEPT_LATER);
    return swept;
}

enum cai_swept cai_sweep(bool now, uint64_t *beside)
{
    last.begin_ns = last.stopped_ns = last.gone_ns = cai_os_nanoseconds();
    last.ahead = last.roots = last.beside = 0;
    last.heap = (struct cai_roots_heap){0, 0, 0};
    last.swept = look_at_all(now);
    *beside = last.beside + last.roots;
    uint64_t bytes = last.ahead + last.heap.read + last.roots;
    CAI_PROBE(sweep, bytes, last.gone_ns - last.stopped_ns, last.swept == CAI_SWEPT);
    cai_add_relaxed(&scanned, bytes);
    cai_add_relaxed(&scanned_ahead, last.ahead);
    if (last.swept == CAI_SWEPT)
        cai_add_relaxed(&sweeps, 1);
    else if (last.swept == CAI_SWEPT_LATER)
        cai_add_relaxed(&postponed, 1);
    else
        say_doubt();
    return last.swept;
}

/* --- one line for who asked for it --- */

struct line {
    char text[256];
    size_t length;
};

static void put(struct line *line, const char *text)
{
    size_t length = strlen(text);

    if (line->length + length < sizeof line->text) {
        memcpy(line->text + line->length, text, length);
        line->length += length;
    }
}

static void put_number(struct line *line, const char *before, uint64_t number)
{
    char digits[24];
    unsigned at = sizeof digits - 1;

    digits[at] = '\0';
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    put(line, before);
    put(line, digits + at);
}

void cai_sweep_end(size_t kept, size_t released)
{
    struct line line = {.length = 0};

    cai_marks_drop();
    if (!cai_settings->trace_sweeps)
        return;
    put(&line, "capalloc: sweep:");
    put_number(&line, " us ", (cai_os_nanoseconds() - last.begin_ns) / 1000);
    put_number(&line, " stopped ", (last.gone_ns - last.stopped_ns) / 1000);
    put_number(&line, " heap-kib ", last.heap.read / 1024);
    put_number(&line, " roots-kib ", last.roots / 1024);
    put_number(&line, " ahead-kib ", last.ahead / 1024);
    put_number(&line, " quiet-kib ", last.heap.quiet / 1024);
    put_number(&line, " skipped-kib ", last.heap.skipped / 1024);
    put_number(&line, " released-kib ", released / 1024);
    put_number(&line, " kept-kib ", kept / 1024);
    put(&line, last.swept == CAI_SWEPT ? "\n" : last.swept == CAI_SWEPT_LATER ? " postponed\n" : " in doubt\n");
    cai_os_write_error(line.text, line.length);
}

bool cai_sweep_may(void)
{
    return cai_os_process_number() == process;
}

void cai_sweep_settle(void)
{
    process = cai_os_process_number();
}

void cai_sweep_repair(void)
{
    cai_world_repair();
    cai_dirty_repair();
}
