/* A block of an arena that nobody takes.
 * c: unused-result
 * c++: unused-result */
#include <capalloc/arena.h>
#include <capalloc/heap.h>

void test_dropped_arena(void);
void test_dropped_arena(void)
{
    ca_arena arena;
    ca_arena_init(&arena, ca_heap_allocator(ca_default_authority()));
#ifdef CORRECT
    (void)ca_is_ok(ca_arena_allocate(&arena, CA_LAYOUT_OF(int)));
    ca_arena_destroy(&arena);
#else
    ca_arena_allocate(&arena, CA_LAYOUT_OF(int));
    ca_arena_destroy(&arena);
#endif
}
