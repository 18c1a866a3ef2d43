/* Makes one mistake, which the first argument names, or none, with blocks of the form that the second names. The line
 * of each mistake carries its name. */
#include <capalloc/capalloc.h>
#include <capalloc/malloc.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES = 48 }; /* as long as a slot */

static ca_authority heap;
static ca_arena arena;
static volatile char sink;
static void **volatile kept;

/* A block of BYTES bytes, and how it goes back. */
struct form {
    const char *name;
    char *(*take)(size_t bytes);
    void (*give)(char *block, size_t bytes);
};

#define FOR_TYPE(name, type, allocate, deallocate)                                                                     \
    static char *name##_take(size_t bytes)                                                                             \
    {                                                                                                                  \
        type##_result made = allocate(heap, CA_LAYOUT_ARRAY(char, bytes));                                             \
        return made.ptr;                                                                                               \
    }                                                                                                                  \
    static void name##_give(char *block, size_t bytes)                                                                 \
    {                                                                                                                  \
        deallocate((type){.ptr = block, .size = bytes});                                                               \
    }
FOR_TYPE(block, ca_block, ca_allocate, ca_deallocate)
FOR_TYPE(nocaps, ca_nocaps, ca_allocate_nocaps, ca_deallocate)
FOR_TYPE(mustzero, ca_mustzero, ca_allocate_mustzero, ca_deallocate_zeroed)
FOR_TYPE(secret, ca_secret, ca_allocate_secret, ca_deallocate_zeroed)

static char *malloc_take(size_t bytes)
{
    return ca_malloc(bytes);
}

static void malloc_give(char *block, size_t bytes)
{
    (void)bytes;
    ca_free(block);
}

static char *arena_take(size_t bytes)
{
    return CA_ARENA_ARRAY(&arena, char, bytes);
}

static void arena_give(char *block, size_t bytes)
{
    (void)block;
    (void)bytes;
    ca_arena_reset(&arena);
}

static char *quota_take(size_t bytes)
{
    static ca_authority limited;

    ca_heap_options options = CA_HEAP_OPTIONS_INIT;

    options.quota_bytes = (size_t)8 << 20;
    if (limited.opaque[0] == 0 && ca_heap_create(&options, &limited) != CA_OK)
        return NULL;
    return ca_allocate(limited, CA_LAYOUT_ARRAY(char, bytes)).ptr;
}

static const struct form forms[] = {
    {"block", block_take, block_give},          {"nocaps", nocaps_take, nocaps_give},
    {"mustzero", mustzero_take, mustzero_give}, {"secret", secret_take, secret_give},
    {"malloc", malloc_take, malloc_give},       {"arena", arena_take, arena_give},
    {"quota", quota_take, block_give},
};

/* Everything that is right, and where a tool might think otherwise. */
static void none(const struct form *form)
{
    enum { SIZES = 24 };
    char *blocks[SIZES];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < SIZES; i++) {
            size_t bytes = (size_t)1 << i % 18;
            blocks[i] = form->take(bytes);
            memset(blocks[i], i, bytes);
        }
        for (int i = 0; i < SIZES; i++)
            form->give(blocks[i], (size_t)1 << i % 18);
    }
    ca_block_result made = ca_allocate(heap, CA_LAYOUT_ARRAY(char, 100));
    memset(made.ptr, 1, 100);
    ca_block longer = ca_unwrap(ca_grow_zeroed(heap, ca_unwrap(made), CA_LAYOUT_ARRAY(char, 70000)));
    sink = ((char *)longer.ptr)[69999];
    ca_block shorter = ca_unwrap(ca_shrink(longer, CA_LAYOUT_ARRAY(char, 10)));
    sink = ((char *)shorter.ptr)[9];
    ca_deallocate(shorter);
    char *text = ca_malloc(10);
    memset(text, 'a', 10);
    text = ca_realloc(text, 200000);
    memset(text, 'b', 200000);
    text = ca_realloc(text, 20);
    sink = text[19];
    memset(text, 'c', ca_malloc_usable_size(text));
    ca_free(text);
    ca_block room = ca_unwrap(ca_allocate_at_least(heap, CA_LAYOUT_ARRAY(char, 33)));
    memset(room.ptr, 1, room.size);
    ca_deallocate(room);
    ca_mustzero key = ca_unwrap(ca_allocate_mustzero(heap, CA_LAYOUT_ARRAY(char, 300)));
    memset(key.ptr, 1, key.size);
    ca_wiped wiped = ca_wipe(&key);
    ca_deallocate(wiped);
    ca_trim();
    /* A block of the program's own malloc that only one of ours points to is no leak. */
    void **box = ca_allocate(heap, CA_LAYOUT_OF(void *)).ptr;
    *box = malloc(77);
    kept = box;
}

static void leak(const struct form *form)
{
    char *block = form->take(BYTES); /* leak */
    *block = 1;
    memset(&arena, 0, sizeof arena); /* what it has is lost when it is */
}

static void overflow(const struct form *form)
{
    char *block = form->take(BYTES);
    block[BYTES] = 1; /* overflow */
    form->give(block, BYTES);
}

static void after(const struct form *form)
{
    char *block = form->take(BYTES);
    block[3] = 1;
    form->give(block, BYTES);
    sink = block[3]; /* after */
}

static void large(const struct form *form)
{
    char *block = form->take(1 << 20);
    block[1 << 20] = 1; /* large */
    form->give(block, 1 << 20);
}

static void old(const struct form *form)
{
    char *block = form->take(BYTES);
    ca_block short_one = {.ptr = block, .size = BYTES};
    ca_block longer = ca_unwrap(ca_grow(heap, short_one, CA_LAYOUT_ARRAY(char, BYTES + 1)));
    block[0] = 1; /* old */
    ca_deallocate(longer);
}

static void cut(const struct form *form)
{
    char *block = form->take(BYTES);
    ca_block long_one = {.ptr = block, .size = BYTES};
    ca_block shorter = ca_unwrap(ca_shrink(long_one, CA_LAYOUT_ARRAY(char, 9)));
    block[9] = 1; /* cut */
    ca_deallocate(shorter);
}

/* What is on the stack of a call that is over may still point to the block. */
static __attribute__((noinline)) void clear_stack(void)
{
    volatile char over[16384];

    for (size_t i = 0; i < sizeof over; i++)
        over[i] = 0;
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*make)(const struct form *form);
    } mistakes[] = {{"none", none}, {"leak", leak}, {"overflow", overflow}, {"after", after}, {"large", large},
                    {"old", old},   {"cut", cut}};

    heap = ca_default_authority();
    ca_arena_init(&arena, ca_heap_allocator(heap));
    for (size_t i = 0; count == 3 && i < sizeof mistakes / sizeof *mistakes; i++)
        for (size_t j = 0; j < sizeof forms / sizeof *forms; j++)
            if (strcmp(mistakes[i].name, arguments[1]) == 0 && strcmp(forms[j].name, arguments[2]) == 0)
                mistakes[i].make(&forms[j]);
    clear_stack();
    return 0;
}
