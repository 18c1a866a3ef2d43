/* See roots.h. Which mappings there are is read from /proc/self/maps. What belongs to a file is read by way of
 * /proc/self/mem, since a file may have been made shorter: that is an error there, and a fault to who reads it himself.
 */
#include "revoke/roots.h"

#include "blocks/find.h"
#include "core/channel_name.h"
#include "core/settings.h"
#include "os/inspect.h"
#include "revoke/dirty.h"
#include "revoke/marks.h"
#include "revoke/present.h"
#include "revoke/quiet.h"
#include "revoke/scan.h"
#include "revoke/tagged.h"

#include <string.h>

enum { TEXT_BYTES = 64 * 1024, COPY_BYTES = 256 * 1024, RANGES_MAX = 4096 };

/* Shorter ranges are looked at without asking which of their pages are there. */
#define ASK_BYTES_MIN (32 * CAI_KIB)

/* Longer ones that the program cannot read itself are reservations: asking for their pages would take long. */
#define CLOSED_BYTES_MAX (256 * CAI_MIB)

/* While threads run, so much is read under a zone's lock. */
#define LOCKED_BYTES (512 * CAI_KIB)

struct range {
    uintptr_t begin, end;
};

static struct work {
    char text[TEXT_BYTES];
    char copy[COPY_BYTES];
    struct cai_present present;
    struct range ranges[RANGES_MAX];
} * work;

static struct {
    int maps, memory; /* descriptors of files in /proc */
    uint64_t scanned, skipped, quiet;
    uint64_t code_device, code_file; /* of the last mapping of code */
    bool is_memory;                  /* what is read has pages that can be read when they are there */
    bool failed;                     /* and one could not */
    bool ahead;                      /* threads run */
    bool knows;                      /* of the zone that is read, what is quiet */
} now;

bool cai_roots_start(void)
{
    if (work == NULL)
        work = cai_os_map_anywhere(cai_round_up(sizeof *work, CAI_PAGE_BYTES_MAX));
    return work != NULL;
}

void *cai_roots_buffer(size_t *size)
{
    *size = sizeof work->text;
    return work->text;
}

/* --- ranges --- */

static void scan_here(uintptr_t begin, uintptr_t end)
{
    cai_scan_tagged(begin, end - begin);
    now.scanned += end - begin;
}

/* A page of a file that is not there any more has nothing in it. */
static void scan_copy(uintptr_t begin, uintptr_t end)
{
    while (begin < end) {
        size_t want = cai_min(end - begin, sizeof work->copy);
        long got = cai_os_read_at(now.memory, work->copy, want, begin);
        if (got > 0)
            cai_scan(work->copy, (size_t)got);
        else if (now.is_memory && cai_present_is(&work->present, begin))
            now.failed = true;
        size_t done =
            got == (long)want ? want : cai_round_up((size_t)(got > 0 ? got : 0) + 1, cai_settings->page_bytes);
        done = cai_min(done, end - begin);
        now.scanned += done;
        begin += done;
    }
}

/* While threads run, who may unmap it. False: not all of it could be read. */
static bool copy_ahead(uintptr_t begin, uintptr_t end)
{
    for (size_t done; begin < end; begin += done) {
        size_t want = cai_min(end - begin, sizeof work->copy);
        done = cai_os_copy(work->copy, begin, want);
        cai_scan(work->copy, done);
        now.scanned += done;
        if (done != want)
            return false;
    }
    return true;
}

/* --- the heap --- */

/* Any run of it may hold what a compiler guessed to be without pointers. */
static bool guesses_move_in(unsigned zone)
{
    return zone / CAI_GRAINS == CAI_PLACE_nocaps && cai_load_acquire(&cai_guesses_moving) != 0;
}

/* What somebody promised to hold no pointers is not read; what a compiler guessed is, unless the guess is trusted. */
static bool may_hold_pointers(const struct cai_unit *run)
{
    bool inferred = cai_load_relaxed(&run->inferred) != 0 || guesses_move_in(run->zone);

    return (run->zone / CAI_GRAINS & 1) == 0 || (inferred && !cai_settings->trust_tokens);
}

/* Of memory of the process's own: only those pages that were not read before, or written since. */
static void scan_rest(struct range of)
{
    if (of.end - of.begin < ASK_BYTES_MIN)
        scan_here(of.begin, of.end);
    else if (!cai_dirty_rest(of.begin, of.end, scan_here))
        cai_present_scan(&work->present, of.begin, of.end, false, scan_here);
}

/* Runs side by side are one range: which pages of it are there is asked once. What was kept by earlier sweeps has
 * none, and is not to get them back by being read. While threads run the ranges are only gathered. */
static struct range range;
static size_t ranges;

static void scan_range(unsigned zone, struct range of)
{
    if (!now.knows || !cai_quiet_scan(zone, of.begin, of.end, &now.scanned, &now.quiet))
        scan_rest(of);
}

static void end_range(unsigned zone)
{
    if (!now.ahead)
        scan_range(zone, range);
    else if (range.end - range.begin >= ASK_BYTES_MIN && ranges < RANGES_MAX)
        work->ranges[ranges++] = range;
    range = (struct range){0, 0};
}

static void add_to_range(unsigned zone, uintptr_t begin, size_t bytes)
{
    if (begin != range.end) {
        end_range(zone);
        range.begin = begin;
    }
    range.end = begin + bytes;
}

static void scan_run(const struct cai_unit *run)
{
    unsigned kind = cai_load_relaxed(&run->kind);
    size_t bytes = (size_t)run->units << CAI_UNIT_SHIFT;
    uintptr_t begin = cai_unit_address(run);
    bool used = kind == CAI_UNIT_SLAB || kind == CAI_UNIT_LARGE;

    if (used && may_hold_pointers(run) && !cai_place_zeroes((enum cai_place)(run->zone / CAI_GRAINS)))
        add_to_range(run->zone, begin, bytes);
    else if (now.ahead)
        return;
    else if (used && may_hold_pointers(run))
        scan_here(begin, begin + bytes); /* of hidden memory the kernel tells no pages */
    else if (used)
        now.skipped += bytes;
    else if (kind == CAI_UNIT_GUARDED && may_hold_pointers(run) && cai_state_is_live(*cai_guarded_state(run)))
        scan_here(cai_guarded_address(run), cai_guarded_address(run) + cai_class_bytes(run->size_class));
}

/* No run of it may hold pointers, and none is looked at: of 1 GiB that would be 4 MiB of descriptors. */
static bool is_promised(unsigned zone)
{
    return (zone / CAI_GRAINS & 1) != 0 &&
           (cai_settings->trust_tokens || (!guesses_move_in(zone) && cai_load_acquire(&cai_zones[zone].guessed) == 0));
}

static void scan_zone(unsigned zone)
{
    if (is_promised(zone)) {
        now.skipped += cai_zones[zone].used_units << CAI_UNIT_SHIFT;
        return;
    }
    const struct cai_unit *units = cai_view_of(zone)->units;

    for (uint32_t head = 1; head < cai_zones[zone].frontier; head += units[head].units)
        scan_run(units + head);
    end_range(zone);
}

struct cai_roots_heap cai_roots_scan_heap(void)
{
    now.scanned = now.skipped = now.quiet = 0;
    now.ahead = false; /* it may be a child's of a fork */
    cai_present_begin(&work->present);
    for (unsigned zone = 0; zone < CAI_ZONES; zone++) {
        now.knows = cai_quiet_watch(&cai_zones[zone]);
        scan_zone(zone);
    }
    cai_present_end(&work->present);
    return (struct cai_roots_heap){.read = now.scanned, .skipped = now.skipped, .quiet = now.quiet};
}

/* What nobody can take away meanwhile. */
static bool read_ahead(uintptr_t begin, uintptr_t end)
{
    cai_scan((const void *)begin, end - begin);
    now.scanned += end - begin;
    return true;
}

/* The zone's lock is held: as long as a slab's unit has an owner its run has not come back to the zone. */
static bool is_of_slab(const struct cai_view *view, uintptr_t address)
{
    size_t unit = (address - view->origin) >> CAI_UNIT_SHIFT;

    return cai_load_acquire(&view->owner[unit].id) != 0 &&
           cai_load_relaxed(&view->units[cai_load_relaxed(&view->units[unit].head)].kind) == CAI_UNIT_SLAB;
}

/* Runs come and go while their ranges are read. Slabs are read where they are, under the zone's lock, which keeps them
 * there; all else is copied, which is slower. */
static void read_range_ahead(struct cai_zone *zone, struct range of)
{
    const struct cai_view *view = cai_view_of(zone->number);

    if (!cai_dirty_watch(of.begin, of.end))
        return;
    for (uintptr_t end = of.begin; of.begin < of.end; of.begin = end) {
        cai_lock_take(&zone->lock);
        bool slabs = is_of_slab(view, of.begin);
        while (end < of.end && end - of.begin < LOCKED_BYTES && is_of_slab(view, end) == slabs)
            end += CAI_UNIT_BYTES;
        if (slabs)
            cai_dirty_read(of.begin, end, read_ahead);
        cai_lock_give(&zone->lock);
        if (!slabs)
            cai_dirty_read(of.begin, end, copy_ahead);
    }
}

static void scan_heap_ahead(void)
{
    for (unsigned zone = 0; zone < CAI_ZONES; zone++) {
        if (cai_load_acquire(&cai_zones[zone].frontier) <= 1)
            continue;
        ranges = 0;
        cai_lock_take(&cai_zones[zone].lock);
        scan_zone(zone);
        cai_lock_give(&cai_zones[zone].lock);
        for (size_t i = 0; i < ranges; i++)
            read_range_ahead(&cai_zones[zone], work->ranges[i]);
    }
}

/* --- all else --- */

struct mapping {
    uintptr_t begin, end;
    bool readable, writable, code, shared;
    uint64_t device, file; /* 0: none */
    const char *path;
};

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_ours(const struct mapping *it)
{
    uintptr_t place = (uintptr_t)1 << cai_sealed.shift;
    uintptr_t tables = cai_sealed.annex + 4 * place / 64 - place;

    return it->begin - cai_sealed.places < 4 * place || it->begin - tables < place || cai_marks_own(it->begin) ||
           cai_quiet_owns(it->begin) || it->begin - (uintptr_t)work < sizeof *work ||
           begins(it->path, "/memfd:" CAI_CHANNEL_NAME);
}

static bool is_device(const char *path)
{
    return begins(path, "/dev/") && !begins(path, "/dev/shm/") && !begins(path, "/dev/zero");
}

/* Pages of it that are not in this process's tables may still hold what it wrote. */
static bool is_shared_memory(const char *path)
{
    return begins(path, "/dev/shm/") || begins(path, "/dev/zero") || begins(path, "/memfd:") || begins(path, "/SYSV") ||
           begins(path, "/anon_hugepage");
}

/* What is in the file of a program or a library was there before: its code, and behind that its constants. */
static bool is_of_program(const struct mapping *it)
{
    if (it->writable || it->shared || it->file == 0)
        return false;
    if (it->code && !is_shared_memory(it->path)) {
        now.code_device = it->device;
        now.code_file = it->file;
    }
    return it->file == now.code_file && it->device == now.code_device;
}

/* Nobody but this process's own stores change it. */
static bool is_own_memory(const struct mapping *it)
{
    return !it->shared && it->file == 0;
}

static void scan_mapping(const struct mapping *it)
{
    if (is_ours(it) || is_device(it->path) || begins(it->path, "[v") ||
        (!it->readable && it->end - it->begin > CLOSED_BYTES_MAX))
        return;
    now.is_memory = it->path[0] != 'a' && !begins(it->path, "/sys/") && !begins(it->path, "/proc/"); /* anon_inode: */
    if (now.ahead) {
        if (is_own_memory(it) && it->readable && it->end - it->begin >= ASK_BYTES_MIN &&
            cai_dirty_watch(it->begin, it->end))
            cai_dirty_read(it->begin, it->end, copy_ahead);
        return;
    }
    if (begins(it->path, "/secretmem"))
        scan_here(it->begin, it->end);
    else if (it->shared && is_shared_memory(it->path))
        scan_copy(it->begin, it->end);
    else if (is_own_memory(it) && it->readable)
        scan_rest((struct range){it->begin, it->end});
    else
        cai_present_scan(&work->present, it->begin, it->end, is_of_program(it),
                         it->file != 0 || !it->readable ? scan_copy : scan_here);
}

static uintptr_t hex(const char **text)
{
    uintptr_t value = 0;

    for (;; ++*text) {
        char c = **text;
        if (c >= '0' && c <= '9')
            value = value * 16 + (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (uintptr_t)(c - 'a' + 10);
        else
            return value;
    }
}

static uint64_t decimal(const char *text)
{
    uint64_t value = 0;

    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    return value;
}

static const char *skip_word(const char *text)
{
    while (*text != ' ' && *text != '\0')
        text++;
    while (*text == ' ')
        text++;
    return text;
}

/* "begin-end rwxp offset device inode path", ended by 0. */
static bool parse(const char *line, struct mapping *it)
{
    it->begin = hex(&line);
    if (*line++ != '-')
        return false;
    it->end = hex(&line);
    if (*line++ != ' ' || strlen(line) < 5)
        return false;
    it->readable = line[0] == 'r';
    it->writable = line[1] == 'w';
    it->code = line[2] == 'x';
    it->shared = line[3] == 's';
    line = skip_word(skip_word(line));
    it->device = hex(&line) << 32;
    if (*line++ != ':')
        return false;
    it->device |= hex(&line);
    line = skip_word(line);
    it->file = decimal(line);
    it->path = skip_word(line);
    return it->end > it->begin;
}

/* Each read of the kernel's is of whole lines; the last one of ours may be cut. */
static bool for_mappings(void)
{
    size_t kept = 0;

    now.code_device = now.code_file = 0;
    for (;;) {
        long got = cai_os_read(now.maps, work->text + kept, sizeof work->text - 1 - kept);
        if (got < 0)
            return false;
        if (got == 0)
            return kept == 0;
        size_t length = kept + (size_t)got;
        char *line = work->text;
        for (char *end; (end = memchr(line, '\n', length - (size_t)(line - work->text))) != NULL; line = end + 1) {
            struct mapping it;
            *end = '\0';
            if (!parse(line, &it))
                return false;
            scan_mapping(&it);
        }
        kept = length - (size_t)(line - work->text);
        if (kept == sizeof work->text - 1)
            return false;
        memmove(work->text, line, kept);
    }
}

/* Somebody else's mapping lies between our own: nobody knows what is in it. */
static bool is_shared_with_others(void)
{
    for (unsigned zone = 0; zone < CAI_ZONES; zone++)
        if (cai_zones[zone].skips != 0)
            return true;
    return false;
}

uint64_t cai_roots_scan_ahead(uint64_t *beside)
{
    now.scanned = 0;
    now.ahead = true;
    scan_heap_ahead();
    uint64_t heap = now.scanned;
    now.maps = cai_os_open("/proc/self/maps");
    if (now.maps >= 0) {
        for_mappings(); /* what it does not come to is read later */
        cai_os_close(now.maps);
    }
    now.ahead = false;
    *beside = now.scanned - heap;
    return now.scanned;
}

bool cai_roots_scan_process(uint64_t *bytes)
{
    now.scanned = 0;
    now.failed = false;
    now.ahead = false;
    now.maps = cai_os_open("/proc/self/maps");
    now.memory = cai_os_open("/proc/self/mem");
    cai_present_begin(&work->present);
    bool seen = now.maps >= 0 && now.memory >= 0 && !is_shared_with_others() && for_mappings();
    cai_present_end(&work->present);
    if (now.maps >= 0)
        cai_os_close(now.maps);
    if (now.memory >= 0)
        cai_os_close(now.memory);
    *bytes = now.scanned;
    return seen && !now.failed;
}
