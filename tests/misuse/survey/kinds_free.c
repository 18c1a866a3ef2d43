/* What must not be given back, or not so. */
#include "kinds.h"
#include "operators.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BLOCKS_AFTER = 64 };

/* Gives `address` back; it took effect when a later block lies over it. */
static bool give(struct scene *scene, void *address)
{
    free(address);
    scene_passed();
    return scene_more(scene, BLOCKS_AFTER, address, true) != NULL || scene_changed();
}

/* The second free; it took effect when two of the blocks that follow are one. */
static bool give_twice(struct scene *scene)
{
    free(scene->block);
    scene_passed();
    unsigned times = 0;
    for (unsigned i = 0; i < BLOCKS_AFTER; i++)
        times += scene_more(scene, 1, scene->block, false) == scene->block;
    return times > 1;
}

static bool double_free(struct scene *scene)
{
    free(scene->block);
    scene_gone(scene);
    return give_twice(scene);
}

static bool double_free_after_one(struct scene *scene)
{
    void *other = malloc(scene->size);

    free(scene->block);
    scene_gone(scene);
    free(other);
    return give_twice(scene);
}

static bool double_free_later(struct scene *scene)
{
    free(scene->block);
    scene_gone(scene);
    scene_others(2000);
    return give_twice(scene);
}

static void *free_there(void *block)
{
    free(block);
    return NULL;
}

static bool double_free_across(struct scene *scene)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, free_there, scene->block) != 0 || pthread_join(thread, NULL) != 0)
        return false;
    scene_gone(scene);
    return give_twice(scene);
}

/* Somebody else may have the block by now, and loses it. */
static bool double_free_reused(struct scene *scene)
{
    free(scene->block);
    scene_gone(scene);
    unsigned char *theirs = scene_more(scene, 1, scene->block, false);
    free(scene->block);
    scene_passed();
    return theirs != NULL;
}

static bool free_misaligned(struct scene *scene)
{
    return give(scene, scene->block + 1 + scene->distance % 7);
}

static bool free_interior(struct scene *scene)
{
    return give(scene, scene->block + (scene->size > 32 ? 16 : 1));
}

static bool free_middle(struct scene *scene)
{
    return give(scene, scene->block + (scene->size / 2 > 16 ? scene->size / 2 & ~(size_t)15 : 1));
}

static bool free_before(struct scene *scene)
{
    unsigned char *before = scene->block - 16;

    return give(scene, scene_starts(before) ? before + 8 : before); /* not what is a block */
}

static bool free_behind(struct scene *scene)
{
    unsigned char *end = scene->block + ((scene->size + 15) & ~(size_t)15);

    return give(scene, scene_starts(end) ? end + 8 : end);
}

/* A block that the program made up, with the sizes before and behind it that glibc would look at. */
static bool give_made_up(struct scene *scene, unsigned char *memory, size_t room)
{
    size_t chunk = ((scene->size + 8 + 15) & ~(size_t)15) + 16;
    size_t words[2] = {0, chunk | 1};

    memcpy(memory, words, sizeof words);
    if (chunk + 16 <= room)
        memcpy(memory + chunk, words, sizeof words);
    free(memory + 16);
    scene_passed();
    return scene_more(scene, BLOCKS_AFTER, memory + 16, true) != NULL;
}

static bool free_stack(struct scene *scene)
{
    _Alignas(16) unsigned char memory[32768] = {0};

    return give_made_up(scene, memory, sizeof memory);
}

static bool free_static(struct scene *scene)
{
    static _Alignas(16) unsigned char memory[4 << 20];

    return give_made_up(scene, memory, sizeof memory);
}

static bool free_mapped(struct scene *scene)
{
    enum { ROOM = 4 << 20 };
    unsigned char *memory = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory != MAP_FAILED && give_made_up(scene, memory, ROOM);
}

static bool free_unmapped(struct scene *scene)
{
    unsigned char *memory = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(memory, 1 << 20);
    return give(scene, memory + 4096 + 16);
}

static bool free_code(struct scene *scene)
{
    return give(scene, (void *)((uintptr_t)free_code & ~(uintptr_t)15));
}

static bool realloc_freed(struct scene *scene)
{
    free(scene->block);
    scene_gone(scene);
    void *result = realloc(scene->block, scene->size + 1);
    scene_passed();
    return result != NULL;
}

static bool realloc_interior(struct scene *scene)
{
    void *result = realloc(scene->block + (scene->size > 32 ? 16 : 1), scene->size);

    scene_passed();
    return result != NULL;
}

/* Nothing is left that could take no effect: who lets it pass has not seen it. */
static bool let_pass(void)
{
    scene_passed();
    return true;
}

static bool new_free(struct scene *scene)
{
    free(new_one(scene->size));
    return let_pass();
}

static bool new_array_free(struct scene *scene)
{
    free(new_array(scene->size));
    return let_pass();
}

static bool new_delete_array(struct scene *scene)
{
    delete_array(new_one(scene->size));
    return let_pass();
}

static bool new_array_delete(struct scene *scene)
{
    delete_one(new_array(scene->size));
    return let_pass();
}

static bool malloc_delete(struct scene *scene)
{
    delete_one(malloc(scene->size));
    return let_pass();
}

static bool malloc_delete_array(struct scene *scene)
{
    delete_array(malloc(scene->size));
    return let_pass();
}

static bool sized_smaller(struct scene *scene)
{
    delete_sized(new_one(scene->size + 64), scene->size);
    return let_pass();
}

static bool sized_larger(struct scene *scene)
{
    delete_sized(new_one(scene->size), scene->size + scene->distance);
    return let_pass();
}

static bool aligned_as_plain(struct scene *scene)
{
    delete_one(new_aligned(scene->size, 128));
    return let_pass();
}

static bool plain_as_aligned(struct scene *scene)
{
    delete_aligned(new_one(scene->size), 128);
    return let_pass();
}

static bool aligned_otherwise(struct scene *scene)
{
    delete_aligned(new_aligned(scene->size, 64), 256);
    return let_pass();
}

/* Of a block of so many bytes. */
static bool sized_free(size_t size, size_t stated)
{
    void (*free_stated)(void *, size_t) = find_free_sized();

    if (free_stated != NULL)
        free_stated(malloc(size), stated);
    scene_passed();
    return free_stated != NULL;
}

static bool free_sized_smaller(struct scene *scene)
{
    return sized_free(scene->size + scene->distance, scene->size);
}

static bool free_sized_larger(struct scene *scene)
{
    return sized_free(scene->size, scene->size + scene->distance);
}

const struct kind survey_frees[] = {
    {"double free", "sml", double_free},
    {"double free, another block freed between", "sml", double_free_after_one},
    {"double free, much later", "sml", double_free_later},
    {"double free, the first by another thread", "sml", double_free_across},
    {"double free, a block of the size taken between", "sml", double_free_reused},
    {"free of a misaligned address", "sml", free_misaligned},
    {"free of an address inside", "sml", free_interior},
    {"free of the middle", "sml", free_middle},
    {"free of 16 bytes before", "sml", free_before},
    {"free of the end", "sml", free_behind},
    {"free of a made-up block on the stack", "sm", free_stack},
    {"free of a made-up static block", "sml", free_static},
    {"free of a made-up block in a mapping", "sml", free_mapped},
    {"free of what is not mapped", "s", free_unmapped},
    {"free of code", "s", free_code},
    {"realloc of a freed block", "sml", realloc_freed},
    {"realloc of an address inside", "sml", realloc_interior},
    {"new, free", "sml", new_free},
    {"new[], free", "sml", new_array_free},
    {"new, delete[]", "sml", new_delete_array},
    {"new[], delete", "sml", new_array_delete},
    {"malloc, delete", "sml", malloc_delete},
    {"malloc, delete[]", "sml", malloc_delete_array},
    {"delete with a size too small", "sml", sized_smaller},
    {"delete with a size too large", "sml", sized_larger},
    {"aligned new, plain delete", "s", aligned_as_plain},
    {"plain new, aligned delete", "s", plain_as_aligned},
    {"aligned new, delete with another alignment", "s", aligned_otherwise},
    {"free_sized with a size too small", "sml", free_sized_smaller},
    {"free_sized with a size too large", "sml", free_sized_larger},
    {NULL, NULL, NULL},
};
