/* See dirty.h. The watcher is made for one sweep, so that nothing is protected when it begins, and the program pays for
 * protected pages no longer than it takes. */
#include "revoke/dirty.h"

#include "core/settings.h"
#include "os/inspect.h"
#include "os/os.h"
#include "os/watch.h"

enum { LISTED_AT_ONCE = 1024 };

static struct {
    int watcher, pages; /* both are open, or -1 */
    bool tried, works;  /* whether the kernel does what it says */
    bool lost;          /* something may be protected and was not read */
    struct cai_os_pages list[LISTED_AT_ONCE];
} dirty = {.watcher = -1, .pages = -1};

/* --- does it work: by two real pages, and a real write to one of them --- */

static bool is_told(int pages, uintptr_t page, size_t page_bytes, bool written)
{
    uintptr_t at = page;
    long count = cai_os_pages(pages, CAI_ASK, &at, page + page_bytes, dirty.list, LISTED_AT_ONCE);

    return count == 1 && at == page + page_bytes && (dirty.list[0].kinds & CAI_PAGES_WATCHED) != 0 &&
           ((dirty.list[0].kinds & CAI_PAGES_WRITTEN) != 0) == written;
}

static bool try_pages(int watcher, int pages, volatile char *two, size_t page_bytes)
{
    uintptr_t begin = (uintptr_t)two;
    uintptr_t end = begin + 2 * page_bytes;
    uintptr_t at = begin;

    two[0] = two[page_bytes] = 1;
    if (!cai_os_watch(watcher, begin, end) ||
        cai_os_pages(pages, CAI_ASK_PROTECT, &at, end, dirty.list, LISTED_AT_ONCE) != 1 || at != end ||
        !is_told(pages, begin, page_bytes, false))
        return false;
    two[0] = 2;
    return is_told(pages, begin, page_bytes, true) && is_told(pages, begin + page_bytes, page_bytes, false);
}

bool cai_dirty_works(int watcher, int pages)
{
    size_t page_bytes = cai_settings->page_bytes;

    if (!dirty.tried) {
        char *two = cai_os_map_anywhere(2 * page_bytes);
        dirty.tried = true;
        dirty.works = two != NULL && try_pages(watcher, pages, two, page_bytes);
        if (two != NULL)
            cai_os_unmap_anywhere(two, 2 * page_bytes);
    }
    return dirty.works;
}

/* --- one sweep --- */

void cai_dirty_end(void)
{
    if (dirty.watcher >= 0)
        cai_os_close(dirty.watcher);
    if (dirty.pages >= 0)
        cai_os_close(dirty.pages);
    dirty.watcher = dirty.pages = -1;
}

bool cai_dirty_begin(void)
{
    dirty.lost = false;
    if (dirty.tried && !dirty.works)
        return false;
    dirty.watcher = cai_os_watch_open();
    dirty.pages = cai_os_open("/proc/self/pagemap");
    if (dirty.watcher >= 0 && dirty.pages >= 0 && cai_dirty_works(dirty.watcher, dirty.pages))
        return true;
    cai_dirty_end();
    return false;
}

/* What was protected there is perhaps not what was read. */
static void forget(uintptr_t begin, uintptr_t end)
{
    if (!cai_os_unwatch(dirty.watcher, begin, end))
        dirty.lost = true;
}

bool cai_dirty_watch(uintptr_t begin, uintptr_t end)
{
    return cai_os_watch(dirty.watcher, begin, end);
}

void cai_dirty_read(uintptr_t begin, uintptr_t end, bool (*scan)(uintptr_t begin, uintptr_t end))
{
    uintptr_t at = begin;

    while (at < end) {
        long count = cai_os_pages(dirty.pages, CAI_ASK_PROTECT, &at, end, dirty.list, LISTED_AT_ONCE);
        for (long i = 0; i < count; i++)
            if (!scan(dirty.list[i].begin, dirty.list[i].end))
                count = -1;
        if (count < 0) {
            forget(begin, end);
            return;
        }
    }
}

/* Pages that are protected are not even listed, which takes the kernel a third of the time (decision 0071); so all of
 * it has to be watched. What another watcher than ours has protected nobody here has read: such a range cannot be
 * watched. */
bool cai_dirty_rest(uintptr_t begin, uintptr_t end, void (*scan)(uintptr_t begin, uintptr_t end))
{
    if (dirty.watcher < 0 || dirty.lost || !cai_dirty_watch(begin, end))
        return false;
    while (begin < end) {
        long count = cai_os_pages(dirty.pages, CAI_ASK_WRITTEN, &begin, end, dirty.list, LISTED_AT_ONCE);
        if (count < 0)
            return false;
        for (long i = 0; i < count; i++)
            if ((dirty.list[i].kinds & CAI_PAGES_ZERO) == 0)
                scan(dirty.list[i].begin, dirty.list[i].end);
    }
    return true;
}

void cai_dirty_repair(void)
{
    cai_dirty_end();
}
