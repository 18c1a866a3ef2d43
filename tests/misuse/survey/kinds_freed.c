/* What becomes of freed memory, and of who still has its address. */
#include "kinds.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCKS_AFTER = 64 };

static size_t somewhere(const struct scene *scene)
{
    return scene->distance % scene->size;
}

/* Frees the block, and says what stood at that place in it. */
static unsigned char free_it(struct scene *scene)
{
    unsigned char stood = scene->block[somewhere(scene)];

    free(scene->block);
    scene_gone(scene);
    return stood;
}

/* The write takes effect when the next owner gets it. */
static bool write_then_reuse(struct scene *scene)
{
    free_it(scene);
    *(volatile unsigned char *)(scene->block + somewhere(scene)) = SCENE_WRITTEN;
    scene_passed();
    unsigned char *theirs = scene_more(scene, BLOCKS_AFTER, scene->block + somewhere(scene), true);
    return theirs != NULL && scene->block[somewhere(scene)] == SCENE_WRITTEN;
}

static bool write_then_calloc(struct scene *scene)
{
    free_it(scene);
    *(volatile unsigned char *)(scene->block + somewhere(scene)) = SCENE_WRITTEN;
    scene_passed();
    for (unsigned i = 0; i < BLOCKS_AFTER; i++) {
        unsigned char *one = calloc(1, scene->size);
        for (size_t at = 0; one != NULL && at < 64 && at < scene->size; at++)
            if (one[at] != 0)
                return true;
    }
    return false;
}

/* As many blocks later as it takes. */
static bool write_until_reuse(struct scene *scene)
{
    free_it(scene);
    *(volatile unsigned char *)(scene->block + somewhere(scene)) = SCENE_WRITTEN;
    scene_passed();
    unsigned char *theirs = scene_until(scene, scene->block + somewhere(scene), true);
    return theirs != NULL && scene->block[somewhere(scene)] == SCENE_WRITTEN;
}

/* Somebody else has the block when it is written to. */
static bool reuse_then_write(struct scene *scene)
{
    free_it(scene);
    scene_more(scene, BLOCKS_AFTER, scene->block, false);
    *(volatile unsigned char *)(scene->block + somewhere(scene)) = SCENE_WRITTEN;
    scene_passed();
    return scene_changed();
}

static bool reuse_later_then_write(struct scene *scene)
{
    free_it(scene);
    scene_until(scene, scene->block + somewhere(scene), false);
    *(volatile unsigned char *)(scene->block + somewhere(scene)) = SCENE_WRITTEN;
    scene_passed();
    return scene_changed();
}

static bool reuse_then_read(struct scene *scene)
{
    free_it(scene);
    scene_more(scene, BLOCKS_AFTER, scene->block, false);
    (void)*(volatile unsigned char *)(scene->block + somewhere(scene));
    scene_passed();
    return scene_overlaps(scene->block + somewhere(scene), 1);
}

static bool read_freed(struct scene *scene)
{
    unsigned char stood = free_it(scene);
    unsigned char read = *(volatile unsigned char *)(scene->block + somewhere(scene));

    scene_passed();
    return read == stood;
}

static bool read_freed_end(struct scene *scene)
{
    unsigned char stood = scene->block[scene->size - 1];

    free_it(scene);
    unsigned char read = *(volatile unsigned char *)(scene->block + scene->size - 1);
    scene_passed();
    return read == stood;
}

static bool read_freed_later(struct scene *scene)
{
    unsigned char stood = free_it(scene);

    scene_others(2000);
    unsigned char read = *(volatile unsigned char *)(scene->block + somewhere(scene));
    scene_passed();
    return read == stood;
}

/* Nobody does wrong yet who takes a block and reads what the last owner left. */
static bool content_of_last_owner(struct scene *scene)
{
    unsigned char stood = free_it(scene);

    for (unsigned i = 0; i < BLOCKS_AFTER; i++) {
        unsigned char *one = malloc(scene->size);
        if (one == scene->block && one[somewhere(scene)] == stood) {
            scene_passed();
            return true;
        }
    }
    scene_passed();
    return false;
}

static bool reused_at_once(struct scene *scene)
{
    free_it(scene);
    unsigned char *next = malloc(scene->size);
    scene_passed();
    return next == scene->block;
}

static bool reused_soon(struct scene *scene)
{
    free_it(scene);
    bool again = scene_more(scene, 16, scene->block, false) == scene->block;
    scene_passed();
    return again;
}

const struct kind survey_freed[] = {
    {"write to a freed block, then its reuse", "sml", write_then_reuse},
    {"write to a freed block, its reuse much later", "sml", write_until_reuse},
    {"write to a freed block, then calloc", "sml", write_then_calloc},
    {"write to a freed block that is somebody's again", "sml", reuse_then_write},
    {"write to a freed block that is somebody's again, much later", "sml", reuse_later_then_write},
    {"read of a freed block that is somebody's again", "sml", reuse_then_read},
    {"read of a freed block", "sml", read_freed},
    {"read of a freed block's last byte", "sml", read_freed_end},
    {"read of a freed block, much later", "sml", read_freed_later},
    {"content of the last owner in a new block", "sml", content_of_last_owner},
    {"reuse at once", "sml", reused_at_once},
    {"reuse within 16 blocks", "sml", reused_soon},
    {NULL, NULL, NULL},
};
