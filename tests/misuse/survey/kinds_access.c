/* Reads and writes outside a live block. A write took effect when another block has changed, a read when it saw one's.
 */
#include "kinds.h"
#include "operators.h"

#include <stdlib.h>
#include <string.h>

static bool write_at(unsigned char *at, size_t length, int value)
{
    for (size_t i = 0; i < length; i++)
        ((volatile unsigned char *)at)[i] = (unsigned char)value;
    scene_passed();
    return scene_changed();
}

static bool read_at(const unsigned char *at, size_t length)
{
    for (size_t i = 0; i < length; i++)
        (void)((const volatile unsigned char *)at)[i];
    scene_passed();
    return scene_overlaps(at, length);
}

static bool over_write_1(struct scene *scene)
{
    return write_at(scene->block + scene->size, 1, SCENE_WRITTEN);
}

static bool over_write_zero(struct scene *scene)
{
    return write_at(scene->block + scene->size, 1, 0);
}

static bool over_write_32(struct scene *scene)
{
    return write_at(scene->block + scene->size, 32, SCENE_WRITTEN);
}

/* Beyond what may be left over in a slot, without having touched that. */
static bool over_write_far(struct scene *scene)
{
    return write_at(scene->block + scene->size + scene->distance, 1, SCENE_WRITTEN);
}

static bool over_read_1(struct scene *scene)
{
    return read_at(scene->block + scene->size, 1);
}

static bool over_read_32(struct scene *scene)
{
    return read_at(scene->block + scene->size, 32);
}

static bool under_write_1(struct scene *scene)
{
    return write_at(scene->block - 1, 1, SCENE_WRITTEN);
}

static bool under_write_32(struct scene *scene)
{
    return write_at(scene->block - 32, 32, SCENE_WRITTEN);
}

static bool under_write_far(struct scene *scene)
{
    return write_at(scene->block - scene->distance, 1, SCENE_WRITTEN);
}

static bool under_read_1(struct scene *scene)
{
    return read_at(scene->block - 1, 1);
}

static bool under_read_32(struct scene *scene)
{
    return read_at(scene->block - 32, 32);
}

static bool over_read_far(struct scene *scene)
{
    return read_at(scene->block + scene->size + scene->distance, 1);
}

static bool under_read_far(struct scene *scene)
{
    return read_at(scene->block - scene->distance, 1);
}

static bool over_memcpy(struct scene *scene)
{
    static unsigned char source[4 << 20];

    memset(source, SCENE_WRITTEN, sizeof source);
    memcpy(scene->block, source, scene->size + scene->distance);
    scene_passed();
    return scene_changed();
}

static bool over_memset(struct scene *scene)
{
    memset(scene->block, SCENE_WRITTEN, scene->size + scene->distance);
    scene_passed();
    return scene_changed();
}

static bool over_strcpy(struct scene *scene)
{
    static char source[4 << 20];

    memset(source, SCENE_WRITTEN, scene->size + scene->distance);
    strcpy((char *)scene->block, source);
    scene_passed();
    return scene_changed();
}

/* What can be written and read back in a block of no size is memory that the block has. */
static bool zero_write(unsigned char *block)
{
    *(volatile unsigned char *)block = SCENE_WRITTEN;
    scene_passed();
    return *(volatile unsigned char *)block == SCENE_WRITTEN;
}

static bool zero_read(unsigned char *block)
{
    (void)*(volatile unsigned char *)block;
    scene_passed();
    return true;
}

static bool zero_malloc_write(struct scene *scene)
{
    (void)scene;
    return zero_write(malloc(0));
}

static bool zero_malloc_read(struct scene *scene)
{
    (void)scene;
    return zero_read(malloc(0));
}

static bool zero_calloc_write(struct scene *scene)
{
    return zero_write(calloc(0, scene->size));
}

static bool zero_calloc_read(struct scene *scene)
{
    return zero_read(calloc(0, scene->size));
}

static bool zero_new_write(struct scene *scene)
{
    (void)scene;
    return zero_write(new_one(0));
}

static bool zero_new_read(struct scene *scene)
{
    (void)scene;
    return zero_read(new_one(0));
}

static bool zero_aligned_write(struct scene *scene)
{
    (void)scene;
    return zero_write(aligned_alloc(64, 0));
}

static bool zero_aligned_read(struct scene *scene)
{
    (void)scene;
    return zero_read(aligned_alloc(64, 0));
}

const struct kind survey_accesses[] = {
    {"write of the byte behind", "sml", over_write_1},
    {"write of a zero behind", "sml", over_write_zero},
    {"write of 32 bytes behind", "sml", over_write_32},
    {"write of a byte at +1 to +64", "sml", over_write_far},
    {"read of the byte behind", "sml", over_read_1},
    {"read of 32 bytes behind", "sml", over_read_32},
    {"read of a byte at +1 to +64", "sml", over_read_far},
    {"write of the byte before", "sml", under_write_1},
    {"write of 32 bytes before", "sml", under_write_32},
    {"write of a byte at -1 to -64", "sml", under_write_far},
    {"read of the byte before", "sml", under_read_1},
    {"read of 32 bytes before", "sml", under_read_32},
    {"read of a byte at -1 to -64", "sml", under_read_far},
    {"memcpy that is too long", "sml", over_memcpy},
    {"memset that is too long", "sml", over_memset},
    {"strcpy that is too long", "sml", over_strcpy},
    {"write to a block of malloc(0)", "s", zero_malloc_write},
    {"read of a block of malloc(0)", "s", zero_malloc_read},
    {"write to a block of calloc(0)", "s", zero_calloc_write},
    {"read of a block of calloc(0)", "s", zero_calloc_read},
    {"write to a block of new(0)", "s", zero_new_write},
    {"read of a block of new(0)", "s", zero_new_read},
    {"write to a block of aligned_alloc(0)", "s", zero_aligned_write},
    {"read of a block of aligned_alloc(0)", "s", zero_aligned_read},
    {NULL, NULL, NULL},
};
