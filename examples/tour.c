/* A tour of capalloc, to be read once from top to bottom. It prints what it does:
 *
 *     cc tour.c -lcapalloc -o tour && ./tour
 */
#include <capalloc/capalloc.h>
#include <stdio.h>
#include <string.h>

struct session {
    int user;
    char *greeting;
};

/* Boxes, for part 4. A box type is made once for a type, its destructor and its intention. */
static void session_close(struct session *session)
{
    printf("   the destructor closes the session of user %d\n", session->user);
}
CA_BOX_DEFINE(session_box, struct session, session_close)

/* 1. Blocks. A layout is a size and an alignment; an authority is the right to allocate. What comes back is a result: a
 * block, or the reason why there is none. Nothing is thrown, errno is not involved. */
static ca_error blocks(ca_authority authority)
{
    ca_block_result result = ca_allocate(authority, CA_LAYOUT_ARRAY(int, 100));
    if (!ca_is_ok(result))
        return ca_error_of(result);
    ca_block numbers = ca_unwrap(result); /* of an error this would be a violation: reported, then abort */
    printf("1. a block of %zu bytes", numbers.size);

    /* Grow may move the block and can fail; then the old one is still there. Shrink never moves. */
    ca_block_result grown = ca_grow(authority, numbers, CA_LAYOUT_ARRAY(int, 1000));
    if (ca_is_ok(grown))
        numbers = ca_unwrap(grown);
    printf(", grown to %zu", numbers.size);
    ca_block_result shrunk = ca_shrink(numbers, CA_LAYOUT_ARRAY(int, 10));
    if (ca_is_ok(shrunk))
        numbers = ca_unwrap(shrunk);
    printf(", shrunk to %zu, given back\n", numbers.size);

    /* Back goes the block alone: address and size are looked up and must be right. */
    ca_deallocate(numbers);
    printf("   ca_check says now: %s\n", ca_error_string(ca_check(numbers)));
    return CA_OK;
}

/* 2. Intentions: what the memory is for, as a type. Each has a place of its own in the address space. */
static void intentions(ca_authority authority)
{
    ca_nocaps_result image = ca_allocate_nocaps(authority, CA_LAYOUT_ARRAY(char, 4096));       /* no pointers inside */
    ca_mustzero_result record = ca_allocate_mustzero(authority, CA_LAYOUT_OF(struct session)); /* zero when it goes */
    ca_secret_result key = ca_allocate_secret(authority, CA_LAYOUT_ARRAY(char, 32));           /* both */
    printf("2. memory for an image at %p, a record at %p, a key at %p\n", image.ptr, record.ptr, key.ptr);
    if (ca_is_ok(image))
        ca_deallocate(ca_unwrap(image));
    if (ca_is_ok(record))
        ca_deallocate_zeroed(ca_unwrap(record)); /* ca_deallocate, or free, would not compile */
    if (ca_is_ok(key)) {
        ca_secret secret = ca_unwrap(key);
        memcpy(secret.ptr, "the key to everything", 22);
        ca_wiped wiped = ca_wipe(&secret); /* cleared now; a ca_wiped can be given back and nothing else */
        printf("   after ca_wipe the key reads \"%s\"\n", (char *)wiped.ptr);
        ca_deallocate(wiped);
    }
}

/* 3. Errors are values, and misuse is reported. */
static bool go_on(const ca_violation *violation)
{
    printf("   reported: %s, %s of a block of %zu bytes\n", violation->code, violation->function, violation->size);
    return true; /* refuse the call and go on; without a handler there is one line on stderr and an abort */
}

static void errors(ca_authority authority)
{
    ca_block_result huge = ca_allocate(authority, CA_LAYOUT_ARRAY(long, SIZE_MAX / 4));
    printf("3. far too many longs: %s\n", ca_error_string(ca_error_of(huge)));
    ca_block_result small = ca_allocate(authority, CA_LAYOUT_OF(long));
    if (!ca_is_ok(small))
        return;
    ca_block block = ca_unwrap(small);
    ca_violation_handler before = ca_set_violation_handler(go_on);
    ca_deallocate(block);
    ca_deallocate(block); /* nothing happens but the report */
    ca_set_violation_handler(before);
}

/* 4. A box is an owner: it drops what it holds at the end of its scope, whichever way that is left. */
static void boxes(int early)
{
    CA_SCOPED(session_box) box = session_box_new((struct session){.user = early ? 1 : 2});
    if (!session_box_is_ok(&box))
        return;
    printf("4. a box for user %d%s\n", session_box_get(&box)->user, early ? ", left by an early return" : "");
    if (early)
        return;
    CA_SCOPED(session_box) owner = session_box_move(&box); /* box is empty now, and does nothing at the end */
    printf("   moved: the old box holds %s\n", session_box_is_ok(&box) ? "something" : "nothing");
}

/* 5. An arena gives memory back scope by scope, with one call for all that was allocated in between. */
static void arenas(ca_authority authority)
{
    ca_arena arena;
    ca_arena_init(&arena, ca_heap_allocator(authority));
    ca_arena_scope scope = ca_arena_mark(&arena);
    int sessions = 0;
    while (sessions < 1000 && CA_ARENA_NEW(&arena, struct session) != NULL)
        sessions++;
    printf("5. an arena of %zu bytes holds %d sessions, ", ca_arena_held(&arena), sessions);
    ca_arena_release(&arena, scope);
    printf("all released at once\n");
    ca_arena_destroy(&arena);
}

/* 6. A heap of one's own: with a quota, parts of it for others, and an end of everything at once. */
static void heaps(void)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    ca_authority root;
    ca_authority plugin;
    options.name = "plugins";
    options.quota_bytes = 1 << 20;
    if (ca_heap_create(&options, &root) != CA_OK ||
        ca_authority_derive(root, CA_RIGHT_ALLOCATE, 64 << 10, &plugin) != CA_OK)
        return;
    int blocks = 0;
    ca_block_result last = ca_allocate(plugin, CA_LAYOUT_ARRAY(char, 1024));
    for (; ca_is_ok(last); blocks++)
        last = ca_allocate(plugin, CA_LAYOUT_ARRAY(char, 1024));
    printf("6. a plugin took %d blocks of 1 KiB, then: %s\n", blocks, ca_error_string(ca_error_of(last)));
    ca_authority_revoke(plugin); /* it may do nothing any more; what it took counts against the heap */
    printf("   revoked: %s, and the heap has %zu KiB left\n",
           ca_error_string(ca_error_of(ca_allocate(plugin, CA_LAYOUT_OF(int)))),
           ca_authority_quota_remaining(root) >> 10);
    ca_heap_destroy(root); /* with every block in it */
}

int main(void)
{
    ca_authority authority = ca_default_authority();
    ca_error error = blocks(authority);
    if (error != CA_OK) {
        fprintf(stderr, "tour: %s\n", ca_error_string(error));
        return 1;
    }
    intentions(authority);
    errors(authority);
    boxes(1);
    boxes(0);
    arenas(authority);
    heaps();

    ca_stats stats = CA_STATS_INIT; /* 7. What was counted meanwhile. */
    ca_stats_read(&stats);
    printf("7. blocks handed out %llu, still live %llu, violations %llu, bytes cleared %llu, clearing saved %llu\n",
           (unsigned long long)stats.allocations, (unsigned long long)stats.live_blocks,
           (unsigned long long)stats.violations, (unsigned long long)stats.bytes_cleared,
           (unsigned long long)stats.bytes_clear_skipped);
    return 0;
}
