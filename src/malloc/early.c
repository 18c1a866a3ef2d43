/* See early.h. Nothing here may need a relocation, not even a call of memcpy, which compilers like to make of loops. */
#include "malloc/early.h"

#include "heaps/heaps.h"

enum { GRANULE = 16, ARENA = 64 << 10 };

static struct {
    char bytes[ARENA] __attribute__((aligned(GRANULE)));
    unsigned size[ARENA / GRANULE]; /* of the block that begins here */
    size_t used;
} arena;

/* An address that the dynamic linker writes; code finds it relative to itself. */
static void *const volatile written = &arena;

/* Then come the thread-local variables, all zero until every library has been relocated. */
bool cai_early(void)
{
    return written != &arena || cai_self == NULL;
}

struct cai_doors cai_doors;

void cai_early_end(void)
{
    static uint32_t ended; /* atomic */
    uint32_t not_yet = 0;

    if (!cai_swap_strong_acq_rel(&ended, &not_yet, 1))
        return;
    cai_store_relaxed(&cai_doors.fine_below, CAI_FINE_BYTES_MAX + 1);
    cai_store_relaxed(&cai_doors.small_below, CAI_SMALL_BYTES_MAX + 1);
    cai_sealed_close(&cai_doors);
}

void *cai_early_allocate(size_t size, size_t align)
{
    uintptr_t base = (uintptr_t)arena.bytes;

    if (size > ARENA || align > ARENA)
        return NULL;
    size_t start = cai_round_up(base + arena.used, cai_max(align, GRANULE)) - base;
    size_t bytes = cai_round_up(cai_max(size, 1), GRANULE);
    if (start + bytes > ARENA)
        return NULL;
    arena.size[start / GRANULE] = (unsigned)bytes;
    arena.used = start + bytes;
    return arena.bytes + start;
}

bool cai_early_owns(const void *block)
{
    return (uintptr_t)block - (uintptr_t)arena.bytes < ARENA;
}

size_t cai_early_usable(const void *block)
{
    return arena.size[((uintptr_t)block - (uintptr_t)arena.bytes) / GRANULE];
}

void *cai_early_resize(void *block, size_t size)
{
    char *moved = cai_early_allocate(size, GRANULE);
    const volatile char *from = block;

    if (moved != NULL && block != NULL)
        for (size_t i = 0; i < cai_min(size, cai_early_usable(block)); i++)
            moved[i] = from[i];
    return moved;
}
