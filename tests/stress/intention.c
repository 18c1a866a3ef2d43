/* Blocks of the heap's own form among those of malloc: all four intentions, exact sizes, wiping. Must-zero memory comes
 * zero, grows by zeros and is left as zeros; what is left when it has been given back, the audits of stress.c prove.
 */
#include "lane.h"

#include "base/bits.h"

/* Slots of small blocks stay whole when a block shrinks: what was cut off can be looked at. */
enum { SMALL_BYTES = 32768 };

/* A result of any of the four types. */
struct got {
    void *at;
    size_t size;
    ca_error error;
};

#define GOT(type, call)                                                                                                \
    ({                                                                                                                 \
        type##_result result_ = (call);                                                                                \
        (struct got){result_.ptr, result_.ptr != NULL ? result_.size_or_error : 0, type##_error_of(result_)};          \
    })

static bool must_be_zero(enum kind kind)
{
    return kind == KIND_MUSTZERO || kind == KIND_SECRET;
}

static struct got take(ca_authority heap, enum kind kind, unsigned form, ca_layout layout)
{
    switch (kind) {
    case KIND_NOCAPS:
        return form == 0 ? GOT(ca_nocaps, ca_allocate_nocaps_zeroed(heap, layout))
                         : GOT(ca_nocaps, ca_allocate_nocaps(heap, layout));
    case KIND_MUSTZERO:
        return GOT(ca_mustzero, ca_allocate_mustzero(heap, layout));
    case KIND_SECRET:
        return GOT(ca_secret, ca_allocate_secret(heap, layout));
    default:
        return form == 0   ? GOT(ca_block, ca_allocate_zeroed(heap, layout))
               : form == 1 ? GOT(ca_block, ca_allocate_at_least(heap, layout))
                           : GOT(ca_block, ca_allocate(heap, layout));
    }
}

#define GROW(type)                                                                                                     \
    (zeroed ? GOT(type, type##_grow_zeroed(heaps_to_grow(old->heap), ((type){old->at, old->size}), layout))            \
            : GOT(type, type##_grow(heaps_to_grow(old->heap), ((type){old->at, old->size}), layout)))

static struct got grow(const struct block *old, ca_layout layout, bool zeroed)
{
    switch (old->kind) {
    case KIND_NOCAPS:
        return GROW(ca_nocaps);
    case KIND_MUSTZERO:
        return GROW(ca_mustzero);
    case KIND_SECRET:
        return GROW(ca_secret);
    default:
        return GROW(ca_block);
    }
}

#define SHRINK(type) GOT(type, type##_shrink(((type){old->at, old->size}), layout))

static struct got shrink(const struct block *old, ca_layout layout)
{
    switch (old->kind) {
    case KIND_NOCAPS:
        return SHRINK(ca_nocaps);
    case KIND_MUSTZERO:
        return SHRINK(ca_mustzero);
    case KIND_SECRET:
        return SHRINK(ca_secret);
    default:
        return SHRINK(ca_block);
    }
}

static ca_error check(const struct block *block)
{
    switch (block->kind) {
    case KIND_NOCAPS:
        return ca_nocaps_check((ca_nocaps){block->at, block->size});
    case KIND_MUSTZERO:
        return ca_mustzero_check((ca_mustzero){block->at, block->size});
    case KIND_SECRET:
        return ca_secret_check((ca_secret){block->at, block->size});
    default:
        return ca_block_check((ca_block){block->at, block->size});
    }
}

static void refused(struct lane *lane, const char *what, size_t size, enum heap heap, ca_error error)
{
    if (heaps_may_refuse(heap, error))
        return;
    lane->failures++;
    if (!plan.may_fail || error != CA_ERROR_OUT_OF_MEMORY)
        fail("%s of %zu bytes refused: %s", what, size, ca_error_string(error));
}

void intention_allocate(struct lane *lane, struct block *block)
{
    uint64_t dice = lane_random(lane);
    unsigned form = dice % 4;
    ca_layout layout = {.size = 1 + lane_random_size(lane), .align = 1u << (dice >> 8) % 8};
    enum kind kind = KIND_BLOCK + (dice >> 32) % (KIND_SECRET - KIND_BLOCK + 1);
    enum heap heap = (dice >> 40) % HEAPS;
    struct got got = take(heaps_to_allocate(heap), kind, form, layout);

    if (dice >> 52 == 0) /* one in 4096 */
        heaps_revoke();
    if (got.at == NULL) {
        refused(lane, "allocation", layout.size, heap, got.error);
        return;
    }
    bool may_be_longer = kind == KIND_BLOCK && form == 1;
    if ((uintptr_t)got.at % layout.align != 0 || got.size < layout.size || (!may_be_longer && got.size != layout.size))
        fail("%zu bytes at %p for %zu bytes aligned to %zu", got.size, got.at, layout.size, layout.align);
    if (must_be_zero(kind) || (form == 0 && (kind == KIND_BLOCK || kind == KIND_NOCAPS)))
        block_verify_zero(got.at, got.size);
    block->kind = kind;
    block->heap = heap;
    block_own(block, got.at, got.size, lane->tag++);
}

/* Cleared ahead of being given back, by half of the must-zero blocks. */
static ca_wiped wipe(const struct block *block)
{
    ca_mustzero mustzero = {block->at, block->size};
    ca_secret secret = {block->at, block->size};
    ca_wiped wiped = block->kind == KIND_SECRET ? ca_secret_wipe(&secret) : ca_mustzero_wipe(&mustzero);

    if (wiped.ptr != block->at || wiped.size != block->size)
        fail("wiping %zu bytes at %p gave %zu bytes at %p", block->size, (void *)block->at, wiped.size, wiped.ptr);
    block_verify_zero(block->at, block->size);
    return wiped;
}

void intention_free(const struct block *block)
{
    ca_error error = check(block);

    if (error != CA_OK)
        fail("%zu bytes at %p: %s", block->size, (void *)block->at, ca_error_string(error));
    if (must_be_zero(block->kind) && (block->seed >> 32) % 2 == 0)
        ca_wiped_deallocate(wipe(block));
    else if (block->kind == KIND_SECRET)
        ca_secret_deallocate_zeroed((ca_secret){block->at, block->size});
    else if (block->kind == KIND_MUSTZERO)
        ca_mustzero_deallocate_zeroed((ca_mustzero){block->at, block->size});
    else if (block->kind == KIND_NOCAPS)
        ca_nocaps_deallocate((ca_nocaps){block->at, block->size});
    else
        ca_block_deallocate((ca_block){block->at, block->size});
}

/* The claim is released first: another thread may be given the old memory before a grow has returned here. */
void intention_resize(struct lane *lane, struct block *block)
{
    uint64_t dice = lane_random(lane);
    size_t size = dice % 4 == 0 ? 1 + lane_random(lane) % block->size : block->size + lane_random_size(lane);
    bool zeroed = (dice >> 8) % 2 == 0;
    struct block old = *block;

    block_disown(block);
    struct got got = size < old.size ? shrink(&old, (ca_layout){size, 1})
                                     : grow(&old, (ca_layout){size, 1u << (dice >> 16) % 8}, zeroed);
    if (got.at == NULL) {
        refused(lane, "a new size", size, old.heap, got.error);
        got.at = old.at; /* as it was */
        got.size = old.size;
    } else if (got.size != size || (size < old.size && got.at != old.at)) {
        fail("%zu bytes at %p became %zu bytes at %p instead of %zu", old.size, (void *)old.at, got.size, got.at, size);
    }
    block->at = got.at;
    block_verify(block, cai_min(old.size, got.size));
    if (got.size > old.size && (zeroed || must_be_zero(old.kind)))
        block_verify_zero(block->at + old.size, got.size - old.size);
    if (got.size < old.size && must_be_zero(old.kind) && old.size <= SMALL_BYTES)
        block_verify_zero(block->at + got.size, old.size - got.size);
    block_own(block, got.at, got.size, lane->tag++);
}
