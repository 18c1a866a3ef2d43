/* Loads that cannot fault: only from pages of which the kernel said in this walk that they can be read, or from a
 * segment that is mapped as long as its module is. */
#ifndef CAI_STACK_READER_H
#define CAI_STACK_READER_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CAI_READER_PAGES = 16, CAI_READER_QUESTIONS = 512 };

struct cai_reader {
    uintptr_t low, high; /* the segment */
    size_t page_bytes;
    unsigned page_shift;               /* its logarithm */
    unsigned questions;                /* that the kernel may still be asked in this walk */
    uintptr_t pages[CAI_READER_PAGES]; /* addresses of pages that can be read, each in its place; 0: none */
};

void cai_reader_start(struct cai_reader *reader);

/* All of [address, address + bytes) can be read. */
bool cai_reader_may(struct cai_reader *reader, uintptr_t address, size_t bytes);

/* An aligned word; false: it cannot be read. */
bool cai_reader_word(struct cai_reader *reader, uintptr_t address, uintptr_t *out);

/* A number of 1, 2, 4 or 8 bytes, wherever it lies in what may be read. */
CAI_UNSEEN static inline uint64_t cai_reader_number(uintptr_t address, size_t bytes)
{
    struct __attribute__((packed)) number2 {
        uint16_t value;
    };
    struct __attribute__((packed)) number4 {
        uint32_t value;
    };
    struct __attribute__((packed)) number8 {
        uint64_t value;
    };

    switch (bytes) {
    case 1:
        return *(const volatile unsigned char *)address;
    case 2:
        return ((const volatile struct number2 *)address)->value;
    case 4:
        return ((const volatile struct number4 *)address)->value;
    default:
        return ((const volatile struct number8 *)address)->value;
    }
}

/* Bytes in a row that may be read, taken one after the other. What lies past the end reads as zero and says so. */
struct cai_cursor {
    uintptr_t at, end;
    bool failed;
};

bool cai_cursor_open(struct cai_cursor *cursor, struct cai_reader *reader, uintptr_t address, size_t bytes);

/* Of 1, 2, 4 or 8 bytes. */
static inline uint64_t cai_cursor_number(struct cai_cursor *cursor, size_t bytes)
{
    if (cursor->end - cursor->at < bytes) {
        cursor->failed = true;
        cursor->at = cursor->end;
        return 0;
    }
    uint64_t number = cai_reader_number(cursor->at, bytes);
    cursor->at += bytes;
    return number;
}

int64_t cai_cursor_signed(struct cai_cursor *cursor, size_t bytes);
uint64_t cai_cursor_uleb(struct cai_cursor *cursor);
int64_t cai_cursor_sleb(struct cai_cursor *cursor);
void cai_cursor_skip(struct cai_cursor *cursor, uint64_t bytes);

#endif
