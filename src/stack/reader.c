/* See reader.h. Sanitizers must not look: what a stack holds besides variables is their own business. */
#include "stack/reader.h"

#include "base/bits.h"
#include "os/os.h"

void cai_reader_start(struct cai_reader *reader)
{
    size_t bytes = cai_os_page_size();

    *reader =
        (struct cai_reader){.page_bytes = bytes, .page_shift = cai_log2(bytes), .questions = CAI_READER_QUESTIONS};
}

static bool page_may(struct cai_reader *reader, uintptr_t page)
{
    uintptr_t *known = &reader->pages[(page >> reader->page_shift) % CAI_READER_PAGES];

    if (*known == page && page != 0)
        return true;
    if (reader->questions == 0)
        return false;
    reader->questions--;
    if (!cai_os_is_readable(page))
        return false;
    *known = page;
    return true;
}

bool cai_reader_may(struct cai_reader *reader, uintptr_t address, size_t bytes)
{
    if (address >= reader->low && address < reader->high && bytes <= reader->high - address)
        return true;
    uintptr_t last;
    if (bytes == 0 || __builtin_add_overflow(address, bytes - 1, &last))
        return false;
    uintptr_t page = address & -reader->page_bytes;
    if ((last - page) >> reader->page_shift >= CAI_READER_PAGES)
        return false;
    for (; page_may(reader, page); page += reader->page_bytes)
        if (last - page < reader->page_bytes)
            return true;
    return false;
}

bool cai_reader_word(struct cai_reader *reader, uintptr_t address, uintptr_t *out)
{
    if (address % sizeof *out != 0 || !cai_reader_may(reader, address, sizeof *out))
        return false;
    *out = (uintptr_t)cai_reader_number(address, sizeof *out);
    return true;
}

bool cai_cursor_open(struct cai_cursor *cursor, struct cai_reader *reader, uintptr_t address, size_t bytes)
{
    *cursor = (struct cai_cursor){.at = address, .end = address + bytes};
    return cai_reader_may(reader, address, bytes);
}

int64_t cai_cursor_signed(struct cai_cursor *cursor, size_t bytes)
{
    unsigned unused = (64 - 8 * (unsigned)bytes) % 64;

    return (int64_t)(cai_cursor_number(cursor, bytes) << unused) >> unused;
}

/* Groups of seven bits, the lowest first; the top bit says that there are more. */
static uint64_t groups(struct cai_cursor *cursor, unsigned *bits, bool *negative)
{
    uint64_t byte = cai_cursor_number(cursor, 1);
    uint64_t number = byte & 0x7f;

    for (*bits = 7; (byte & 0x80) != 0; *bits += 7) {
        byte = cai_cursor_number(cursor, 1);
        if (*bits < 64)
            number |= (byte & 0x7f) << *bits;
    }
    *negative = (byte & 0x40) != 0;
    return number;
}

uint64_t cai_cursor_uleb(struct cai_cursor *cursor)
{
    unsigned bits;
    bool negative;

    return groups(cursor, &bits, &negative);
}

int64_t cai_cursor_sleb(struct cai_cursor *cursor)
{
    unsigned bits;
    bool negative;
    uint64_t number = groups(cursor, &bits, &negative);

    return (int64_t)(negative && bits < 64 ? number | UINT64_MAX << bits : number);
}

void cai_cursor_skip(struct cai_cursor *cursor, uint64_t bytes)
{
    cursor->failed |= cursor->end - cursor->at < bytes;
    cursor->at = cursor->failed ? cursor->end : cursor->at + bytes;
}
