/* The table of tags where it is not a fast path: mapping it piece by piece, and ranges of tags.
 *
 * The directory of chunks and the table lie next to each other in one range of addresses that nobody else uses. A chunk
 * is mapped once, under the lock, before its byte in the directory says so.
 */
#include "cap/tags.h"

#include "base/bits.h"
#include "os/lock.h"
#include "os/os.h"

/* No page is larger. */
#define PAGE_BYTES_MAX (64 * CAI_KIB)
#define CHUNK_BYTES ((size_t)1 << CAI_TAGS_CHUNK_SHIFT)
#define WORD_BYTES ((size_t)1 << CAI_TAGS_WORD_SHIFT)
#define CHUNK_TABLE_BYTES (CHUNK_BYTES >> (CAI_TAGS_GRANULE_SHIFT + 3))

struct cai_tags cai_tags;

/* Protects the mapping of chunks and what follows. */
static struct cai_lock lock = CAI_LOCK_INIT(CAI_RANK_TAGS);
static size_t mapped; /* bytes */

/* What is being mapped, until it is noted: for the child of a fork. */
static struct {
    size_t at, bytes, before; /* what was mapped before it */
} step;

static size_t directory_bytes(size_t span_bytes)
{
    return cai_round_up(span_bytes >> CAI_TAGS_CHUNK_SHIFT, PAGE_BYTES_MAX);
}

size_t cai_tags_room(size_t span_bytes)
{
    return directory_bytes(span_bytes) + (span_bytes >> (CAI_TAGS_GRANULE_SHIFT + 3));
}

static bool map_step(size_t at, size_t bytes)
{
    step.at = at;
    step.before = mapped;
    cai_fence_for_compiler();
    step.bytes = bytes;
    cai_fence_for_compiler();
    if (cai_os_map(at, bytes, false) != CAI_MAP_DONE)
        return false;
    cai_os_name(at, bytes, "capalloc: tags");
    return true;
}

/* It has been noted, or failed. */
static void end_step(bool done)
{
    if (done)
        cai_store_relaxed(&mapped, step.before + step.bytes);
    cai_fence_for_compiler();
    step.bytes = 0;
}

bool cai_tags_start(size_t base, unsigned shift, unsigned pieces, unsigned holding, size_t room)
{
    size_t bytes = (size_t)pieces << shift;
    size_t directory = directory_bytes(bytes);
    bool started = true;

    cai_lock_take(&lock);
    if (cai_tags.bytes == 0) {
        started = map_step(room, directory);
        if (started) {
            cai_tags.base = base;
            cai_tags.shift = shift;
            cai_tags.holding = holding;
            cai_tags.chunks = (uint8_t *)room;
            cai_tags.table = (uint64_t *)(room + directory);
            cai_store_release(&cai_tags.bytes, bytes);
        }
        end_step(started);
    }
    cai_lock_give(&lock);
    return started;
}

bool cai_tags_held(size_t address)
{
    size_t bytes = cai_load_acquire(&cai_tags.bytes);
    size_t offset = address - cai_tags.base;

    return offset < bytes && (cai_tags.holding >> (offset >> cai_tags.shift) & 1) != 0;
}

bool cai_tags_make_room(size_t address)
{
    size_t chunk = (address - cai_tags.base) >> CAI_TAGS_CHUNK_SHIFT;
    size_t at = (size_t)cai_tags.table + chunk * CHUNK_TABLE_BYTES;
    bool done;

    if (cai_tags_word(address) != NULL)
        return true;
    cai_lock_take(&lock);
    done = cai_load_relaxed(&cai_tags.chunks[chunk]) != 0;
    if (!done) {
        done = map_step(at, CHUNK_TABLE_BYTES);
        if (done)
            cai_store_release(&cai_tags.chunks[chunk], 1);
        end_step(done);
    }
    cai_lock_give(&lock);
    return done;
}

size_t cai_tags_mapped_bytes(void)
{
    return cai_load_relaxed(&mapped);
}

/* --- ranges --- */

/* `count` bits from `first` on, within one word. */
static uint64_t bits_of(unsigned first, unsigned count)
{
    return (count == 64 ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1) << first;
}

/* Clears the bits of [from, to), which lie in the chunk of `word`, the word of `from`. Words without a tag are not
 * written: they may be in pages that were never touched. */
static void clear_words(uint64_t *word, size_t from, size_t to)
{
    size_t page = cai_os_page_size() / sizeof *word;

    while (from < to) {
        unsigned first = (from >> CAI_TAGS_GRANULE_SHIFT) & 63;
        size_t left = (to - from + (1 << CAI_TAGS_GRANULE_SHIFT) - 1) >> CAI_TAGS_GRANULE_SHIFT;
        size_t pages = left / 64 / page * page * sizeof *word;
        unsigned count;

        if (pages != 0 && (uintptr_t)word % (page * sizeof *word) == 0 && cai_os_discard((uintptr_t)word, pages)) {
            word += pages / sizeof *word;
            from += pages << (CAI_TAGS_GRANULE_SHIFT + 3);
            continue;
        }
        count = (unsigned)cai_min(left, 64 - first);
        if ((cai_load_relaxed(word) & bits_of(first, count)) != 0)
            cai_and_relaxed(word, ~bits_of(first, count));
        word++;
        from += (size_t)count << CAI_TAGS_GRANULE_SHIFT;
    }
}

void cai_tags_clear_slow(size_t address, size_t bytes)
{
    size_t from = cai_round_down(address, (size_t)1 << CAI_TAGS_GRANULE_SHIFT);
    size_t end = address + bytes;

    while (from < end) {
        /* What is mapped ends with a chunk. */
        size_t to = cai_min(cai_round_down(from, CHUNK_BYTES) + CHUNK_BYTES, end);
        uint64_t *word = cai_tags_word(from);
        if (word != NULL)
            clear_words(word, from, to);
        from = to;
    }
}

uint64_t cai_tags_read(size_t address, unsigned count)
{
    uint64_t tags = 0;

    for (unsigned i = 0; i < count; i++)
        tags |= (uint64_t)cai_tags_get(address + ((size_t)i << CAI_TAGS_GRANULE_SHIFT)) << i;
    return tags;
}

/* Calls `found` with the number of each granule of the range whose tag is set, until it returns false; true: it never
 * did. Skips what was never mapped. */
static bool for_each(size_t address, size_t bytes, bool (*found)(size_t granule, void *context), void *context)
{
    size_t end = address + bytes;

    for (size_t at = cai_round_down(address, WORD_BYTES); at < end;) {
        const uint64_t *word = cai_tags_word(cai_max(at, address));
        if (word == NULL) {
            at = cai_round_down(at, CHUNK_BYTES) + CHUNK_BYTES;
            continue;
        }
        for (uint64_t tags = cai_load_acquire(word); tags != 0; tags &= tags - 1) {
            size_t granule = at + ((size_t)__builtin_ctzll(tags) << CAI_TAGS_GRANULE_SHIFT);
            if (granule >= address && granule < end && !found((granule - address) >> CAI_TAGS_GRANULE_SHIFT, context))
                return false;
        }
        at += WORD_BYTES;
    }
    return true;
}

static bool note(size_t granule, void *context)
{
    ((uint64_t *)context)[granule / 64] |= UINT64_C(1) << (granule % 64);
    return true;
}

void cai_tags_copy_out(size_t address, size_t bytes, uint64_t *tags)
{
    for_each(address, bytes, note, tags);
}

bool cai_tags_copy_in(size_t address, size_t bytes, const uint64_t *tags)
{
    size_t words = ((bytes >> CAI_TAGS_GRANULE_SHIFT) + 63) / 64;
    bool all = true;

    for (size_t i = 0; i < words; i++)
        for (uint64_t left = tags[i]; left != 0; left &= left - 1) {
            size_t granule = i * 64 + (size_t)__builtin_ctzll(left);
            size_t at = address + (granule << CAI_TAGS_GRANULE_SHIFT);
            bool room = cai_tags_make_room(at);
            if (room)
                cai_tags_set(at);
            all = all && room;
        }
    return all;
}

/* The directory, or a chunk. */
static bool is_step_noted(void)
{
    size_t table = (size_t)cai_tags.table;

    if (cai_load_relaxed(&cai_tags.bytes) == 0 || step.at < table)
        return cai_tags.bytes != 0;
    return cai_tags.chunks[(step.at - table) / CHUNK_TABLE_BYTES] != 0;
}

void cai_tags_repair(void)
{
    if (cai_lock_inherit(&lock) != CAI_LOCK_LOST)
        return;
    if (step.bytes != 0 && is_step_noted())
        mapped = step.before + step.bytes;
    else if (step.bytes != 0)
        cai_os_unmap(step.at, step.bytes);
    step.bytes = 0;
    cai_lock_repaired(&lock);
}
