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

static uint64_t sweeps, scanned, scanned_ahead, in_doubt; /* atomic */

static struct {
    uint64_t begin_ns, stopped_ns, gone_ns;
    uint64_t ahead, roots; /* bytes: read while threads ran, and while they did not */
    struct cai_roots_heap heap;
    uint64_t beside; /* of what there is beside the heap */
    bool complete;
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

bool cai_sweep(uint64_t *beside)
{
    last.begin_ns = last.stopped_ns = last.gone_ns = cai_os_nanoseconds();
    last.ahead = last.roots = last.beside = 0;
    last.heap = (struct cai_roots_heap){0, 0, 0};
    last.complete = false;
    if (cai_roots_start()) {
        size_t size;
        void *buffer = cai_roots_buffer(&size);
        lock_zones();
        bool made = cai_marks_make();
        unlock_zones();
        if (made)
            prepare(buffer, size);
        lock_zones();
        bool stopped = made && cai_world_stop(buffer, size);
        if (stopped) {
            last.stopped_ns = cai_os_nanoseconds();
            wipe_old_frames();
            last.complete = scan_all();
            cai_world_go();
            last.gone_ns = cai_os_nanoseconds();
        }
        unlock_zones();
        cai_dirty_end();
        cai_quiet_end();
    }
    *beside = last.beside + last.roots;
    uint64_t bytes = last.ahead + last.heap.read + last.roots;
    CAI_PROBE(sweep, bytes, last.gone_ns - last.stopped_ns, last.complete);
    cai_add_relaxed(&scanned, bytes);
    cai_add_relaxed(&scanned_ahead, last.ahead);
    if (last.complete)
        cai_add_relaxed(&sweeps, 1);
    else
        say_doubt();
    return last.complete;
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
    put(&line, last.complete ? "\n" : " in doubt\n");
    cai_os_write_error(line.text, line.length);
}

void cai_sweep_repair(void)
{
    cai_world_repair();
    cai_dirty_repair();
}
