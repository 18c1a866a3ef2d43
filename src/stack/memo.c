/* A place for each value of a hash of the address. An entry is believed if its check is that of its own words and of
 * the records in the module from which it was made, as they are now. So one that two threads write at once, or that
 * somebody was interrupted in, is none, and neither is one of a module that is not there any more. */
#include "stack/memo.h"

#include "base/atomic.h"

#include <assert.h>

enum { PLACES = 1024, HASH_SHIFT = 54, RECORD_BYTES_MAX = 2048 };

#define STIR UINT64_C(0x9e3779b97f4a7c15)

struct note {
    uintptr_t address;
    uintptr_t record, common; /* where the two records begin */
    uint32_t record_bytes, common_bytes;
    struct cai_row row;
};

enum { WORDS = sizeof(struct note) / sizeof(uint64_t) };
static_assert(sizeof(struct note) % sizeof(uint64_t) == 0, "it is read and written by words");

union entry {
    struct note note;
    uint64_t word[WORDS];
};

static struct {
    uint64_t word[WORDS]; /* atomic, each for itself */
    uint64_t check;       /* atomic */
} places[PLACES];

/* Both halves of a product, so that each bit of each word counts; the position, so that their order does. */
static uint64_t stir(uint64_t word, uint64_t position)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(word ^ position * STIR) * (STIR + 2 * position);

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t check_bytes(uintptr_t at, size_t bytes, uint64_t position)
{
    uint64_t check = 0;

    for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t), at += sizeof(uint64_t))
        check += stir(cai_reader_number(at, sizeof(uint64_t)), position++);
    for (; bytes != 0; bytes--)
        check += stir(cai_reader_number(at++, 1), position++);
    return check;
}

static bool may(const struct cai_reader *reader, uintptr_t at, size_t bytes)
{
    return bytes <= RECORD_BYTES_MAX && at >= reader->low && at < reader->high && bytes <= reader->high - at;
}

/* False: its records do not lie where the reader may read. */
static bool check_of(uint64_t *check, const union entry *entry, const struct cai_reader *reader)
{
    const struct note *note = &entry->note;

    if (!may(reader, note->record, note->record_bytes) || !may(reader, note->common, note->common_bytes))
        return false;
    *check = 1 + check_bytes(note->record, note->record_bytes, WORDS) +
             check_bytes(note->common, note->common_bytes, WORDS + RECORD_BYTES_MAX);
    for (uint64_t i = 0; i < WORDS; i++)
        *check += stir(entry->word[i], i);
    return true;
}

bool cai_memo_find(struct cai_row *row, const struct cai_reader *reader, uintptr_t address)
{
    size_t place = address * STIR >> HASH_SHIFT;
    union entry entry;
    uint64_t check;

    entry.word[0] = cai_load_relaxed(&places[place].word[0]);
    if (entry.note.address != address)
        return false;
    for (size_t i = 1; i < WORDS; i++)
        entry.word[i] = cai_load_relaxed(&places[place].word[i]);
    if (!check_of(&check, &entry, reader) || check != cai_load_relaxed(&places[place].check))
        return false;
    *row = entry.note.row;
    return true;
}

void cai_memo_keep(const struct cai_row *row, const struct cai_entry *found, const struct cai_reader *reader,
                   uintptr_t address)
{
    size_t place = address * STIR >> HASH_SHIFT;
    union entry entry;
    uint64_t check;

    __builtin_memset(&entry, 0, sizeof entry);
    entry.note = (struct note){.address = address,
                               .record = found->record.at,
                               .common = found->common_record.at,
                               .record_bytes = (uint32_t)(found->record.end - found->record.at),
                               .common_bytes = (uint32_t)(found->common_record.end - found->common_record.at),
                               .row = *row};
    if (!check_of(&check, &entry, reader))
        return;
    for (size_t i = 0; i < WORDS; i++)
        cai_store_relaxed(&places[place].word[i], entry.word[i]);
    cai_store_relaxed(&places[place].check, check);
}
