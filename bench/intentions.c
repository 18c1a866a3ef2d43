/* What it costs to say what is meant: the same work through capalloc's own API, linked in, and through malloc, which is
 * whatever allocator is preloaded. Prints nanoseconds for all rounds.
 *
 *     intentions cycle-meant N SIZE       must-zero memory taken, touched, given back cleared
 *     intentions cycle-malloc N SIZE      calloc, touched, explicit_bzero, free
 *     intentions pair-meant N SIZE        ca_allocate and ca_deallocate of a constant size (SIZE is 40)
 *     intentions pair-malloc N SIZE       ca_malloc and ca_free
 *     intentions heap-default N SIZE      ca_allocate and ca_deallocate of a size that the compiler does not know
 *     intentions heap-created N SIZE      the same from a created heap with a quota
 *     intentions calloc-fresh N SIZE      ca_calloc of memory that is known to be zero
 *     intentions malloc-fresh N SIZE      ca_malloc of the same
 *     intentions tree-meant N DEPTH       a binary tree built in an arena and dropped with its scope
 *     intentions tree-malloc N DEPTH      built and torn down node by node
 */
#include <capalloc/arena.h>
#include <capalloc/heap.h>
#include <capalloc/malloc.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct node {
    struct node *left, *right;
    long value;
};

static void use(void *memory, size_t size)
{
    memset(memory, 0x5a, size < 64 ? size : 64);
    ((volatile char *)memory)[size - 1] = 1;
}

static void cycle_meant(long n, size_t size)
{
    ca_authority authority = ca_default_authority();

    for (long i = 0; i < n; i++) {
        ca_mustzero block = ca_unwrap(ca_allocate_mustzero(authority, (ca_layout){.size = size, .align = 16}));
        use(block.ptr, size);
        ca_deallocate_zeroed(block);
    }
}

static void cycle_malloc(long n, size_t size)
{
    for (long i = 0; i < n; i++) {
        void *block = calloc(1, size);
        use(block, size);
        explicit_bzero(block, size);
        free(block);
    }
}

static void pair_meant(long n, size_t unused)
{
    ca_authority authority = ca_default_authority();

    (void)unused;
    for (long i = 0; i < n; i++) {
        ca_block_result result = ca_allocate(authority, ((ca_layout){.size = 40, .align = 8}));
        __asm__ volatile("" : : "r"(result.ptr) : "memory");
        ca_deallocate(((ca_block){.ptr = result.ptr, .size = 40}));
    }
}

static void pair_malloc(long n, size_t unused)
{
    (void)unused;
    for (long i = 0; i < n; i++) {
        void *block = ca_malloc(40);
        __asm__ volatile("" : : "r"(block) : "memory");
        ca_free(block);
    }
}

static void pairs_of(ca_authority authority, long n, size_t size)
{
    for (long i = 0; i < n; i++) {
        __asm__ volatile("" : "+r"(size));
        ca_block_result result = ca_allocate(authority, (ca_layout){.size = size, .align = 8});
        __asm__ volatile("" : : "r"(result.ptr) : "memory");
        ca_deallocate(((ca_block){.ptr = result.ptr, .size = size}));
    }
}

static void heap_default(long n, size_t size)
{
    pairs_of(ca_default_authority(), n, size);
}

static void heap_created(long n, size_t size)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority root;

    options.quota_bytes = 1 << 24;
    if (ca_heap_create(&options, &root) != CA_OK)
        abort();
    pairs_of(root, n, size);
    if (ca_heap_destroy(root) != CA_OK)
        abort();
}

static void zero_fresh(long n, size_t size, int zeroed)
{
    void **blocks = malloc((size_t)n * sizeof *blocks);

    for (long i = 0; i < n; i++)
        blocks[i] = zeroed ? ca_calloc(1, size) : ca_malloc(size);
    __asm__ volatile("" : : "r"(blocks) : "memory");
    free(blocks);
}

static void calloc_fresh(long n, size_t size)
{
    zero_fresh(n, size, 1);
}

static void malloc_fresh(long n, size_t size)
{
    zero_fresh(n, size, 0);
}

static struct node *arena_tree(ca_arena *arena, int depth)
{
    struct node *node = ca_unwrap(ca_arena_allocate(arena, CA_LAYOUT_OF(struct node))).ptr;

    node->value = depth;
    node->left = depth > 0 ? arena_tree(arena, depth - 1) : NULL;
    node->right = depth > 0 ? arena_tree(arena, depth - 1) : NULL;
    return node;
}

static void tree_meant(long n, size_t depth)
{
    ca_arena arena;

    ca_arena_init(&arena, ca_heap_allocator(ca_default_authority()));
    for (long i = 0; i < n; i++) {
        ca_arena_scope scope = ca_arena_mark(&arena);
        struct node *root = arena_tree(&arena, (int)depth);
        __asm__ volatile("" : : "r"(root) : "memory");
        ca_arena_release(&arena, scope);
    }
    ca_arena_destroy(&arena);
}

static struct node *malloc_tree(int depth)
{
    struct node *node = malloc(sizeof *node);

    node->value = depth;
    node->left = depth > 0 ? malloc_tree(depth - 1) : NULL;
    node->right = depth > 0 ? malloc_tree(depth - 1) : NULL;
    return node;
}

static void fell(struct node *node)
{
    if (node == NULL)
        return;
    fell(node->left);
    fell(node->right);
    free(node);
}

static void tree_malloc(long n, size_t depth)
{
    for (long i = 0; i < n; i++) {
        struct node *root = malloc_tree((int)depth);
        __asm__ volatile("" : : "r"(root) : "memory");
        fell(root);
    }
}

static const struct {
    const char *name;
    void (*run)(long n, size_t size);
} works[] = {
    {"cycle-meant", cycle_meant},   {"cycle-malloc", cycle_malloc}, {"pair-meant", pair_meant},
    {"pair-malloc", pair_malloc},   {"calloc-fresh", calloc_fresh}, {"malloc-fresh", malloc_fresh},
    {"tree-meant", tree_meant},     {"tree-malloc", tree_malloc},   {"heap-default", heap_default},
    {"heap-created", heap_created},
};

int main(int argc, char **argv)
{
    struct timespec start;
    struct timespec end;

    for (size_t i = 0; argc == 4 && i < sizeof works / sizeof *works; i++)
        if (strcmp(argv[1], works[i].name) == 0) {
            works[i].run(10, strtoul(argv[3], NULL, 0));
            clock_gettime(CLOCK_MONOTONIC, &start);
            works[i].run(atol(argv[2]), strtoul(argv[3], NULL, 0));
            clock_gettime(CLOCK_MONOTONIC, &end);
            printf("%lld\n", (end.tv_sec - start.tv_sec) * 1000000000LL + (end.tv_nsec - start.tv_nsec));
            return 0;
        }
    fprintf(stderr, "usage: intentions WORK N SIZE\n");
    return 2;
}
