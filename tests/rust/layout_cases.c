/* Questions about layouts, one a line: QUESTION SIZE ALIGN [COUNT | ALIGN | SIZE ALIGN], in hexadecimal. First every
 * boundary of every alignment, then random ones.
 *   layout_cases SEED RANDOM [padding]     padding: ask that, too
 */
#include "support/layout_values.h"

#include <stdio.h>
#include <string.h>

static int with_padding;

static void ask_one(size_t size, size_t align)
{
    printf("new %zx %zx\npad %zx %zx\n", size, align, size, align);
}

static void ask_align(size_t size, size_t align, size_t other)
{
    printf("align %zx %zx %zx\n", size, align, other);
    if (with_padding)
        printf("padding %zx %zx %zx\n", size, align, other);
}

static void ask_count(size_t size, size_t align, size_t count)
{
    printf("repeat %zx %zx %zx\npacked %zx %zx %zx\n", size, align, count, size, align, count);
}

static void ask_pair(size_t size, size_t align, size_t next_size, size_t next_align)
{
    printf("extend %zx %zx %zx %zx\n", size, align, next_size, next_align);
    printf("append %zx %zx %zx %zx\n", size, align, next_size, next_align);
}

/* The types that layout.rs has. */
static void ask_array(struct rng *rng)
{
    const size_t types[][2] = {{0, 1}, {1, 1},  {3, 1},   {6, 2},       {4, 4},
                               {8, 8}, {24, 8}, {64, 64}, {4096, 4096}, {0, 65536}};
    const size_t *type = types[rng_below(rng, sizeof types / sizeof types[0])];

    printf("array %zx %zx %zx\n", type[0], type[1], layout_any_count(rng, type[0], type[1]));
}

static void ask_boundaries(void)
{
    for (unsigned i = 0; i < LAYOUT_ALIGNS; i++)
        for (unsigned j = 0; j < LAYOUT_SIZES; j++) {
            size_t align = layout_align_at(i);
            size_t size = layout_size_at(align, j);
            ask_one(size, align);
            for (size_t count = 0; count < 3; count++)
                ask_count(size, align, count);
            for (unsigned k = j % 2; k < LAYOUT_ALIGNS; k += 2) {
                ask_align(size, align, layout_align_at(k));
                ask_pair(size, align, j % 3, layout_align_at(k));
            }
        }
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;

    struct rng rng = rng_start(strtoull(argv[1], NULL, 0));
    unsigned long count = strtoul(argv[2], NULL, 0);

    with_padding = argc > 3 && strcmp(argv[3], "padding") == 0;
    ask_boundaries();
    for (unsigned long i = 0; i < count; i++) {
        size_t align = layout_any_align(&rng);
        size_t size = layout_any_size(&rng, align);
        size_t other = layout_any_align(&rng);
        ask_one(size, align);
        ask_align(size, align, other);
        ask_count(size, align, layout_any_count(&rng, size, align));
        ask_pair(size, align, layout_any_next_size(&rng, size, align, other), other);
        ask_array(&rng);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
