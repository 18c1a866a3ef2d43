/* What is made of the operations on capabilities: questions, alignment, and moving memory with its tags, beside a model
 * that keeps bytes and tags in arrays. */
#include "unit/unit.h"

#include "support/rng.h"

#include <capalloc/capalloc.h>
#include <string.h>

enum { BYTES = 1024, GRANULES = BYTES / CA_CAP_BYTES };

static unsigned told;
static ca_cap_fault last;

static void tell(const ca_cap_fault_info *info)
{
    last = info->fault;
    told++;
}

static ca_cap block_of(size_t size)
{
    return ca_cap_unwrap(ca_cap_allocate_zeroed(ca_default_authority(), (ca_layout){size, 16}));
}

static void test_K10_questions(void **state)
{
    ca_cap cap = block_of(64), sealer = ca_cap_null();

    (void)state;
    assert_true(ca_cap_is_valid(cap) && !ca_cap_is_invalid(cap) && ca_cap_is_unsealed(cap));
    assert_true(!ca_cap_is_valid(ca_cap_null()) && ca_cap_is_invalid(ca_cap_tag_clear(cap)));
    assert_true(ca_cap_perms_check(cap, CA_CAP_PERM_LOAD | CA_CAP_PERM_STORE));
    assert_false(ca_cap_perms_check(cap, CA_CAP_PERM_LOAD | CA_CAP_PERM_EXECUTE));
    ca_cap reader = ca_cap_perms_clear(cap, CA_CAP_PERM_STORE);
    assert_int_equal(ca_cap_perms_get(reader), ca_cap_perms_get(cap) & ~CA_CAP_PERM_STORE);
    assert_true(ca_cap_is_valid(reader));

    assert_int_equal(ca_cap_sealer(&sealer), CA_OK);
    sealer = ca_cap_address_set(sealer, 7);
    ca_cap sealed = ca_cap_conditional_seal(cap, sealer);
    assert_true(ca_cap_is_equal_exact(sealed, ca_cap_seal(cap, sealer)) && !ca_cap_is_unsealed(sealed));
    assert_true(ca_cap_is_valid(sealed) && ca_cap_is_invalid(ca_cap_perms_clear(sealed, CA_CAP_PERM_LOAD)));
    assert_true(ca_cap_is_equal_exact(ca_cap_conditional_seal(cap, ca_cap_null()), cap));
    assert_true(ca_cap_is_equal_exact(ca_cap_conditional_seal(cap, ca_cap_tag_clear(sealer)), cap));
    assert_true(ca_cap_is_equal_exact(ca_cap_conditional_seal(sealed, sealer), sealed));
    assert_true(ca_cap_is_invalid(ca_cap_conditional_seal(cap, cap))); /* a key that is none for sealing */
    assert_true(
        ca_cap_is_equal_exact(ca_cap_conditional_seal(cap, ca_cap_address_set(ca_cap_bounds_set(sealer, 1), 8)), cap));
    assert_int_equal(ca_cap_deallocate(cap), CA_OK);
}

static void test_K10_alignment(void **state)
{
    ca_cap cap = block_of(4096);
    size_t base = ca_cap_base_get(cap);

    (void)state;
    for (size_t offset = 0; offset < 300; offset++)
        for (size_t align = 1; align <= 256; align *= 2) {
            ca_cap at = ca_cap_increment(cap, (ptrdiff_t)offset);
            size_t address = base + offset, below = address / align * align;
            ca_cap down = ca_cap_align_down(at, align), up = ca_cap_align_up(at, align);
            assert_int_equal(ca_cap_is_aligned(at, align), address % align == 0);
            assert_int_equal(ca_cap_address_get(down), below);
            assert_int_equal(ca_cap_address_get(up), below == address ? address : below + align);
            assert_true(ca_cap_is_valid(up) && ca_cap_length_get(up) == 4096 && ca_cap_base_get(up) == base);
        }
    assert_true(ca_cap_is_invalid(ca_cap_align_up(ca_cap_increment(cap, 1), (size_t)1 << 62)));
    assert_int_equal(ca_cap_deallocate(cap), CA_OK);
}

struct model {
    unsigned char bytes[BYTES];
    bool tags[GRANULES];
};

/* The same as the model says, byte for byte and tag for tag. */
static void compare(ca_cap block, const struct model *model)
{
    unsigned char bytes[BYTES];
    ca_cap value;

    assert_int_equal(ca_cap_load_bytes(block, 0, bytes, BYTES), CA_CAP_FAULT_NONE);
    assert_memory_equal(bytes, model->bytes, BYTES);
    for (unsigned i = 0; i < GRANULES; i++) {
        assert_int_equal(ca_cap_load_cap(block, (ptrdiff_t)i * CA_CAP_BYTES, &value), CA_CAP_FAULT_NONE);
        assert_int_equal(ca_cap_tag_get(value), model->tags[i]);
    }
}

/* Every third place or so holds a capability, the rest some bytes. */
static void fill(ca_cap block, struct model *model, struct rng *rng)
{
    for (unsigned i = 0; i < GRANULES; i++) {
        ptrdiff_t at = (ptrdiff_t)i * CA_CAP_BYTES;
        model->tags[i] = rng_below(rng, 3) == 0;
        if (model->tags[i])
            assert_int_equal(ca_cap_store_cap(block, at, ca_cap_increment(block, at)), CA_CAP_FAULT_NONE);
        else
            assert_int_equal(ca_cap_store(block, at, 8, rng_next(rng)), CA_CAP_FAULT_NONE);
        assert_int_equal(ca_cap_load_bytes(block, at, model->bytes + at, CA_CAP_BYTES), CA_CAP_FAULT_NONE);
    }
}

/* What a move of `bytes` does to arrays. */
static void move(struct model *model, size_t to, size_t from, size_t bytes)
{
    struct model before = *model;

    memmove(model->bytes + to, model->bytes + from, bytes);
    for (size_t i = to / CA_CAP_BYTES; bytes != 0 && i <= (to + bytes - 1) / CA_CAP_BYTES; i++) {
        bool whole = i * CA_CAP_BYTES >= to && (i + 1) * CA_CAP_BYTES <= to + bytes;
        bool in_step = (to - from) % CA_CAP_BYTES == 0;
        model->tags[i] = whole && in_step && before.tags[(i * CA_CAP_BYTES - to + from) / CA_CAP_BYTES];
    }
}

static void test_K11_moves_as_the_model_says(void **state)
{
    struct rng rng = rng_start(11);
    struct model model;
    ca_cap block = block_of(BYTES);

    (void)state;
    for (unsigned round = 0; round < 4000; round++) {
        if (round % 20 == 0)
            fill(block, &model, &rng);
        size_t bytes = rng_below(&rng, round % 2 == 0 ? BYTES : 70), room = BYTES - bytes;
        size_t from = rng_below(&rng, room + 1), to = rng_below(&rng, room + 1);
        if (round % 3 != 0) /* in step, where tags can come along */
            to = (to & ~(size_t)15) + from % 16 > room ? from : (to & ~(size_t)15) + from % 16;
        /* From addresses of their own, with offsets of either sign. */
        ca_cap source = ca_cap_address_set(block, ca_cap_base_get(block) + rng_below(&rng, BYTES));
        ptrdiff_t offset = (ptrdiff_t)from - (ptrdiff_t)ca_cap_offset_get(source);
        assert_int_equal(ca_cap_memmove(block, (ptrdiff_t)to, source, offset, bytes), CA_CAP_FAULT_NONE);
        move(&model, to, from, bytes);
        compare(block, &model);
    }
    assert_int_equal(ca_cap_deallocate(block), CA_OK);
}

static void test_K11_K4_what_is_refused_changes_nothing(void **state)
{
    struct rng rng = rng_start(12);
    struct model model, empty = {{0}, {false}};
    ca_cap block = block_of(BYTES), other = block_of(BYTES);
    ca_cap data = ca_cap_perms_clear(other, CA_CAP_PERM_STORE_CAP), sealer;

    (void)state;
    fill(block, &model, &rng);
    model.tags[0] = false; /* data first, and a capability late in the block */
    assert_int_equal(ca_cap_store(block, 0, 8, 1), CA_CAP_FAULT_NONE);
    model.tags[GRANULES - 2] = true;
    assert_int_equal(ca_cap_store_cap(block, BYTES - 32, block), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_load_bytes(block, 0, model.bytes, BYTES), CA_CAP_FAULT_NONE);
    assert_int_equal(ca_cap_sealer(&sealer), CA_OK);
    ca_cap sealed = ca_cap_seal(block, sealer);
    const struct {
        ca_cap to, from;
        ptrdiff_t to_offset, from_offset;
        ca_cap_fault fault;
    } cases[] = {
        {other, block, 1, 0, CA_CAP_FAULT_BOUNDS},
        {other, block, 0, 1, CA_CAP_FAULT_BOUNDS},
        {other, block, -1, 0, CA_CAP_FAULT_BOUNDS},
        {other, block, 0, PTRDIFF_MAX, CA_CAP_FAULT_BOUNDS},
        {ca_cap_tag_clear(other), block, 0, 0, CA_CAP_FAULT_TAG},
        {other, ca_cap_tag_clear(block), 0, 0, CA_CAP_FAULT_TAG},
        {other, sealed, 0, 0, CA_CAP_FAULT_SEAL},
        {other, ca_cap_perms_clear(block, CA_CAP_PERM_LOAD), 0, 0, CA_CAP_FAULT_PERMIT_LOAD},
        {ca_cap_perms_clear(other, CA_CAP_PERM_STORE), block, 0, 0, CA_CAP_FAULT_PERMIT_STORE},
        {data, block, 0, 0, CA_CAP_FAULT_PERMIT_STORE_CAPABILITY},
    };
    assert_null(ca_cap_set_fault_handler(tell));
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        told = 0;
        ca_cap_fault fault =
            ca_cap_memmove(cases[i].to, cases[i].to_offset, cases[i].from, cases[i].from_offset, BYTES);
        assert_int_equal(fault, cases[i].fault);
        assert_true(told == 1 && last == fault);
        compare(block, &model);
        compare(other, &empty);
    }
    /* Who may not load capabilities gets their bytes, which data memory takes as well. */
    told = 0;
    ca_cap reader = ca_cap_perms_clear(block, CA_CAP_PERM_LOAD_CAP);
    assert_int_equal(ca_cap_memmove(data, 0, reader, 0, BYTES), CA_CAP_FAULT_NONE);
    memset(model.tags, 0, sizeof model.tags);
    compare(other, &model);
    assert_int_equal(ca_cap_memmove(ca_cap_null(), 0, ca_cap_null(), 0, 0), CA_CAP_FAULT_NONE);
    assert_int_equal(told, 0);
    ca_cap_set_fault_handler(NULL);
    assert_int_equal(ca_cap_deallocate(block), CA_OK);
    assert_int_equal(ca_cap_deallocate(other), CA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_K10_questions),
        cmocka_unit_test(test_K10_alignment),
        cmocka_unit_test(test_K11_moves_as_the_model_says),
        cmocka_unit_test(test_K11_K4_what_is_refused_changes_nothing),
    };
    return cmocka_run_group_tests_name("api.cap_derived", tests, NULL, NULL);
}
