/* What a misuse happens in: blocks around the one that is misused, each filled so that a change is seen. */
#ifndef SURVEY_SCENE_H
#define SURVEY_SCENE_H

#include <stdbool.h>
#include <stddef.h>

/* How a program goes on that has misused something: what is left to see it. */
enum scene_end { SCENE_FREES, SCENE_RESIZES, SCENE_EXITS, SCENE_ABORTS };

/* What the kinds of misuse are told. Nothing here is in the library: it runs on any malloc. */
struct scene {
    unsigned char *block; /* live and filled, with or without neighbours of its size */
    size_t size;
    size_t distance; /* 1 to 64, another with each seed */
    enum scene_end end;
};

enum { SCENE_WRITTEN = 0xee }; /* what misuses write; no fill is that */

/* Lays out the heap for a seed: nothing before, or 200 blocks, or 4000, of which half are freed again; then neighbours,
 * the block, neighbours; of these all are live, or some, or none is there. 192 seeds in a row have every distance with
 * every number of blocks before; all else is drawn. `measure`: s, m or l. */
void scene_prepare(struct scene *scene, char measure, unsigned long seed);

/* The misuse is done: who dies before this died of it in time. */
void scene_passed(void);

/* Has any live block another content than it was given, but for the one that is misused? */
bool scene_changed(void);

/* Does a live block lie in these bytes? */
bool scene_overlaps(const unsigned char *at, size_t length);

/* Does one start there? */
bool scene_starts(const unsigned char *at);

/* `count` more blocks of the size, live and filled from now on. Returns the one of them that lies over `at`, as it was
 * when it was handed out if `keep`; else NULL. */
unsigned char *scene_more(const struct scene *scene, unsigned count, const unsigned char *at, bool keep);

/* The block was freed by the misuse: it is not live any more. */
void scene_gone(const struct scene *scene);

/* Blocks come and go until one that is live from now on lies over `at`, or for a long while: NULL. `keep`: as above. */
unsigned char *scene_until(const struct scene *scene, const unsigned char *at, bool keep);

/* Blocks of other sizes come and go. */
void scene_others(unsigned count);

/* The program goes on with what it has, as `end` says; by abort it does not come back. */
void scene_go_on(const struct scene *scene);

#endif
