/* What only the hardened library sees: `crimes CRIME [SIZE [OFFSET [BYTES]]]`, between neighbours and after thousands
 * of other blocks. The crime does not end the program by itself; what does is the library, when it finds out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEIGHBOURS = 64, OTHERS = 4000 };

static size_t size = 64, bytes = 1;
static long offset;

/* Blocks of many sizes come and go, so that the victim lies anywhere. */
static void stir(void)
{
    static void *others[OTHERS];
    unsigned random = 12345;

    for (unsigned i = 0; i < OTHERS; i++) {
        random = random * 1103515245 + 12345;
        others[i] = malloc(random >> 16 & 1023);
        if (i % 3 == 0) {
            free(others[i / 2]);
            others[i / 2] = NULL;
        }
    }
}

/* Freed memory of all sizes until what waits has gone, and what it was is handed out again. */
static void wait_for_reuse(void)
{
    for (unsigned i = 0; i < 64 * 1024; i++)
        free(malloc(size + i % 1024));
}

static char *victim(void)
{
    static char *around[2 * NEIGHBOURS];

    stir();
    for (unsigned i = 0; i < 2 * NEIGHBOURS; i++)
        memset(around[i] = malloc(size), 'n', size);
    return around[NEIGHBOURS];
}

static void write_after_free(void)
{
    char *block = victim();

    free(block);
    memset(block + offset, 'w', bytes);
    wait_for_reuse();
}

static void read_after_free(void)
{
    char *block = victim();

    memset(block, 's', size);
    free(block);
    printf("%s\n", block[offset] == 's' ? "the secret is still there" : "zero");
}

static void reuse_at_once(void)
{
    char *block = victim();

    free(block);
    for (unsigned i = 0; i < 1000; i++)
        if (malloc(size) == block) {
            puts("handed out again");
            return;
        }
    puts("not handed out");
}

static const struct {
    const char *name;
    void (*commit)(void);
} crimes[] = {
    {"write-after-free", write_after_free},
    {"read-after-free", read_after_free},
    {"reuse-at-once", reuse_at_once},
};

int main(int argc, char **argv)
{
    size = argc > 2 ? strtoul(argv[2], NULL, 0) : size;
    offset = argc > 3 ? strtol(argv[3], NULL, 0) : 0;
    bytes = argc > 4 ? strtoul(argv[4], NULL, 0) : 1;
    setvbuf(stdout, NULL, _IONBF, 0);
    for (size_t i = 0; argc > 1 && i < sizeof crimes / sizeof crimes[0]; i++)
        if (strcmp(argv[1], crimes[i].name) == 0) {
            crimes[i].commit();
            return 0;
        }
    return 2;
}
