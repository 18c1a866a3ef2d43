/* See present.h. */
#include "revoke/present.h"

#include "base/bits.h"
#include "core/settings.h"
#include "os/inspect.h"
#include "os/os.h"

/* Of a page, in /proc/self/pagemap. */
#define PRESENT (UINT64_C(3) << 62)   /* in memory, or in swap */
#define OF_A_FILE (UINT64_C(1) << 61) /* or shared: not the process's own */

enum {
    LISTED_AT_ONCE = sizeof((struct cai_present *)0)->room.list / sizeof(struct cai_os_pages),
    ENTRIES_AT_ONCE = sizeof((struct cai_present *)0)->room.entries / sizeof(uint64_t)
};

void cai_present_begin(struct cai_present *present)
{
    present->file = cai_os_open("/proc/self/pagemap");
    present->listed = present->file >= 0;
}

void cai_present_end(struct cai_present *present)
{
    if (present->file >= 0)
        cai_os_close(present->file);
    present->file = -1;
}

/* Returns how far it came: to the end, or to where the kernel would not list any more. */
static uintptr_t scan_listed(struct cai_present *present, uintptr_t begin, uintptr_t end, bool only_own,
                             void (*scan)(uintptr_t begin, uintptr_t end))
{
    const struct cai_os_pages *list = present->room.list;

    while (present->listed && begin < end) {
        long count = cai_os_pages(present->file, only_own ? CAI_ASK_FILE : CAI_ASK, &begin, end, present->room.list,
                                  LISTED_AT_ONCE);
        present->listed = count >= 0;
        for (long i = 0; i < count; i++)
            if ((list[i].kinds & CAI_PAGES_ZERO) == 0 && !(only_own && (list[i].kinds & CAI_PAGES_FILE) != 0))
                scan(list[i].begin, list[i].end);
    }
    return begin;
}

static bool holds_something(uint64_t entry, bool only_own)
{
    return (entry & PRESENT) != 0 && !(only_own && (entry & OF_A_FILE) != 0);
}

static void scan_each(struct cai_present *present, uintptr_t begin, uintptr_t end, bool only_own,
                      void (*scan)(uintptr_t begin, uintptr_t end))
{
    size_t page_bytes = cai_settings->page_bytes;
    uint64_t *entries = present->room.entries;

    while (begin < end) {
        size_t count = cai_min((end - begin) / page_bytes, ENTRIES_AT_ONCE);
        long got = present->file < 0 ? -1
                                     : cai_os_read_at(present->file, entries, count * sizeof *entries,
                                                      begin / page_bytes * sizeof *entries);
        if (got != (long)(count * sizeof *entries)) {
            scan(begin, end);
            return;
        }
        for (size_t i = 0; i < count;) {
            size_t first = i;
            while (i < count && holds_something(entries[i], only_own))
                i++;
            if (i != first)
                scan(begin + first * page_bytes, begin + i * page_bytes);
            while (i < count && !holds_something(entries[i], only_own))
                i++;
        }
        begin += count * page_bytes;
    }
}

void cai_present_scan(struct cai_present *present, uintptr_t begin, uintptr_t end, bool only_own,
                      void (*scan)(uintptr_t begin, uintptr_t end))
{
    scan_each(present, scan_listed(present, begin, end, only_own, scan), end, only_own, scan);
}

bool cai_present_is(const struct cai_present *present, uintptr_t address)
{
    uint64_t entry;

    return present->file < 0 ||
           cai_os_read_at(present->file, &entry, sizeof entry, address / cai_settings->page_bytes * sizeof entry) !=
               (long)sizeof entry ||
           (entry & PRESENT) != 0;
}
