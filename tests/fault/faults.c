/* See faults.h. The names __wrap_ and __real_ are the linker's. */
#include "fault/faults.h"

#include "base/atomic.h"
#include "pages/geometry.h"
#include "pages/zone.h"

static struct fault rule;
static size_t longest;
static unsigned calls[FAULT_FUNCTIONS]; /* atomic */
static size_t mapped_bytes;             /* atomic */

static struct {
    enum fault_function function;
    unsigned call;
    void (*hook)(void);
} before;

void fault_before(enum fault_function function, unsigned call, void (*hook)(void))
{
    before.function = function;
    before.call = call;
    before.hook = hook;
}

void fault_set(const struct fault *fault)
{
    rule = *fault;
    for (unsigned i = 0; i < FAULT_FUNCTIONS; i++)
        cai_store_relaxed(&calls[i], 0);
}

void fault_longest(size_t bytes)
{
    longest = bytes;
}

unsigned fault_calls(enum fault_function function)
{
    return cai_load_relaxed(&calls[function]);
}

const char *fault_name(enum fault_function function)
{
    static const char *const names[] = {"map",     "unmap",        "discard", "move",       "read_only",   "read_write",
                                        "no_dump", "wipe_on_fork", "lock",    "map_hidden", "thread_start"};

    return names[function];
}

static bool fails(enum fault_function function)
{
    unsigned call = cai_add_relaxed(&calls[function], 1) + 1;

    if (before.hook != NULL && before.function == function && before.call == call)
        before.hook();
    return (rule.functions >> function & 1) != 0 && call >= rule.from && call <= rule.until;
}

size_t fault_mapped_bytes(void)
{
    return cai_load_relaxed(&mapped_bytes);
}

/* In a place, or in the tables behind the mark of the engine; the second half of those is metadata. */
static bool is_of_zones(uintptr_t address)
{
    for (unsigned i = 0; i < CAI_GEOMETRIES; i++) {
        const struct cai_geometry *geometry = &cai_geometries[i];
        uintptr_t tables = geometry->tables + CAI_PAGE_BYTES_MAX;
        if (address - geometry->places < (uintptr_t)CAI_PLACES << geometry->shift ||
            address - tables < ((uintptr_t)1 << (geometry->shift - 1)) - CAI_PAGE_BYTES_MAX)
            return true;
    }
    return false;
}

static void count_mapped(uintptr_t address, size_t length, bool done)
{
    if (done && is_of_zones(address))
        cai_add_relaxed(&mapped_bytes, length);
}

static bool count_unmapped(uintptr_t address, size_t length, bool done)
{
    if (done && is_of_zones(address))
        cai_sub_relaxed(&mapped_bytes, length);
    return done;
}

enum cai_map __real_cai_os_map(uintptr_t address, size_t length, bool charged);
enum cai_map __wrap_cai_os_map(uintptr_t address, size_t length, bool charged);
bool __real_cai_os_unmap(uintptr_t address, size_t length);
bool __wrap_cai_os_unmap(uintptr_t address, size_t length);
bool __real_cai_os_discard(uintptr_t address, size_t length);
bool __wrap_cai_os_discard(uintptr_t address, size_t length);
bool __real_cai_os_move(uintptr_t from, size_t from_length, uintptr_t to, size_t to_length);
bool __wrap_cai_os_move(uintptr_t from, size_t from_length, uintptr_t to, size_t to_length);
bool __real_cai_os_read_only(void *address, size_t length);
bool __wrap_cai_os_read_only(void *address, size_t length);
bool __real_cai_os_read_write(void *address, size_t length);
bool __wrap_cai_os_read_write(void *address, size_t length);
bool __real_cai_os_no_dump(uintptr_t address, size_t length);
bool __wrap_cai_os_no_dump(uintptr_t address, size_t length);
bool __real_cai_os_wipe_on_fork(uintptr_t address, size_t length);
bool __wrap_cai_os_wipe_on_fork(uintptr_t address, size_t length);
bool __real_cai_os_lock(uintptr_t address, size_t length, bool resident);
bool __wrap_cai_os_lock(uintptr_t address, size_t length, bool resident);
enum cai_map __real_cai_os_map_hidden(uintptr_t address, size_t length);
enum cai_map __wrap_cai_os_map_hidden(uintptr_t address, size_t length);
bool __real_cai_os_thread_start(void *(*function)(void *), void *argument);
bool __wrap_cai_os_thread_start(void *(*function)(void *), void *argument);

enum cai_map __wrap_cai_os_map(uintptr_t address, size_t length, bool charged)
{
    bool too_long = longest != 0 && length > longest;
    enum cai_map result = fails(FAULT_MAP) ? rule.map_says
                          : too_long       ? CAI_MAP_SHORT
                                           : __real_cai_os_map(address, length, charged);

    count_mapped(address, length, result == CAI_MAP_DONE);
    return result;
}

bool __wrap_cai_os_unmap(uintptr_t address, size_t length)
{
    return count_unmapped(address, length, !fails(FAULT_UNMAP) && __real_cai_os_unmap(address, length));
}

bool __wrap_cai_os_discard(uintptr_t address, size_t length)
{
    return !fails(FAULT_DISCARD) && __real_cai_os_discard(address, length);
}

bool __wrap_cai_os_move(uintptr_t from, size_t from_length, uintptr_t to, size_t to_length)
{
    return count_unmapped(from, from_length,
                          !fails(FAULT_MOVE) && __real_cai_os_move(from, from_length, to, to_length));
}

bool __wrap_cai_os_read_only(void *address, size_t length)
{
    return !fails(FAULT_READ_ONLY) && __real_cai_os_read_only(address, length);
}

bool __wrap_cai_os_read_write(void *address, size_t length)
{
    return !fails(FAULT_READ_WRITE) && __real_cai_os_read_write(address, length);
}

bool __wrap_cai_os_no_dump(uintptr_t address, size_t length)
{
    return !fails(FAULT_NO_DUMP) && __real_cai_os_no_dump(address, length);
}

bool __wrap_cai_os_wipe_on_fork(uintptr_t address, size_t length)
{
    return !fails(FAULT_WIPE_ON_FORK) && __real_cai_os_wipe_on_fork(address, length);
}

bool __wrap_cai_os_lock(uintptr_t address, size_t length, bool resident)
{
    return !fails(FAULT_LOCK) && __real_cai_os_lock(address, length, resident);
}

enum cai_map __wrap_cai_os_map_hidden(uintptr_t address, size_t length)
{
    enum cai_map result = fails(FAULT_MAP_HIDDEN) ? rule.map_says : __real_cai_os_map_hidden(address, length);

    count_mapped(address, length, result == CAI_MAP_DONE);
    return result;
}

bool __wrap_cai_os_thread_start(void *(*function)(void *), void *argument)
{
    return !fails(FAULT_THREAD_START) && __real_cai_os_thread_start(function, argument);
}
