/* Every way by which bytes cease to be a live block's, door by door: what was the block's is nobody's until the
 * quarantine lets it go. A row of the table in docs/revocation.md each. */
#include "unit/unit.h"

#include "core/settings.h"
#include "heaps/heaps.h"
#include "support/audit.h"
#include "support/child.h"

#include <capalloc/cap.h>
#include <capalloc/capalloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

/* What was a block's and is not any more. */
struct gone {
    uintptr_t address;
    size_t bytes;
};

struct door {
    const char *name;
    struct gone (*close)(size_t bytes); /* takes a block and gives it back by this door */
    size_t least;                       /* bytes that it is for */
};

static void *filled(void *block, size_t bytes)
{
    require(block != NULL);
    return memset(block, 0x77, bytes);
}

#define DOOR(name) static struct gone name(size_t bytes)
#define BY(address)                                                                                                    \
    return (struct gone)                                                                                               \
    {                                                                                                                  \
        (uintptr_t)(address), bytes                                                                                    \
    }

DOOR(by_free)
{
    void *block = filled(ca_malloc(bytes), bytes);
    ca_free(block);
    BY(block);
}

DOOR(by_free_sized)
{
    void *block = filled(ca_malloc(bytes), bytes);
    ca_free_sized(block, bytes);
    BY(block);
}

DOOR(by_free_aligned_sized)
{
    void *block = filled(ca_aligned_alloc(64, cai_round_up(bytes, 64)), bytes);
    ca_free_aligned_sized(block, 64, cai_round_up(bytes, 64));
    BY(block);
}

DOOR(by_realloc_that_grows)
{
    void *block = filled(ca_malloc(bytes), bytes);
    void *behind = ca_malloc(bytes); /* so that it cannot grow in place */
    void *moved = ca_realloc(block, 4 * bytes);
    require(behind != NULL && moved != NULL);
    if (moved == block)
        return (struct gone){0, 0}; /* a large block that grew in place is the same block */
    BY(block);
}

DOOR(by_realloc_that_shrinks)
{
    void *block = filled(ca_malloc(bytes), bytes);
    char *less = ca_realloc(block, bytes / 8 + 1);
    require(less != NULL);
    if (less != block)
        BY(block);
    size_t kept = bytes / 8 + 1; /* in place: the tail stays with the block */
    return (struct gone){(uintptr_t)block + kept, bytes - kept};
}

DOOR(by_realloc_to_nothing)
{
    void *block = filled(ca_malloc(bytes), bytes);
    require(ca_realloc(block, 0) == NULL);
    BY(block);
}

static void *free_it(void *block)
{
    ca_free(block);
    return NULL;
}

DOOR(by_another_thread)
{
    void *block = filled(ca_malloc(bytes), bytes);
    pthread_t thread;
    require(pthread_create(&thread, NULL, free_it, block) == 0 && pthread_join(thread, NULL) == 0);
    BY(block);
}

static pthread_key_t key;

static void *leave(void *bytes)
{
    void *block = filled(ca_malloc((uintptr_t)bytes), (uintptr_t)bytes);
    pthread_setspecific(key, block);
    return block;
}

/* By a destructor that may run after the library's own. */
DOOR(by_a_thread_that_ends)
{
    pthread_t thread;
    void *block;
    require(pthread_key_create(&key, ca_free) == 0);
    require(pthread_create(&thread, NULL, leave, (void *)bytes) == 0 && pthread_join(thread, &block) == 0);
    require(pthread_key_delete(key) == 0);
    BY(block);
}

#define TYPED_DOOR(name, type, allocate, deallocate)                                                                   \
    DOOR(name)                                                                                                         \
    {                                                                                                                  \
        type block = ca_unwrap(allocate(ca_default_authority(), (ca_layout){bytes, 16}));                              \
        filled(block.ptr, bytes);                                                                                      \
        deallocate(block);                                                                                             \
        BY(block.ptr);                                                                                                 \
    }
TYPED_DOOR(by_ca_deallocate, ca_block, ca_allocate, ca_deallocate)
TYPED_DOOR(by_ca_deallocate_nocaps, ca_nocaps, ca_allocate_nocaps, ca_deallocate)
TYPED_DOOR(by_ca_deallocate_zeroed, ca_mustzero, ca_allocate_mustzero, ca_deallocate_zeroed)
TYPED_DOOR(by_ca_deallocate_zeroed_secret, ca_secret, ca_allocate_secret, ca_deallocate_zeroed)

DOOR(by_ca_deallocate_wiped)
{
    ca_mustzero block = ca_unwrap(ca_allocate_mustzero(ca_default_authority(), (ca_layout){bytes, 16}));
    void *address = filled(block.ptr, bytes);
    ca_deallocate(ca_wipe(&block));
    BY(address);
}

DOOR(by_ca_shrink_to_nothing)
{
    ca_block block = ca_unwrap(ca_allocate(ca_default_authority(), (ca_layout){bytes, 16}));
    require(ca_is_ok(ca_shrink(block, (ca_layout){0, 16})));
    BY(block.ptr);
}

DOOR(by_ca_shrink)
{
    ca_block block = ca_unwrap(ca_allocate(ca_default_authority(), (ca_layout){bytes, 16}));
    require(ca_is_ok(ca_shrink(block, (ca_layout){bytes / 8 + 1, 16})));
    return (struct gone){(uintptr_t)block.ptr + bytes / 8 + 1, bytes - bytes / 8 - 1};
}

DOOR(by_ca_grow)
{
    ca_block block = ca_unwrap(ca_allocate(ca_default_authority(), (ca_layout){bytes, 16}));
    void *behind = ca_malloc(bytes);
    ca_block grown = ca_unwrap(ca_grow(ca_default_authority(), block, (ca_layout){4 * bytes, 16}));
    require(behind != NULL);
    if (grown.ptr == block.ptr)
        return (struct gone){0, 0};
    BY(block.ptr);
}

DOOR(by_ca_cap_deallocate)
{
    ca_cap cap = ca_cap_unwrap(ca_cap_allocate(ca_default_authority(), (ca_layout){bytes, 16}));
    void *address = (void *)(uintptr_t)ca_cap_address_get(cap);
    require(ca_cap_deallocate(cap) == CA_OK);
    BY(address);
}

DOOR(by_ca_dealloc)
{
    void *block = filled(ca_alloc((ca_layout){bytes, 16}), bytes);
    ca_dealloc(block, (ca_layout){bytes, 16});
    BY(block);
}

static ca_authority heap_for(size_t bytes)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority heap;

    options.quota_bytes = 64 * MIB + 4 * bytes;
    require(ca_heap_create(&options, &heap) == CA_OK);
    return heap;
}

DOOR(by_ca_deallocate_of_a_heap)
{
    ca_block block = ca_unwrap(ca_allocate(heap_for(bytes), (ca_layout){bytes, 16}));
    ca_deallocate(block);
    BY(block.ptr);
}

DOOR(by_ca_heap_destroy)
{
    ca_authority heap = heap_for(bytes);
    ca_block block = ca_unwrap(ca_allocate(heap, (ca_layout){bytes, 16}));
    filled(block.ptr, bytes);
    require(ca_heap_destroy(heap) == CA_OK);
    BY(block.ptr);
}

DOOR(by_ca_free_all)
{
    ca_authority heap = heap_for(bytes);
    ca_block block = ca_unwrap(ca_allocate(heap, (ca_layout){bytes, 16}));
    filled(block.ptr, bytes);
    require(ca_free_all(heap) == CA_OK);
    BY(block.ptr);
}

static const struct door doors[] = {
#define ROW(name)                                                                                                      \
    {                                                                                                                  \
#name, name, 0                                                                                                 \
    }
    ROW(by_free),
    ROW(by_free_sized),
    ROW(by_free_aligned_sized),
    ROW(by_realloc_that_grows),
    ROW(by_realloc_that_shrinks),
    ROW(by_realloc_to_nothing),
    ROW(by_another_thread),
    ROW(by_a_thread_that_ends),
    ROW(by_ca_deallocate),
    ROW(by_ca_deallocate_nocaps),
    ROW(by_ca_deallocate_zeroed),
    ROW(by_ca_deallocate_zeroed_secret),
    ROW(by_ca_deallocate_wiped),
    ROW(by_ca_shrink_to_nothing),
    ROW(by_ca_shrink),
    ROW(by_ca_grow),
    ROW(by_ca_cap_deallocate),
    ROW(by_ca_dealloc),
    ROW(by_ca_deallocate_of_a_heap),
    ROW(by_ca_heap_destroy),
    ROW(by_ca_free_all),
#undef ROW
};

static volatile uintptr_t pointer; /* for sweeps, where this runs with them */

static bool overlaps(struct gone gone, const void *block, size_t bytes)
{
    return (uintptr_t)block < gone.address + gone.bytes && gone.address < (uintptr_t)block + bytes;
}

/* Less is given back than may wait, and nothing that is taken meanwhile is what is gone. */
static void churn(struct gone gone, size_t bytes, const char *door)
{
    enum cai_place place = cai_place_of((void *)gone.address);

    pointer = gone.address;
    if (cai_settings->revoke) { /* what is pointed to stays through any number of sweeps, and what they give back */
        cai_quarantine_release();
        cai_quarantine_release();
    }
    ca_trim();
    for (size_t freed = 0; freed < 3 * MIB; freed += bytes) {
        void *block = cai_allocate(place, bytes, false);
        if (block == NULL || overlaps(gone, block, bytes))
            child_fail(__FILE__, __LINE__, door);
        cai_free(place, block, door);
    }
}

static void close_every_door(void)
{
    static const size_t sizes[] = {16, 48, 200, 512, 2000, 32768, 50000, 400000};

    for (unsigned i = 0; i < sizeof doors / sizeof doors[0]; i++)
        for (unsigned j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            cai_quarantine_release();
            struct gone gone = doors[i].close(sizes[j]);
            if (gone.bytes == 0)
                continue;
            enum cai_found found = cai_find_any((void *)gone.address).found;
            if (found != CAI_FOUND_FREED && found != CAI_FOUND_INSIDE_LIVE)
                child_fail(__FILE__, __LINE__, doors[i].name);
            churn(gone, sizes[j], doors[i].name);
        }
    require_null(audit_heap());
    cai_quarantine_release();
    require_null(audit_heap());
    require_null(audit_zeros(true));
}

CHILD_TEST(test_R3_R8_what_ceases_to_be_a_block_by_any_door_waits, 300)
{
    close_every_door();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_R3_R8_what_ceases_to_be_a_block_by_any_door_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
