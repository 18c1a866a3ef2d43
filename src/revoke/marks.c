/* See marks.h. */
#include "revoke/marks.h"

#include "base/bits.h"
#include "blocks/state.h"
#include "os/inspect.h"

#include <string.h>

struct cai_marks cai_marks[CAI_ZONES];

/* Granules of a block whose marks are found by one load: of its 64 bits 7 may be before it, one is behind it. */
enum { SHORT = 64 - 7 - 1 };

static size_t bytes_of(const struct cai_marks *marks)
{
    return cai_round_up((marks->count + 63) / 64 * sizeof(uint64_t) + sizeof(uint64_t), CAI_PAGE_BYTES_MAX);
}

void cai_marks_drop(void)
{
    for (unsigned zone = 0; zone < CAI_ZONES; zone++) {
        if (cai_marks[zone].bits != NULL)
            cai_os_unmap_anywhere(cai_marks[zone].bits, bytes_of(&cai_marks[zone]));
        cai_marks[zone] = (struct cai_marks){NULL, 0, 0};
    }
}

bool cai_marks_make(void)
{
    cai_marks_drop(); /* of the parent, in the child of a fork */
    for (unsigned zone = 0; zone < CAI_ZONES; zone++) {
        struct cai_marks *marks = &cai_marks[zone];
        size_t units = cai_zones[zone].frontier;
        if (units <= 1)
            continue;
        marks->count = (units << (CAI_UNIT_SHIFT - 4)) + 1;
        marks->begin = cai_view_of(zone)->origin - cai_sealed.places;
        marks->bits = cai_os_map_anywhere(bytes_of(marks));
        if (marks->bits == NULL) {
            marks->count = 0;
            cai_marks_drop();
            return false;
        }
    }
    return true;
}

static bool any(const uint64_t *bits, size_t from, size_t count)
{
    for (size_t end = from + count; from < end;) {
        size_t here = cai_min(end - from, 64 - from % 64);
        uint64_t mask = (here == 64 ? UINT64_MAX : (UINT64_C(1) << here) - 1) << from % 64;
        if ((bits[from / 64] & mask) != 0)
            return true;
        from += here;
    }
    return false;
}

/* The word at the end of a block may be for it. */
static bool is_live(unsigned zone, uintptr_t address)
{
    const struct cai_view *view = cai_view_of(zone);
    size_t granule = cai_granule_of(view, cai_zone_grain(zone), (void *)address);

    return granule < cai_load_relaxed(&view->granules) && cai_state_is_live(cai_load_relaxed(&view->state[granule]));
}

/* The bits of a short block and the one behind it are in one word, from whatever byte on that is loaded. */
bool cai_is_marked(unsigned zone, uintptr_t address, size_t bytes)
{
    const struct cai_marks *marks = &cai_marks[zone];
    size_t from = (address - cai_sealed.places - marks->begin) >> 4;
    size_t count = bytes / 16;
    bool within, behind;

    if (CAI_UNLIKELY(from + count >= marks->count))
        return true; /* made after the marks */
    if (count <= SHORT) {
        uint64_t word;
        memcpy(&word, (const char *)marks->bits + from / 8, sizeof word);
        word >>= from % 8;
        within = (word & ((UINT64_C(1) << count) - 1)) != 0;
        behind = (word >> count & 1) != 0;
    } else {
        within = any(marks->bits, from, count);
        behind = any(marks->bits, from + count, 1);
    }
    return within || (CAI_UNLIKELY(behind) && !is_live(zone, address + bytes));
}

bool cai_marks_own(uintptr_t begin)
{
    for (unsigned zone = 0; zone < CAI_ZONES; zone++)
        if (cai_marks[zone].bits != NULL && begin - (uintptr_t)cai_marks[zone].bits < bytes_of(&cai_marks[zone]))
            return true;
    return false;
}
