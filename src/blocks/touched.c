/* See touched.h. To read a page that was never touched brings nothing into memory, but takes a fault: the kernel's list
 * is much quicker. Pages in swap have been touched, and that list says so; mincore would not.
 *
 * The list is believed only if it knows of a page that is there for certain: under an emulator it may be that of other
 * addresses.
 */
#include "blocks/touched.h"

#include "base/bits.h"
#include "base/tools.h"
#include "base/zero.h"
#include "blocks/clear.h"
#include "core/settings.h"
#include "os/os.h"
#include "pages/policy.h"

static bool read_entries(int handle, const char *page, uint64_t *entries, size_t pages)
{
    size_t bytes = pages * sizeof *entries;

    return cai_os_read_at(handle, entries, bytes, (uintptr_t)page / cai_settings->page_bytes * sizeof *entries) ==
           (long)bytes;
}

/* The first page is written to, so that it is there. */
static bool is_believable(int handle, char *page)
{
    uint64_t entry;

    *(volatile char *)page = *(volatile char *)page;
    return read_entries(handle, page, &entry, 1) && cai_os_is_touched(entry);
}

static void ask_no_more(struct cai_touched *touched)
{
    if (touched->handle >= 0)
        cai_os_close(touched->handle);
    touched->handle = -1;
}

static CAI_NOINLINE void ask(struct cai_touched *touched)
{
    size_t page = cai_settings->page_bytes;
    char *first = (char *)cai_round_up((uintptr_t)touched->at, page);

    touched->handle = cai_os_open("/proc/self/pagemap");
    touched->told = touched->told_end = first;
    if (touched->handle >= 0 && !is_believable(touched->handle, first))
        ask_no_more(touched);
}

void cai_touched_start(struct cai_touched *touched, void *address, size_t bytes)
{
    touched->at = address;
    touched->end = touched->at + bytes;
    touched->left_out = 0;
    touched->pages_end = NULL;
    touched->handle = -1;
    if (CAI_LIKELY(bytes <= CAI_TOUCHED_BYTES_ABOVE) || cai_policy_hides() || CAI_TOOLS)
        return;
    touched->pages_end = touched->end - (uintptr_t)touched->end % cai_settings->page_bytes;
    if (cai_settings->pagemap)
        ask(touched);
}

/* The sanitizer would touch its shadow of pages that never were. */
static CAI_NO_TSAN bool is_zero(const char *page, size_t bytes)
{
    return cai_is_zero(page, 16) && cai_is_zero(page, bytes);
}

/* May there be anything at `at`? The answer holds up to `*until`. */
static bool may_hold(struct cai_touched *touched, char **until)
{
    size_t page = cai_settings->page_bytes;
    char *at = touched->at;

    *until = touched->end;
    if (at >= touched->pages_end)
        return true;
    if ((uintptr_t)at % page != 0) {
        *until = (char *)cai_round_up((uintptr_t)at, page);
        return true;
    }
    *until = at + page;
    if (touched->handle < 0)
        return !is_zero(at, page);
    if (at == touched->told_end) {
        size_t pages = cai_min((size_t)(touched->pages_end - at) / page, CAI_TOUCHED_PAGES);
        if (!read_entries(touched->handle, at, touched->entries, pages)) {
            ask_no_more(touched);
            return !is_zero(at, page);
        }
        touched->told = at;
        touched->told_end = at + pages * page;
    }
    return cai_os_is_touched(touched->entries[(size_t)(at - touched->told) / page]);
}

void *cai_touched_next(struct cai_touched *touched, size_t *bytes)
{
    char *stretch = touched->at;
    char *until;

    while (touched->at != touched->end) {
        bool may = may_hold(touched, &until);
        if (!may && stretch != touched->at)
            break;
        if (!may) {
            touched->left_out += (size_t)(until - stretch);
            stretch = until;
        }
        touched->at = until;
    }
    *bytes = (size_t)(touched->at - stretch);
    if (*bytes != 0)
        return stretch;
    ask_no_more(touched);
    return NULL;
}

void cai_clear_touched(struct cai_heap *heap, void *address, size_t bytes)
{
    struct cai_touched touched;
    size_t length;

    cai_touched_start(&touched, address, bytes);
    for (void *at; (at = cai_touched_next(&touched, &length)) != NULL;)
        cai_clear(heap, at, length);
    if (heap->id != 0)
        heap->bytes_clear_skipped += touched.left_out;
}
