/* A mark-and-sweep collector on capabilities, for a heap with a quota: when that is used up it collects and tries
 * again. Written for a CHERI machine and run on this one; docs/cheri.md tells of it. With software capabilities and
 * with pointers it prints the same up to the line of dashes:
 *
 *     cc collector.c -lcapalloc          and            cc -DCA_CAP_PLAIN collector.c -lcapalloc
 *
 * An object is a header, then fields that hold capabilities, then bytes. One without fields lies in nocaps memory: the
 * collector never looks into it. The program may hold any part of an object, a narrowed capability into its middle as
 * well, or its address alone in a word of C: with the authority over the heap the collector has the whole of an object
 * by the address, and all objects by a walk. So it keeps no list of them.
 */
#include <capalloc/capalloc.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIELD = CA_CAP_BYTES, HEADER = FIELD };
enum { FIELDS = 0, MARK = 4 }; /* where two numbers of 32 bits stand in the header */
enum { QUOTA = 2 << 20 };

static ca_authority heap;
static size_t allocated, freed, collections, asked_for;

/* A fault in the collector's own accesses is its own mistake. */
static void must(ca_cap_fault fault)
{
    if (fault != CA_CAP_FAULT_NONE) {
        fprintf(stderr, "collector: fault: %s\n", ca_cap_fault_name(fault));
        exit(1);
    }
}

static ca_cap field(ca_cap object, uint32_t number)
{
    ca_cap value = ca_cap_null();
    must(ca_cap_load_cap(object, HEADER + (ptrdiff_t)number * FIELD, &value));
    return value;
}

static void set_field(ca_cap object, uint32_t number, ca_cap value)
{
    must(ca_cap_store_cap(object, HEADER + (ptrdiff_t)number * FIELD, value));
}

static uint32_t header(ca_cap object, ptrdiff_t at)
{
    uint32_t value = 0;
    must(ca_cap_load_u32(object, at, &value));
    return value;
}

/* --- a table of capabilities, in the process's own heap: it must grow while the other is full --- */

struct table {
    ca_cap block;
    size_t count, room;
};

static ca_cap table_get(const struct table *table, size_t at)
{
    ca_cap value = ca_cap_null();
    must(ca_cap_load_cap(table->block, (ptrdiff_t)(at * FIELD), &value));
    return value;
}

static void table_set(struct table *table, size_t at, ca_cap value)
{
    must(ca_cap_store_cap(table->block, (ptrdiff_t)(at * FIELD), value));
}

static void table_add(struct table *table, ca_cap value)
{
    ca_authority own = ca_default_authority();
    if (table->room == 0) {
        table->room = 256;
        table->block = ca_cap_unwrap(ca_cap_allocate(own, (ca_layout){table->room * FIELD, FIELD}));
    } else if (table->count == table->room) {
        table->room *= 2; /* what is in the block keeps its tags */
        table->block = ca_cap_unwrap(ca_cap_grow(own, table->block, (ca_layout){table->room * FIELD, FIELD}));
    }
    table_set(table, table->count++, value);
}

/* --- the collector --- */

/* Roots are capabilities that the program pushes, and words of its memory that may be addresses. */
static struct table to_scan, roots;
static const size_t *words;
static size_t word_count;

static void mark(ca_cap object)
{
    if (header(object, MARK) == 0) {
        must(ca_cap_store_u32(object, MARK, 1));
        table_add(&to_scan, object);
    }
}

/* A reference leads to an object: all that the program has were derived from some. */
static void mark_reference(ca_cap reference)
{
    if (ca_cap_is_valid(reference))
        mark(ca_cap_unwrap(ca_cap_whole(heap, ca_cap_address_get(reference))));
}

static void mark_word(size_t word)
{
    ca_cap_result guess = ca_cap_guess(heap, word);
    if (ca_cap_is_ok(guess))
        mark(guess.cap);
}

/* The next object of the heap, null at the end. What has been told may be given back at once. */
static ca_cap next_object(ca_walk *at)
{
    ca_cap object = ca_cap_null();
    if (ca_cap_walk_next(heap, at, &object) != CA_OK)
        exit(1);
    return object;
}

static void collect(void)
{
    ca_walk at = CA_WALK_INIT;
    collections++;
    for (size_t i = 0; i < roots.count; i++)
        mark_reference(table_get(&roots, i));
    for (size_t i = 0; i < word_count; i++)
        mark_word(words[i]);
    while (to_scan.count > 0) {
        ca_cap object = table_get(&to_scan, --to_scan.count);
        for (uint32_t i = 0, fields = header(object, FIELDS); i < fields; i++)
            mark_reference(field(object, i));
    }
    for (ca_cap object; ca_cap_is_valid(object = next_object(&at));) {
        if (header(object, MARK) != 0) {
            must(ca_cap_store_u32(object, MARK, 0));
        } else {
            ca_cap_deallocate(object);
            freed++;
        }
    }
}

/* --- what the program calls --- */

static ca_cap new_object(uint32_t fields, size_t bytes)
{
    ca_layout layout = {HEADER + fields * FIELD + bytes, FIELD};
    ca_cap_result result = {ca_cap_null(), CA_ERROR_QUOTA};
    for (int attempt = 0; attempt < 2 && !ca_cap_is_ok(result); attempt++) {
        if (attempt == 1)
            collect();
        result = fields > 0 ? ca_cap_allocate_zeroed(heap, layout) : ca_cap_allocate_nocaps_zeroed(heap, layout);
    }
    ca_cap object = ca_cap_unwrap(result);
    must(ca_cap_store_u32(object, FIELDS, fields));
    allocated++;
    return object;
}

static void push_root(ca_cap value)
{
    table_add(&roots, value);
}

static void pop_roots(size_t count)
{
    roots.count -= count;
}

/* From here on the collector looks at these words as well. */
static void look_at_words(const size_t *from, size_t count)
{
    words = from;
    word_count = count;
}

static void report(const char *what)
{
    asked_for++;
    collect();
    printf("%s: %zu allocated, %zu freed, %zu live\n", what, allocated, freed, allocated - freed);
}

/* --- a program --- */

static ca_cap tree(unsigned depth, uint32_t number)
{
    ca_cap node = new_object(3, 0);
    push_root(node);
    ca_cap leaf = new_object(0, 4);
    must(ca_cap_store_u32(leaf, HEADER, number));
    set_field(node, 2, leaf);
    if (depth > 0) {
        set_field(node, 0, tree(depth - 1, 2 * number));
        set_field(node, 1, tree(depth - 1, 2 * number + 1));
    }
    pop_roots(1);
    return node;
}

static uint64_t sum(ca_cap node)
{
    uint32_t number = 0;
    if (!ca_cap_is_valid(node))
        return 0;
    must(ca_cap_load_u32(field(node, 2), HEADER, &number));
    return number + sum(field(node, 0)) + sum(field(node, 1));
}

/* A vector twice as long: its fields move with their tags. */
static ca_cap longer(ca_cap vector)
{
    uint32_t fields = header(vector, FIELDS);
    ca_cap twice = new_object(2 * fields, 0);
    must(ca_cap_memmove(twice, HEADER, vector, HEADER, (size_t)fields * FIELD));
    return twice;
}

static void vectors(void)
{
    enum { FIRST = 4, LAST = 256 };
    push_root(new_object(FIRST, 0));
    for (uint32_t i = 0; i < LAST; i++) {
        ca_cap vector = table_get(&roots, roots.count - 1);
        if (i == header(vector, FIELDS)) {
            vector = longer(vector);
            table_set(&roots, roots.count - 1, vector);
        }
        ca_cap leaf = new_object(0, 4);
        must(ca_cap_store_u32(leaf, HEADER, i * i));
        set_field(vector, i, leaf);
    }
    report("a vector that grew");

    /* Only the second half of it is held, by a capability that reaches no further. */
    ca_cap vector = table_get(&roots, roots.count - 1);
    ca_cap half = ca_cap_bounds_set(ca_cap_increment(vector, HEADER + LAST / 2 * FIELD), LAST / 2 * FIELD);
    table_set(&roots, roots.count - 1, half);
    report("half of it held");
    uint64_t total = 0;
    for (uint32_t i = 0; i < LAST / 2; i++) {
        ca_cap leaf = ca_cap_null();
        uint32_t square = 0;
        must(ca_cap_load_cap(half, (ptrdiff_t)i * FIELD, &leaf));
        must(ca_cap_load_u32(leaf, HEADER, &square));
        total += square;
    }
    printf("the sum of its squares is %" PRIu64 "\n", total);
    pop_roots(1);
}

/* C code that knows addresses only: a word that is one, into the middle of an object too, holds it. */
static void held_by_words(void)
{
    static size_t kept[4];
    ca_cap pair = new_object(2, 0);
    push_root(pair);
    ca_cap leaf = new_object(0, 100);
    set_field(pair, 1, leaf);
    kept[0] = 12345;
    kept[1] = (size_t)&kept;
    kept[2] = ca_cap_address_get(pair) + HEADER + FIELD;
    pop_roots(1);
    look_at_words(kept, 4);
    report("a pair held by its address");
    kept[2] = 0;
    kept[3] = ca_cap_address_get(leaf) + HEADER + 99;
    report("the end of its leaf held");
    kept[3] = ca_cap_address_get(leaf) + HEADER + 100; /* behind its last byte, though in its slot */
    report("an address behind it held");
    look_at_words(NULL, 0);
}

/* --- two threads and a list without a lock: each links its own objects in front of it --- */

enum { THREADS = 2, PUSHED = 1000 };

static ca_cap list; /* an object of one field */

static void *push_all(void *argument)
{
    ca_cap vector = *(ca_cap *)argument;
    for (uint32_t i = 0; i < PUSHED; i++) {
        ca_cap link = field(vector, i), first = ca_cap_null();
        bool done = false;
        must(ca_cap_atomic_load(list, HEADER, &first));
        while (!done) {
            set_field(link, 0, first); /* nobody else has it yet */
            must(ca_cap_atomic_compare_exchange(list, HEADER, &first, link, &done));
        }
    }
    return NULL;
}

static void shared_list(void)
{
    pthread_t threads[THREADS];
    ca_cap vectors[THREADS];
    list = new_object(1, 0);
    push_root(list);
    for (uint32_t i = 0; i < THREADS; i++) {
        push_root(vectors[i] = new_object(PUSHED, 0));
        for (uint32_t j = 0; j < PUSHED; j++) {
            ca_cap link = new_object(1, 4);
            must(ca_cap_store_u32(link, HEADER + FIELD, PUSHED * i + j));
            set_field(vectors[i], j, link);
        }
    }
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, push_all, &vectors[i]) != 0)
            exit(1);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pop_roots(THREADS);
    report("what two threads linked");
    ca_cap link = ca_cap_null();
    must(ca_cap_atomic_exchange(list, HEADER, ca_cap_null(), &link)); /* all of it at once */
    uint64_t total = 0;
    for (; ca_cap_is_valid(link); link = field(link, 0))
        total += header(link, HEADER + FIELD);
    printf("the sum of their numbers is %" PRIu64 "\n", total);
    pop_roots(1);
    report("the list is dropped");
}

/* On a machine with tags the header need not say where the references are: a word that is one says so itself. */
static size_t by_header, by_tags;

#if CA_CAP_MODEL != CA_CAP_MODEL_PLAIN
static size_t tagged_words(ca_cap object)
{
    uint64_t tags[4] = {0}; /* of 4 KiB at a time, and of what there is at the end */
    size_t length = ca_cap_length_get(object), count = 0;
    for (size_t at = 0; at < length; at += sizeof tags * 8 * FIELD) {
        size_t part = length - at < sizeof tags * 8 * FIELD ? length - at : sizeof tags * 8 * FIELD;
        must(ca_cap_tags_load_range(object, (ptrdiff_t)at, part, tags));
        for (size_t i = 0; i < part / FIELD; i++)
            count += tags[i / 64] >> i % 64 & 1;
    }
    return count;
}
#endif

static void count_references(void)
{
    ca_walk at = CA_WALK_INIT;
    for (ca_cap object; ca_cap_is_valid(object = next_object(&at));) {
        uint32_t fields = header(object, FIELDS);
        for (uint32_t j = 0; j < fields; j++)
            by_header += ca_cap_is_valid(field(object, j));
#if CA_CAP_MODEL != CA_CAP_MODEL_PLAIN
        if (fields > 0) /* else its capability permits no capabilities to be loaded */
            by_tags += tagged_words(object);
#endif
    }
}

int main(void)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;
    options.quota_bytes = QUOTA;
    if (ca_heap_create(&options, &heap) != CA_OK)
        return 1;

    push_root(tree(10, 1));
    report("a tree");
    for (int i = 0; i < 100; i++)
        tree(8, 1);
    report("a hundred trees that nobody keeps");
    printf("the sum of the first is %" PRIu64 "\n", sum(table_get(&roots, 0)));
    vectors();
    held_by_words();
    shared_list();
    push_root(new_object(2, 0));
    set_field(table_get(&roots, 1), 0, table_get(&roots, 1)); /* a circle */
    report("a circle held");
    count_references();
    pop_roots(2);
    report("nothing held");
    printf("---\n");
    printf("%zu collections, %zu of them when the quota was used up\n", collections, collections - asked_for);
    printf("%zu references by the headers, %zu by the tags alone\n", by_header, by_tags);
    ca_cap_deallocate(to_scan.block);
    ca_cap_deallocate(roots.block);
    return ca_heap_destroy(heap) == CA_OK ? 0 : 1;
}
