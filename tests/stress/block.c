/* See block.h. Long blocks are filled in windows, so that a test of many blocks does not become a test of memory
 * speed. */
#include "block.h"

#include "base/atomic.h"

#include <string.h>
#include <sys/mman.h>

/* Up to here every byte is filled; beyond, both ends and a window in every page. */
enum { FULL_BYTES = 16384, END_BYTES = 4096, PAGE = 4096, WINDOW_BYTES = 64 };

/* Claims: a byte for every 16 of the address space, in pages that are found by the number of the 64 KiB chunk. */
enum { CHUNK_SHIFT = 16, GRAIN_SHIFT = 4, CHUNKS_MAX = 1 << 16, TAGS_PER_CHUNK = 1 << (CHUNK_SHIFT - GRAIN_SHIFT) };
enum { CLAIMED = 0xa5, DENSE_BYTES = 1024 };

static uintptr_t chunk_key[CHUNKS_MAX]; /* atomic; 0: not used yet */
static uint8_t *tags;                   /* TAGS_PER_CHUNK for each key, atomic */

void block_start(void)
{
    tags = mmap(NULL, (size_t)CHUNKS_MAX * TAGS_PER_CHUNK, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (tags == MAP_FAILED)
        fail("no memory for the table of claims");
}

static uint8_t *tag_of(uintptr_t address)
{
    uintptr_t key = address >> CHUNK_SHIFT;
    size_t slot = key * UINT64_C(0x9e3779b97f4a7c15) >> 48;

    for (size_t i = 0; i < CHUNKS_MAX; i++, slot = (slot + 1) % CHUNKS_MAX) {
        uintptr_t found = cai_load_relaxed(&chunk_key[slot]);
        if (found == 0 && cai_swap_strong_acq_rel(&chunk_key[slot], &found, key))
            found = key;
        if (found == key)
            return tags + slot * TAGS_PER_CHUNK + (address >> GRAIN_SHIFT) % TAGS_PER_CHUNK;
    }
    fail("the table of claims is full");
}

/* Long blocks are claimed in longer steps: they lie apart from short ones, and their content tells the rest. */
static void claim_all(const struct block *block, uint8_t before, uint8_t after)
{
    size_t step = block->size <= DENSE_BYTES ? 16 : 128;

    for (size_t i = 0; i == 0 || i < block->size; i += step) {
        uint8_t found = cai_exchange_acq_rel(tag_of((uintptr_t)block->at + i), after);
        if (found != before)
            fail("byte %zu of the %zu bytes at %p is %s", i, block->size, (void *)block->at,
                 found == CLAIMED ? "part of another live block" : "not claimed any more");
    }
}

/* The next part of the block that is filled, from `from` on; 0 at the end. */
static size_t window(size_t size, size_t *from)
{
    if (*from >= size)
        return 0;
    if (size <= FULL_BYTES)
        return size - *from;
    if (*from < END_BYTES)
        return END_BYTES - *from;
    if (*from >= size - END_BYTES)
        return size - *from;
    *from = (*from + PAGE - 1) / PAGE * PAGE;
    if (*from >= size - END_BYTES) {
        *from = size - END_BYTES;
        return END_BYTES;
    }
    return WINDOW_BYTES < size - END_BYTES - *from ? WINDOW_BYTES : size - END_BYTES - *from;
}

static uint64_t word_at(const struct block *block, size_t offset)
{
    return block->seed * (offset / 8 + UINT64_C(0x9e3779b97f4a7c15));
}

static unsigned char byte_at(const struct block *block, size_t offset)
{
    return (unsigned char)(word_at(block, offset) >> offset % 8 * 8);
}

static void fill_part(const struct block *block, size_t from, size_t length)
{
    size_t i = from;

    for (; i < from + length && i % 8 != 0; i++)
        block->at[i] = byte_at(block, i);
    for (; i + 8 <= from + length; i += 8) {
        uint64_t word = word_at(block, i);
        memcpy(block->at + i, &word, 8);
    }
    for (; i < from + length; i++)
        block->at[i] = byte_at(block, i);
}

static void verify_part(const struct block *block, size_t from, size_t length)
{
    for (size_t i = from; i < from + length;) {
        uint64_t word;
        if (i % 8 == 0 && i + 8 <= from + length) {
            memcpy(&word, block->at + i, 8);
            if (word == word_at(block, i)) {
                i += 8;
                continue;
            }
        }
        if (block->at[i] != byte_at(block, i))
            fail("byte %zu of the %zu bytes at %p changed: %#x instead of %#x", i, block->size, (void *)block->at,
                 block->at[i], byte_at(block, i));
        i++;
    }
}

void block_own(struct block *block, void *at, size_t size, uint64_t tag)
{
    *block =
        (struct block){at, size, ((uintptr_t)at ^ tag * UINT64_C(0xd1342543de82ef95)) | 1, block->kind, block->heap};
    claim_all(block, 0, CLAIMED);
    size_t from = 0;
    for (size_t length; (length = window(size, &from)) != 0; from += length)
        fill_part(block, from, length);
}

void block_verify(const struct block *block, size_t size)
{
    size_t from = 0;

    for (size_t length; (length = window(block->size, &from)) != 0 && from < size; from += length)
        verify_part(block, from, length < size - from ? length : size - from);
}

void block_disown(struct block *block)
{
    block_verify(block, block->size);
    claim_all(block, CLAIMED, 0);
}

void block_verify_zero(const unsigned char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i] != 0)
            fail("byte %zu of the %zu zeroed bytes at %p is %#x", i, size, (const void *)at, at[i]);
}
