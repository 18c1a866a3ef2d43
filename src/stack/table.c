/* The Linux Standard Base's "Exception Frames". */
#include "stack/table.h"

enum { RECORD_BYTES_MAX = 65536, AUGMENTATION_MAX = 8 };

/* How a pointer is written (DW_EH_PE_...): its form in the lower half, what it is added to in the upper. */
enum { FORM = 0x0f, BASE = 0x70, INDIRECT = 0x80, OMITTED = 0xff };
enum { FORM_WORD = 0, FORM_U2 = 2, FORM_U4 = 3, FORM_U8 = 4, FORM_S2 = 0xa, FORM_S4 = 0xb, FORM_S8 = 0xc };
enum { BASE_NONE = 0, BASE_HERE = 0x10, BASE_INDEX = 0x30 };

/* The form of the index that linkers write: a count of four bytes, then pairs of signed distances from the index. */
enum { INDEX_VERSION = 1, INDEX_POINTERS = BASE_INDEX | FORM_S4, INDEX_HEAD_BYTES = 12, INDEX_PAIR_BYTES = 8 };

static size_t form_bytes(unsigned encoding)
{
    switch (encoding & FORM) {
    case FORM_U2:
    case FORM_S2:
        return 2;
    case FORM_U4:
    case FORM_S4:
        return 4;
    case FORM_WORD:
    case FORM_U8:
    case FORM_S8:
        return 8;
    default:
        return 0;
    }
}

static bool is_signed(unsigned encoding)
{
    return (encoding & FORM) >= FORM_S2;
}

static uintptr_t read_pointer(struct cai_cursor *cursor, unsigned encoding)
{
    uintptr_t here = cursor->at;
    size_t bytes = form_bytes(encoding);
    unsigned base = encoding & BASE;

    cursor->failed |= bytes == 0 || (encoding & INDIRECT) != 0 || (base != BASE_NONE && base != BASE_HERE);
    if (cursor->failed)
        return 0;
    uintptr_t value =
        is_signed(encoding) ? (uintptr_t)cai_cursor_signed(cursor, bytes) : (uintptr_t)cai_cursor_number(cursor, bytes);
    return base == BASE_HERE ? here + value : value;
}

/* The contents of the record at an address, without its length. */
static bool open_record(struct cai_cursor *record, struct cai_reader *reader, uintptr_t address)
{
    if (!cai_cursor_open(record, reader, address, 4))
        return false;
    uint64_t bytes = cai_cursor_number(record, 4);
    return bytes >= 4 && bytes <= RECORD_BYTES_MAX && cai_cursor_open(record, reader, address + 4, bytes);
}

/* The letters of a CIE say what its data are; how pointers are written comes back, and whether there are data. */
static void read_augmentation(struct cai_cursor *record, struct cai_entry *entry, const char *letters,
                              unsigned *encoding)
{
    uint64_t bytes = cai_cursor_uleb(record);
    struct cai_cursor data = *record;

    cai_cursor_skip(record, bytes);
    data.end = record->at;
    for (; *letters != '\0' && !data.failed; letters++)
        switch (*letters) {
        case 'R':
            *encoding = (unsigned)cai_cursor_number(&data, 1);
            break;
        case 'P': /* who is asked when an exception passes */
            cai_cursor_skip(&data, form_bytes((unsigned)cai_cursor_number(&data, 1)));
            break;
        case 'L':
            cai_cursor_skip(&data, 1);
            break;
        case 'S':
            entry->signal = true;
            break;
        case 'B': /* return addresses are signed with the other key */
        case 'G': /* memory tags */
            break;
        default:
            data.failed = true;
        }
    record->failed |= data.failed;
}

/* A common record: *encoding is how its functions write pointers, *has_data whether they have data of their own. */
static bool read_common(struct cai_entry *entry, struct cai_cursor record, unsigned *encoding, bool *has_data)
{
    char letters[AUGMENTATION_MAX + 1];
    size_t length = 0;

    bool is_common = cai_cursor_number(&record, 4) == 0;
    uint64_t version = cai_cursor_number(&record, 1);
    if (!is_common || (version != 1 && version != 3))
        return false;
    while ((letters[length] = (char)cai_cursor_number(&record, 1)) != '\0')
        if (++length > AUGMENTATION_MAX)
            return false;
    *has_data = letters[0] == 'z';
    *encoding = FORM_WORD;
    entry->signal = false;
    entry->code_step = cai_cursor_uleb(&record);
    entry->data_step = cai_cursor_sleb(&record);
    entry->return_register = (unsigned)(version == 1 ? cai_cursor_number(&record, 1) : cai_cursor_uleb(&record));
    if (*has_data)
        read_augmentation(&record, entry, letters + 1, encoding);
    entry->common = record;
    return !record.failed && (*has_data || length == 0);
}

/* The record of the function at this address. */
static bool read_record(struct cai_entry *entry, struct cai_reader *reader, uintptr_t at, uintptr_t address)
{
    struct cai_cursor record;
    struct cai_cursor common;
    unsigned encoding;
    bool has_data;

    if (!open_record(&record, reader, at))
        return false;
    entry->record = (struct cai_cursor){.at = at, .end = record.end};
    uintptr_t here = record.at;
    uintptr_t back = (uintptr_t)cai_cursor_number(&record, 4);
    if (back == 0 || !open_record(&common, reader, here - back) || !read_common(entry, common, &encoding, &has_data))
        return false;
    entry->common_record = (struct cai_cursor){.at = here - back, .end = common.end};
    entry->start = read_pointer(&record, encoding);
    uintptr_t bytes = read_pointer(&record, encoding & FORM);
    if (has_data)
        cai_cursor_skip(&record, cai_cursor_uleb(&record));
    entry->own = record;
    return !record.failed && address >= entry->start && address - entry->start < bytes;
}

/* Distances are 32 bits with a sign. */
static int64_t distance_at(uintptr_t address)
{
    return (int32_t)cai_reader_number(address, 4);
}

bool cai_table_find(struct cai_entry *entry, const struct cai_module *module, struct cai_reader *reader,
                    uintptr_t address)
{
    struct cai_cursor head;
    uintptr_t pairs = module->index + INDEX_HEAD_BYTES;
    int64_t distance = (int64_t)(address - module->index);
    size_t low = 0;

    if (module->index == 0 || !cai_cursor_open(&head, reader, module->index, INDEX_HEAD_BYTES) ||
        cai_cursor_number(&head, 1) != INDEX_VERSION)
        return false;
    size_t first_bytes = form_bytes((unsigned)cai_cursor_number(&head, 1));
    bool counts = cai_cursor_number(&head, 1) == FORM_U4;
    if (first_bytes != 4 || !counts || cai_cursor_number(&head, 1) != INDEX_POINTERS)
        return false;
    cai_cursor_skip(&head, first_bytes);
    size_t high = (size_t)cai_cursor_number(&head, 4);
    if (high == 0 || high > (module->high - module->low) / INDEX_PAIR_BYTES)
        return false;
    while (high - low > 1) { /* the last function that begins at or before the address is in [low, high) */
        size_t middle = low + (high - low) / 2;
        uintptr_t pair = pairs + middle * INDEX_PAIR_BYTES;
        if (!cai_reader_may(reader, pair, INDEX_PAIR_BYTES))
            return false;
        if (distance_at(pair) <= distance)
            low = middle;
        else
            high = middle;
    }
    uintptr_t pair = pairs + low * INDEX_PAIR_BYTES;
    return cai_reader_may(reader, pair, INDEX_PAIR_BYTES) &&
           read_record(entry, reader, module->index + (uintptr_t)distance_at(pair + 4), address);
}
