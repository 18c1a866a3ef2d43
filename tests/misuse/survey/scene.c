/* Who is live and with what content is known by this table; it is no part of the heap that is looked at. */
#include "scene.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIVE_MAX = 8192, EDGE = 256, LARGE = 65536 };

static struct {
    unsigned char *at;
    size_t size;
    unsigned char fill;
    bool own; /* the one that is misused: what happens inside it is its own affair */
} live[LIVE_MAX];
static unsigned live_count;
static uint64_t random_state;

static uint64_t next_random(void)
{
    random_state += 0x9e3779b97f4a7c15;
    uint64_t mixed = (random_state ^ (random_state >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

static size_t random_between(size_t least, size_t most)
{
    return least + next_random() % (most - least + 1);
}

/* Large blocks are filled at both ends: no misuse reaches further. */
static void fill(unsigned index)
{
    size_t edge = live[index].size < 2 * EDGE ? live[index].size : EDGE;

    memset(live[index].at, live[index].fill, edge);
    memset(live[index].at + live[index].size - edge, live[index].fill, edge);
}

static bool filled(unsigned index)
{
    size_t edge = live[index].size < 2 * EDGE ? live[index].size : EDGE;

    for (size_t i = 0; i < edge; i++)
        if (live[index].at[i] != live[index].fill || live[index].at[live[index].size - 1 - i] != live[index].fill)
            return false;
    return true;
}

static unsigned char *take(size_t size, bool filling)
{
    unsigned char *at = malloc(size);

    if (at == NULL || live_count == LIVE_MAX)
        _exit(7);
    live[live_count].at = at;
    live[live_count].size = size;
    live[live_count].own = false;
    live[live_count].fill = (unsigned char)('A' + live_count % 26);
    if (filling)
        fill(live_count);
    live_count++;
    return at;
}

static void forget(unsigned index)
{
    live[index] = live[--live_count];
}

/* Half of the sizes are such that nothing is left over in a slot of any allocator's. */
static size_t pick_size(char measure)
{
    bool even = next_random() % 2 == 0;

    switch (measure) {
    case 's':
        return even ? (size_t)16 << random_between(0, 3) : random_between(1, 256);
    case 'm':
        return even ? (size_t)512 << random_between(0, 4) : random_between(257, 16000);
    default:
        return even ? (size_t)262144 << random_between(0, 2) : random_between(200000, 2000000);
    }
}

/* Some of the last ones, each as likely to go as to stay. */
static void make_holes(unsigned from)
{
    for (unsigned i = live_count; i-- > from;)
        if (next_random() % 2 == 0) {
            free(live[i].at);
            forget(i);
        }
}

static void take_neighbours(const struct scene *scene, unsigned count, bool with_holes)
{
    unsigned before = live_count;

    for (unsigned i = 0; i < count; i++)
        take(scene->size, true);
    if (with_holes)
        make_holes(before);
}

void scene_prepare(struct scene *scene, char measure, unsigned long seed)
{
    enum { DISTANCES = 64, HISTORIES = 3, AROUND = 3 };
    static const unsigned before[HISTORIES] = {0, 200, 4000};

    random_state = seed * 1000003 + (unsigned char)measure;
    unsigned history = before[seed % HISTORIES];
    unsigned around = (unsigned)(next_random() % AROUND);
    unsigned neighbours = around == 0 ? 0 : (measure == 'l' ? 3 : 24);

    scene->size = pick_size(measure);
    scene->distance = 1 + seed % DISTANCES;
    scene->end = (enum scene_end)(next_random() % (SCENE_ABORTS + 1));
    for (unsigned i = 0; i < history; i++)
        take(next_random() % 4 == 0 && measure != 'l' ? scene->size : random_between(1, 600), true);
    for (unsigned i = 0; i < history / 2; i++) {
        unsigned index = (unsigned)(next_random() % live_count);
        free(live[index].at);
        forget(index);
    }
    take_neighbours(scene, neighbours, around == 1);
    unsigned own = live_count;
    scene->block = take(scene->size, true);
    live[own].own = true;
    take_neighbours(scene, neighbours, around == 1);
}

void scene_passed(void)
{
    (void)!write(STDOUT_FILENO, "passed\n", 7);
}

bool scene_changed(void)
{
    for (unsigned i = 0; i < live_count; i++)
        if (!live[i].own && !filled(i))
            return true;
    return false;
}

bool scene_overlaps(const unsigned char *at, size_t length)
{
    for (unsigned i = 0; i < live_count; i++)
        if (at < live[i].at + live[i].size && live[i].at < at + length)
            return true;
    return false;
}

bool scene_starts(const unsigned char *at)
{
    for (unsigned i = 0; i < live_count; i++)
        if (live[i].at == at)
            return true;
    return false;
}

unsigned char *scene_more(const struct scene *scene, unsigned count, const unsigned char *at, bool keep)
{
    unsigned char *found = NULL;

    for (unsigned i = 0; i < count; i++) {
        unsigned char *one = take(scene->size, false);
        bool over = at >= one && at < one + scene->size;
        if (over)
            found = one;
        if (over && keep)
            live_count--; /* the caller looks at it first */
        else
            fill(live_count - 1);
    }
    return found;
}

void scene_gone(const struct scene *scene)
{
    for (unsigned i = 0; i < live_count; i++)
        if (live[i].at == scene->block) {
            forget(i);
            return;
        }
}

void scene_others(unsigned count)
{
    void *held[16] = {NULL};

    for (unsigned i = 0; i < count; i++) {
        free(held[i % 16]);
        held[i % 16] = malloc(random_between(1, 3000));
    }
    for (unsigned i = 0; i < 16; i++)
        free(held[i]);
}

/* By half, which moves most of them; large ones by a byte, as to copy them would take longer than all else. */
static void resize_all(void)
{
    for (unsigned i = 0; i < live_count; i++) {
        void *moved = realloc(live[i].at, live[i].size + (live[i].size < LARGE ? live[i].size / 2 : 1));
        if (moved == NULL)
            _exit(7);
        live[i].at = moved;
    }
}

unsigned char *scene_until(const struct scene *scene, const unsigned char *at, bool keep)
{
    enum { ROUNDS = 32, OTHERS = 500 };
    unsigned char *found = NULL;

    for (unsigned i = 0; i < ROUNDS && found == NULL; i++) {
        scene_others(OTHERS);
        found = scene_more(scene, scene->size < LARGE ? 32 : 1, at, keep);
    }
    return found;
}

void scene_go_on(const struct scene *scene)
{
    for (unsigned i = 0; i < 64; i++) {
        unsigned char *one = malloc(scene->size);
        if (one != NULL)
            one[0] = 1;
        free(one);
    }
    if (scene->end == SCENE_ABORTS) {
        (void)!write(STDOUT_FILENO, "aborts\n", 7);
        abort();
    }
    if (scene->end == SCENE_EXITS)
        return;
    if (scene->end == SCENE_RESIZES)
        resize_all();
    while (live_count != 0) {
        free(live[live_count - 1].at);
        live_count--;
    }
    scene_others(200);
}
