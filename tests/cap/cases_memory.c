/* The cases that load and store: which access faults and with what cause, and where tags go. */
#include "cap/cases_help.h"

/* A block of the region, all zero and without tags. */
static void fresh(cai_cap *out, size_t offset, size_t length)
{
    mint(out, offset, length, data_perms);
    for (size_t at = 0; at < length; at += 8)
        cai_cap_store(out, (ptrdiff_t)at, 8, 0);
}

/* Null when the load faults. */
static ca_cap_fault load_cap(cai_cap *out, const cai_cap *via, ptrdiff_t offset)
{
    cai_cap_null(out);
    return cai_cap_load_cap(out, via, offset);
}

static void say_fault(const char *name, ca_cap_fault fault)
{
    say_number(name, (size_t)fault);
}

/* What a load of `bytes` through `via` gives: the cause, and the value when there is none. */
static void say_load(const cai_cap *via, unsigned bytes)
{
    uint64_t value = 0;
    ca_cap_fault fault = cai_cap_load(via, 0, bytes, &value);

    say_fault("fault", fault);
    if (fault == CA_CAP_FAULT_NONE)
        say_number("value", value);
}

static void say_load_at(const cai_cap *via, ptrdiff_t by, unsigned bytes)
{
    cai_cap at;

    cai_cap_increment(&at, via, by);
    say_load(&at, bytes);
}

/* The tag and the words of the granule at `by`. */
static void say_granule(const cai_cap *via, ptrdiff_t by)
{
    cai_cap at, cap;
    uint64_t low = 0;
    uint64_t high = 0;

    cai_cap_increment(&at, via, by);
    say_fault("fault", load_cap(&cap, &at, 0));
    cai_cap_load(&at, 0, 8, &low);
    cai_cap_load(&at, 8, 8, &high);
    say_number("v", cai_cap_tag_get(&cap));
    say_number("low", low);
    say_number("high", high);
}

/* --- data --- */

static void case_data(void)
{
    cai_cap via;

    fresh(&via, 0x1000, 64);
    for (unsigned bytes = 1; bytes <= 8; bytes *= 2) {
        say_fault("store", cai_cap_store(&via, 0, bytes, 0xf1f2f3f4f5f6f7f8));
        say_load(&via, bytes);
        say_load(&via, 8);
    }
    say_fault("store", cai_cap_store(&via, 56, 8, 0x1122334455667788));
    say_load_at(&via, 56, 8);
    say_load_at(&via, 60, 4);
    say_load_at(&via, 63, 1);
}

static void case_data_bounds(void)
{
    cai_cap via, at;

    fresh(&via, 0x1000, 64);
    for (unsigned bytes = 1; bytes <= 8; bytes *= 2) {
        say_load_at(&via, 64 - (ptrdiff_t)bytes, bytes);
        say_load_at(&via, 64, bytes);
        say_load_at(&via, -(ptrdiff_t)bytes, bytes);
        cai_cap_increment(&at, &via, 64);
        say_fault("store", cai_cap_store(&at, 0, bytes, 1));
    }
    mint(&via, 0x1000, 60, data_perms);
    say_load_at(&via, 56, 8); /* half of it lies inside */
    say_load_at(&via, 56, 4);
    mint(&via, 0x1004, 60, data_perms);
    say_load_at(&via, -4, 8);
}

static void case_data_of_nothing(void)
{
    cai_cap via;

    mint(&via, 0x1000, 0, data_perms);
    say_load(&via, 1);
    say_fault("store", cai_cap_store(&via, 0, 1, 1));
}

static void case_data_perms(void)
{
    cai_cap via;

    mint(&via, 0x1000, 64, CA_CAP_PERM_LOAD);
    say_load(&via, 8);
    say_fault("store", cai_cap_store(&via, 0, 8, 1));
    mint(&via, 0x1000, 64, CA_CAP_PERM_STORE);
    say_load(&via, 8);
    say_fault("store", cai_cap_store(&via, 0, 8, 1));
    mint(&via, 0x1000, 64, 0);
    say_load(&via, 8);
    say_fault("store", cai_cap_store(&via, 0, 8, 1));
}

/* Several reasons at once: which one is told. */
static void case_order_of_causes(void)
{
    cai_cap via, key, sealed, at, cap, value;

    mint(&via, 0x1000, 64, CA_CAP_PERM_EXECUTE);
    cai_cap_root(&key);
    cai_cap_mint(&key, &key, 5, 1, CA_CAP_PERM_SEAL);
    cai_cap_increment(&at, &via, 64);
    say_load(&at, 8); /* permission before bounds */
    cai_cap_seal(&sealed, &at, &key);
    say_load(&sealed, 8); /* seal before permission */
    cai_cap_tag_clear(&sealed, &sealed);
    say_load(&sealed, 8); /* tag before seal */
    mint(&value, 0x1000, 16, data_perms);
    mint(&via, 0x1000, 64, CA_CAP_PERM_LOAD);
    cai_cap_increment(&at, &via, 64);
    say_fault("store_cap",
              cai_cap_store_cap(&at, 0, &value)); /* the right to store before that to store capabilities */
    mint(&via, 0x1000, 64, CA_CAP_PERM_STORE);
    cai_cap_increment(&at, &via, 64);
    say_fault("store_cap", cai_cap_store_cap(&at, 0, &value)); /* and that before bounds */
    mint(&via, 0x1000, 64, data_perms);
    cai_cap_increment(&at, &via, 56);
    say_fault("store_cap", cai_cap_store_cap(&at, 0, &value)); /* bounds before alignment */
    say_fault("load_cap", load_cap(&cap, &at, 0));
}

/* --- capabilities --- */

static void case_cap_round_trip(void)
{
    cai_cap via, value, got;

    fresh(&via, 0x1000, 64);
    mint(&value, 0x2000, 48, data_perms);
    cai_cap_increment(&value, &value, 5);
    say_fault("store", cai_cap_store_cap(&via, 16, &value));
    say_fault("load", load_cap(&got, &via, 16));
    say_number("equal", cai_cap_is_equal_exact(&value, &got));
    say_granule(&via, 0);
    say_granule(&via, 16);
    say_granule(&via, 32);
}

static void case_cap_alignment(void)
{
    static const ptrdiff_t offsets[] = {1, 2, 4, 8, 15, 16};
    cai_cap via, at, cap;

    fresh(&via, 0x1000, 64);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        cai_cap_increment(&at, &via, offsets[i]);
        say_fault("load", load_cap(&cap, &at, 0));
        say_fault("store", cai_cap_store_cap(&at, 0, &via));
    }
}

static void case_cap_bounds(void)
{
    cai_cap via, at, cap;

    fresh(&via, 0x1000, 64);
    cai_cap_increment(&at, &via, 64);
    say_fault("load", load_cap(&cap, &at, 0));
    say_fault("store", cai_cap_store_cap(&at, 0, &via));
    mint(&via, 0x1000, 15, data_perms);
    say_fault("load", load_cap(&cap, &via, 0));
    say_fault("store", cai_cap_store_cap(&via, 0, &via));
}

/* A load that faults leaves the register as it was. */
static void case_cap_refused_load(void)
{
    cai_cap via, got, before;

    fresh(&via, 0x1000, 64);
    mint(&got, 0x2000, 48, data_perms);
    cai_cap_copy(&before, &got);
    cai_cap_tag_clear(&via, &via);
    say_fault("load", cai_cap_load_cap(&got, &via, 0));
    say_number("equal", cai_cap_is_equal_exact(&before, &got));
    mint(&via, 0x1000, 64, data_perms);
    say_fault("load", cai_cap_load_cap(&got, &via, 64));
    say_number("equal", cai_cap_is_equal_exact(&before, &got));
}

/* Offsets of accesses: counted from the address, in both directions. */
static void case_offsets(void)
{
    cai_cap via, at, got;
    uint64_t value = 0;

    fresh(&via, 0x1000, 64);
    cai_cap_increment(&at, &via, 32);
    say_fault("store", cai_cap_store(&at, -32, 8, 11));
    say_fault("store", cai_cap_store(&at, 24, 8, 22));
    say_fault("store", cai_cap_store(&at, -40, 8, 33));
    say_fault("load", cai_cap_load(&via, 0, 8, &value));
    say_number("value", value);
    say_fault("load", cai_cap_load(&at, 24, 8, &value));
    say_number("value", value);
    say_fault("load", cai_cap_load(&at, 32, 8, &value));
    say_fault("store", cai_cap_store_cap(&at, -16, &at));
    say_fault("load", load_cap(&got, &via, 16));
    say_number("equal", cai_cap_is_equal_exact(&at, &got));
    for (size_t far = 0x800; far < 0x4800; far += 0x3fff) { /* from both ends of what can be represented */
        cai_cap_address_set(&at, &via, REGION + far);
        say_fault("here", cai_cap_load(&at, 0, 8, &value));
        say_fault("there", cai_cap_load(&at, 0x1000 - (ptrdiff_t)far, 8, &value));
        say_number("value", value);
    }
}

static void case_cap_without_load_cap(void)
{
    cai_cap all, via, value, got;

    fresh(&all, 0x1000, 64);
    mint(&value, 0x2000, 48, data_perms);
    cai_cap_store_cap(&all, 0, &value);
    mint(&via, 0x1000, 64, CA_CAP_PERM_LOAD | CA_CAP_PERM_STORE | CA_CAP_PERM_STORE_CAP);
    say_fault("load", load_cap(&got, &via, 0));
    say_number("v", cai_cap_tag_get(&got));
    say_number("a", cai_cap_address_get(&got));
    say_number("l", cai_cap_length_get(&got));
    say_granule(&all, 0); /* in memory it is as it was */
    mint(&via, 0x1000, 64, CA_CAP_PERM_STORE);
    say_fault("load", load_cap(&got, &via, 0));
}

static void case_cap_without_store_cap(void)
{
    cai_cap all, via, value;

    fresh(&all, 0x1000, 64);
    cai_cap_store(&all, 0, 8, 77);
    mint(&value, 0x2000, 48, data_perms);
    mint(&via, 0x1000, 64, CA_CAP_PERM_GLOBAL | CA_CAP_PERM_LOAD | CA_CAP_PERM_STORE);
    say_fault("store", cai_cap_store_cap(&via, 0, &value));
    say_granule(&all, 0); /* as it was */
    cai_cap_tag_clear(&value, &value);
    say_fault("store", cai_cap_store_cap(&via, 0, &value)); /* 16 bytes of data */
    say_granule(&all, 0);
    mint(&via, 0x1000, 64, CA_CAP_PERM_LOAD);
    say_fault("store", cai_cap_store_cap(&via, 0, &value));
}

static void case_cap_local(void)
{
    cai_cap via, local, global;

    fresh(&via, 0x1000, 64);
    mint(&global, 0x2000, 48, data_perms);
    mint(&local, 0x2000, 48, data_perms & ~CA_CAP_PERM_GLOBAL);
    say_fault("local", cai_cap_store_cap(&via, 0, &local));
    mint(&via, 0x1000, 64, data_perms & ~CA_CAP_PERM_STORE_LOCAL);
    say_fault("local", cai_cap_store_cap(&via, 16, &local));
    say_fault("global", cai_cap_store_cap(&via, 16, &global));
    cai_cap_tag_clear(&local, &local);
    say_fault("untagged", cai_cap_store_cap(&via, 32, &local));
    say_granule(&via, 0);
    say_granule(&via, 16);
    say_granule(&via, 32);
}

static void case_cap_sealed_value(void)
{
    cai_cap via, key, value, got;

    fresh(&via, 0x1000, 64);
    cai_cap_root(&key);
    cai_cap_mint(&key, &key, 5, 1, CA_CAP_PERM_SEAL);
    mint(&value, 0x2000, 48, data_perms);
    cai_cap_seal(&value, &value, &key);
    say_fault("store", cai_cap_store_cap(&via, 0, &value));
    say_fault("load", load_cap(&got, &via, 0));
    say_number("equal", cai_cap_is_equal_exact(&value, &got));
    say_granule(&via, 0);
}

/* Bits that nobody made keep every bit on their way through a register. */
static void case_cap_raw_bits(void)
{
    static const uint64_t highs[] = {0, 1, ~(uint64_t)0, 0x0000c00000000000, 0x5555555555555555};
    cai_cap via, got;

    fresh(&via, 0x1000, 64);
    for (size_t i = 0; i < sizeof highs / sizeof highs[0]; i++) {
        cai_cap_store(&via, 0, 8, REGION + i);
        cai_cap_store(&via, 8, 8, highs[i]);
        say_fault("load", load_cap(&got, &via, 0));
        say_fault("store", cai_cap_store_cap(&via, 16, &got));
        say_granule(&via, 16);
    }
}

/* --- tags --- */

static void case_data_clears_tags(void)
{
    cai_cap via, value, at;

    for (unsigned bytes = 1; bytes <= 8; bytes *= 2)
        for (unsigned offset = 0; offset < 16; offset += bytes) {
            fresh(&via, 0x1000, 64);
            mint(&value, 0x2000, 48, data_perms);
            for (unsigned i = 0; i < 3; i++)
                cai_cap_store_cap(&via, 16 * (ptrdiff_t)i, &value);
            cai_cap_increment(&at, &via, 16 + (ptrdiff_t)offset);
            say_fault("store", cai_cap_store(&at, 0, bytes, 0));
            for (unsigned i = 0; i < 3; i++) {
                cai_cap got;
                load_cap(&got, &via, 16 * (ptrdiff_t)i);
                say_number("v", cai_cap_tag_get(&got));
            }
        }
}

static void case_refused_store_keeps_tags(void)
{
    cai_cap via, read, value;

    fresh(&via, 0x1000, 64);
    mint(&value, 0x2000, 48, data_perms);
    cai_cap_store_cap(&via, 0, &value);
    mint(&read, 0x1000, 64, CA_CAP_PERM_LOAD | CA_CAP_PERM_LOAD_CAP);
    say_fault("store", cai_cap_store(&read, 0, 8, 0));
    say_fault("store_cap", cai_cap_store_cap(&read, 0, &value));
    say_granule(&via, 0);
}

static void case_tags_load(void)
{
    cai_cap via, value, at;
    size_t tags = 0;

    fresh(&via, 0x1000, 128);
    mint(&value, 0x2000, 48, data_perms);
    say_fault("fault", cai_cap_tags_load(&via, &tags));
    say_number("tags", tags);
    for (unsigned i = 0; i < 8; i++) {
        if (i % 3 == 0)
            cai_cap_store_cap(&via, 16 * (ptrdiff_t)i, &value);
        say_fault("fault", cai_cap_tags_load(&via, &tags));
        say_number("tags", tags);
    }
    cai_cap_increment(&at, &via, 64);
    say_fault("fault", cai_cap_tags_load(&at, &tags));
    say_number("tags", tags);
    mint(&at, 0x1000, 128, CA_CAP_PERM_LOAD);
    say_fault("perms", cai_cap_tags_load(&at, &tags));
    mint(&at, 0x1000, 128, CA_CAP_PERM_LOAD_CAP);
    say_fault("perms", cai_cap_tags_load(&at, &tags));
    mint(&at, 0x1000, 48, data_perms);
    say_fault("bounds", cai_cap_tags_load(&at, &tags));
}

const struct cap_case cap_cases_of_memory[] = {
    {"data", case_data},
    {"data_bounds", case_data_bounds},
    {"data_of_nothing", case_data_of_nothing},
    {"data_perms", case_data_perms},
    {"order_of_causes", case_order_of_causes},
    {"cap_round_trip", case_cap_round_trip},
    {"cap_alignment", case_cap_alignment},
    {"cap_bounds", case_cap_bounds},
    {"cap_refused_load", case_cap_refused_load},
    {"offsets", case_offsets},
    {"cap_without_load_cap", case_cap_without_load_cap},
    {"cap_without_store_cap", case_cap_without_store_cap},
    {"cap_local", case_cap_local},
    {"cap_sealed_value", case_cap_sealed_value},
    {"cap_raw_bits", case_cap_raw_bits},
    {"data_clears_tags", case_data_clears_tags},
    {"refused_store_keeps_tags", case_refused_store_keeps_tags},
    {"tags_load", case_tags_load},
    {NULL, NULL},
};
