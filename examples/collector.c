/* A mark-and-sweep collector on capabilities, for a heap with a quota: when that is used up it collects and tries
 * again. Written for a CHERI machine and run on this one; `collector_soft` and `collector_plain` print the same up to
 * the line of dashes. docs/cheri.md has what its author would like to have.
 *
 * An object is a header, then fields that hold capabilities, then bytes. One without fields lies in nocaps memory: the
 * collector never looks into it. The program may hold any part of an object, a narrowed capability into its middle as
 * well; the collector has the whole of each in its table and finds it by the address.
 */
#include <capalloc/capalloc.h>

#include <inttypes.h>
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

static struct table objects, to_scan, roots;

/* By address, so that the object of any address in it can be found. Heapsort, on the table as it lies. */
static void sift(size_t from, size_t count)
{
    for (size_t child; (child = 2 * from + 1) < count; from = child) {
        if (child + 1 < count &&
            ca_cap_address_get(table_get(&objects, child)) < ca_cap_address_get(table_get(&objects, child + 1)))
            child++;
        ca_cap above = table_get(&objects, from), below = table_get(&objects, child);
        if (ca_cap_address_get(above) >= ca_cap_address_get(below))
            return;
        table_set(&objects, from, below);
        table_set(&objects, child, above);
    }
}

static void sort(void)
{
    for (size_t from = objects.count / 2; from-- > 0;)
        sift(from, objects.count);
    for (size_t count = objects.count; count-- > 1;) {
        ca_cap last = table_get(&objects, count);
        table_set(&objects, count, table_get(&objects, 0));
        table_set(&objects, 0, last);
        sift(0, count);
    }
}

/* The whole of the object that an address lies in: the last that begins at or before it. There is one, for a reference
 * is a capability, and all that the program has were derived from objects. */
static ca_cap whole_of(size_t address)
{
    size_t low = 0, high = objects.count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (ca_cap_address_get(table_get(&objects, middle)) <= address)
            low = middle;
        else
            high = middle;
    }
    return table_get(&objects, low);
}

static void mark(ca_cap reference)
{
    if (!ca_cap_is_valid(reference))
        return;
    ca_cap object = whole_of(ca_cap_address_get(reference));
    if (header(object, MARK) == 0) {
        must(ca_cap_store_u32(object, MARK, 1));
        table_add(&to_scan, object);
    }
}

static void collect(void)
{
    collections++;
    if (objects.count == 0)
        return;
    sort();
    for (size_t i = 0; i < roots.count; i++)
        mark(table_get(&roots, i));
    while (to_scan.count > 0) {
        ca_cap object = table_get(&to_scan, --to_scan.count);
        for (uint32_t i = 0, fields = header(object, FIELDS); i < fields; i++)
            mark(field(object, i));
    }
    size_t kept = 0;
    for (size_t i = 0; i < objects.count; i++) {
        ca_cap object = table_get(&objects, i);
        if (header(object, MARK) != 0) {
            must(ca_cap_store_u32(object, MARK, 0));
            table_set(&objects, kept++, object);
        } else {
            ca_cap_deallocate(object);
            freed++;
        }
    }
    objects.count = kept;
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
    table_add(&objects, object);
    allocated++;
    return object;
}

static void push_root(ca_cap value)
{
    table_add(&roots, value);
}

static void report(const char *what)
{
    asked_for++;
    collect();
    printf("%s: %zu allocated, %zu freed, %zu live\n", what, allocated, freed, objects.count);
}

static void pop_roots(size_t count)
{
    roots.count -= count;
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

/* On a machine with tags the header need not say where the references are: a word that is one says so itself. */
static size_t by_header, by_tags;

static void count_references(void)
{
    for (size_t i = 0; i < objects.count; i++) {
        ca_cap object = table_get(&objects, i);
        uint32_t fields = header(object, FIELDS);
        for (uint32_t j = 0; j < fields; j++)
            by_header += ca_cap_is_valid(field(object, j));
#if CA_CAP_MODEL != CA_CAP_MODEL_PLAIN
        for (size_t at = 0; at + FIELD <= ca_cap_length_get(object); at += FIELD) {
            ca_cap word = ca_cap_null();
            must(ca_cap_load_cap(object, (ptrdiff_t)at, &word));
            by_tags += ca_cap_is_valid(word);
        }
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
    push_root(new_object(2, 0));
    set_field(table_get(&roots, 1), 0, table_get(&roots, 1)); /* a circle */
    report("a circle held");
    count_references();
    pop_roots(2);
    report("nothing held");
    printf("---\n");
    printf("%zu collections, %zu of them when the quota was used up\n", collections, collections - asked_for);
    printf("%zu references by the headers, %zu by the tags alone\n", by_header, by_tags);
    ca_cap_deallocate(objects.block);
    ca_cap_deallocate(to_scan.block);
    ca_cap_deallocate(roots.block);
    return ca_heap_destroy(heap) == CA_OK ? 0 : 1;
}
