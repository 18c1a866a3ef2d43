/* A malloc inside the program itself: it comes before any preloaded one. Linked into subject_rival. */
#include <stddef.h>
#include <stdint.h>

void *malloc(size_t size);
void free(void *pointer);
void *calloc(size_t count, size_t size);
void *realloc(void *pointer, size_t size);

static _Alignas(16) unsigned char arena[1 << 20];
static size_t arena_used;

void *malloc(size_t size)
{
    size = (size + 31) & ~(size_t)15;
    if (size > sizeof arena - arena_used)
        return NULL;
    size_t *header = (size_t *)(void *)(arena + arena_used);
    arena_used += size;
    *header = size - 16;
    return header + 2;
}

void free(void *pointer)
{
    (void)pointer;
}

void *calloc(size_t count, size_t size)
{
    return malloc(count * size); /* never reused, so zero */
}

void *realloc(void *pointer, size_t size)
{
    unsigned char *out = malloc(size);
    const unsigned char *in = pointer;
    size_t old = in != NULL ? ((const size_t *)pointer)[-2] : 0;
    for (size_t i = 0; out != NULL && i < old && i < size; i++)
        out[i] = in[i];
    return out;
}
