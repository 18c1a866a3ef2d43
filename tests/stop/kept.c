/* See kept.h. */
#include "kept.h"

#include "blocks/find.h"
#include "support/child.h"
#include "support/content.h"

#include <capalloc/capalloc.h>

enum { KEPT_MAX = 8192 };

/* A block longer than this has content in pieces only: its ends and the beginning of every unit. */
enum { WHOLE_MAX = 1024, PIECE = 64, PIECES_APART = 16384 };

static struct kept blocks[KEPT_MAX];
struct kept *kept = blocks;
unsigned kept_count;

/* --- content --- */

static void fill(const struct kept *block)
{
    char *at = block->at;

    if (block->size <= WHOLE_MAX) {
        content_fill(at, 0, block->size, block->seed);
        return;
    }
    for (size_t offset = 0; offset + PIECE <= block->size; offset += PIECES_APART)
        content_fill(at + offset, 0, PIECE, block->seed + offset);
    content_fill(at + block->size - PIECE, 0, PIECE, block->seed);
}

/* The first `size` bytes of what it was filled with. */
static bool holds(const struct kept *block, size_t size)
{
    const char *at = block->at;

    if (block->size <= WHOLE_MAX)
        return content_holds(at, size, block->seed);
    for (size_t offset = 0; offset + PIECE <= size; offset += PIECES_APART)
        /* The last piece may lie across another one. */
        if (block->size - offset >= 2 * (size_t)PIECE && !content_holds(at + offset, PIECE, block->seed + offset))
            return false;
    return size < block->size || content_holds(at + size - PIECE, PIECE, block->seed);
}

/* --- by kind --- */

static bool arrives_zero(enum kind kind)
{
    return kind == KIND_MUSTZERO || kind == KIND_SECRET;
}

static void *allocate(ca_authority authority, enum kind kind, size_t size)
{
    ca_layout layout = {.size = size, .align = 16};

    switch (kind) {
    case KIND_BLOCK:
        return ca_allocate(authority, layout).ptr;
    case KIND_NOCAPS:
        return ca_allocate_nocaps(authority, layout).ptr;
    case KIND_MUSTZERO:
        return ca_allocate_mustzero(authority, layout).ptr;
    case KIND_SECRET:
        return ca_allocate_secret(authority, layout).ptr;
    default:
        return ca_malloc(size);
    }
}

static bool is_live(const struct kept *block)
{
    void *at = block->at;
    size_t size = block->size;

    switch (block->kind) {
    case KIND_BLOCK:
        return ca_check(((ca_block){at, size})) == CA_OK;
    case KIND_NOCAPS:
        return ca_check(((ca_nocaps){at, size})) == CA_OK;
    case KIND_MUSTZERO:
        return ca_check(((ca_mustzero){at, size})) == CA_OK;
    case KIND_SECRET:
        return ca_check(((ca_secret){at, size})) == CA_OK;
    default:
        return cai_find_live(CAI_PLACE_ordinary, at).state != NULL && ca_malloc_usable_size(at) >= size;
    }
}

void kept_give(struct kept *block)
{
    void *at = block->at;
    size_t size = block->size;

    block->at = NULL;
    switch (block->kind) {
    case KIND_BLOCK:
        ca_deallocate(((ca_block){at, size}));
        break;
    case KIND_NOCAPS:
        ca_deallocate(((ca_nocaps){at, size}));
        break;
    case KIND_MUSTZERO:
        ca_deallocate_zeroed(((ca_mustzero){at, size}));
        break;
    case KIND_SECRET:
        ca_deallocate_zeroed(((ca_secret){at, size}));
        break;
    default:
        ca_free(at);
    }
}

/* --- all of them --- */

struct kept *keep_by(ca_authority authority, enum kind kind, size_t size)
{
    static uint64_t seed = 0x1234567;

    require(kept_count < KEPT_MAX);
    struct kept *block = &blocks[kept_count];
    *block = (struct kept){allocate(authority, kind, size), size, seed += 0x10001, kind, false, NULL};
    require(block->at != NULL);
    if (arrives_zero(kind))
        require(content_is_zero(block->at, size));
    fill(block);
    kept_count++;
    return block;
}

struct kept *keep(enum kind kind, size_t size)
{
    return keep_by(ca_default_authority(), kind, size);
}

struct kept *keep_in_flight(enum kind kind, size_t size)
{
    struct kept *block = keep(kind, size);

    block->in_flight = true;
    return block;
}

void keep_variety(void)
{
    static const size_t sizes[] = {1, 16, 40, 100, 100, 250, 500, 600, 1500, 5000, 20000, 40000};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (enum kind kind = 0; kind < KINDS; kind++)
            keep(kind, sizes[i] + kind);
    /* Some of them went back: bins have slots, a large block is kept. */
    for (unsigned i = 3; i < KINDS * 12; i += 4)
        kept_give(&blocks[kept_count - i]);
}

void kept_resize(struct kept *block, size_t size)
{
    size_t common = size < block->size ? size : block->size;

    block->at = ca_realloc(block->at, size);
    require(block->at != NULL);
    require(holds(block, common));
    block->size = size;
    fill(block);
}

void kept_verify_all(void)
{
    for (unsigned i = 0; i < kept_count; i++)
        if (blocks[i].at != NULL && !blocks[i].in_flight) {
            require(is_live(&blocks[i]));
            require(holds(&blocks[i], blocks[i].size));
        }
}

static uintptr_t start_of(const struct kept *block)
{
    return (uintptr_t)block->at;
}

/* Sorted by hand: qsort may call malloc, and this is the child of a process that may have stopped in it. */
void kept_verify_apart(void)
{
    static const struct kept *sorted[KEPT_MAX];
    unsigned count = 0;

    for (unsigned i = 0; i < kept_count; i++)
        if (blocks[i].at != NULL && !blocks[i].in_flight)
            sorted[count++] = &blocks[i];
    for (unsigned gap = count / 2; gap > 0; gap /= 2)
        for (unsigned i = gap; i < count; i++) {
            const struct kept *moved = sorted[i];
            unsigned to = i;
            for (; to >= gap && start_of(sorted[to - gap]) > start_of(moved); to -= gap)
                sorted[to] = sorted[to - gap];
            sorted[to] = moved;
        }
    for (unsigned i = 1; i < count; i++)
        require(start_of(sorted[i - 1]) + sorted[i - 1]->size <= start_of(sorted[i]));
}

void kept_give_in_flight(void)
{
    for (unsigned i = 0; i < kept_count; i++)
        if (blocks[i].at != NULL && blocks[i].in_flight) {
            blocks[i].was_at = blocks[i].at;
            if (is_live(&blocks[i]))
                kept_give(&blocks[i]);
            blocks[i].at = NULL;
        }
}

void kept_verify_unclaimed(void)
{
    for (unsigned i = 0; i < kept_count; i++)
        if (blocks[i].was_at != NULL)
            require(cai_find_any(blocks[i].was_at).found != CAI_FOUND_CLAIMED);
}
