/* The cases about atomic accesses and tags of ranges: what is refused and why, and that each is what the plain access
 * is where nobody else is. Models of instructions have none of these.
 */
#include "cap/cases_help.h"

static void fresh(cai_cap *out, size_t offset, size_t length)
{
    mint(out, offset, length, data_perms);
    for (size_t at = 0; at < length; at += 8)
        cai_cap_store(out, (ptrdiff_t)at, 8, 0);
}

static void say_fault(const char *name, ca_cap_fault fault)
{
    say_number(name, (size_t)fault);
}

/* What lies at the beginning of the region at 0x2000. */
static void say_there(void)
{
    cai_cap via, there;

    mint(&via, 0x2000, 64, data_perms);
    cai_cap_null(&there);
    cai_cap_load_cap(&there, &via, 0);
    say_number("v", cai_cap_tag_get(&there));
    say_number("a", cai_cap_address_get(&there));
    say_number("h", cai_cap_high_get(&there));
}

static void case_round_trip(void)
{
    cai_cap via, one, two, cap;
    bool done = true;

    fresh(&via, 0x2000, 64);
    mint(&one, 0x100, 16, data_perms);
    mint(&two, 0x200, 32, data_perms);
    say_fault("store", cai_cap_atomic_store(&via, 0, &one));
    say_there();
    cai_cap_null(&cap);
    say_fault("load", cai_cap_atomic_load(&cap, &via, 0));
    say_number("equal", cai_cap_is_equal_exact(&cap, &one));
    say_fault("exchange", cai_cap_atomic_exchange(&via, 0, &two, &cap));
    say_number("equal", cai_cap_is_equal_exact(&cap, &one));
    say_there();
    say_fault("compare", cai_cap_atomic_compare_exchange(&via, 0, &cap, &one, &done)); /* one is not there */
    say_number("done", done);
    say_number("equal", cai_cap_is_equal_exact(&cap, &two));
    say_there();
    say_fault("compare", cai_cap_atomic_compare_exchange(&via, 0, &cap, &one, &done));
    say_number("done", done);
    say_number("equal", cai_cap_is_equal_exact(&cap, &two));
    say_there();
    cai_cap_tag_clear(&two, &one);
    say_fault("exchange", cai_cap_atomic_exchange(&via, 0, &two, &cap));
    say_there();
}

/* The same address is not enough. */
static void case_compares_every_bit(void)
{
    cai_cap via, there, other, cap;
    bool done = true;

    fresh(&via, 0x2000, 64);
    mint(&there, 0x100, 16, data_perms);
    mint(&other, 0x200, 16, data_perms);
    cai_cap_atomic_store(&via, 0, &there);
    cai_cap_tag_clear(&cap, &there);
    cai_cap_atomic_compare_exchange(&via, 0, &cap, &other, &done);
    say_number("untagged", done);
    mint(&cap, 0x100, 32, data_perms);
    cai_cap_atomic_compare_exchange(&via, 0, &cap, &other, &done);
    say_number("longer", done);
    mint(&cap, 0x100, 16, CA_CAP_PERM_LOAD);
    cai_cap_atomic_compare_exchange(&via, 0, &cap, &other, &done);
    say_number("weaker", done);
    say_there();
    cai_cap_atomic_compare_exchange(&via, 0, &cap, &other, &done);
    say_number("same", done);
    say_there();
}

static void say_refused(const char *name, const cai_cap *via, ptrdiff_t offset)
{
    cai_cap value, cap, local;
    bool done = false;

    mint(&value, 0x300, 16, data_perms);
    mint(&local, 0x300, 16, CA_CAP_PERM_LOAD);
    say_number(name, (size_t)offset);
    cai_cap_null(&cap);
    say_fault("load", cai_cap_atomic_load(&cap, via, offset));
    say_fault("store", cai_cap_atomic_store(via, offset, &value));
    say_fault("local", cai_cap_atomic_store(via, offset, &local));
    say_fault("exchange", cai_cap_atomic_exchange(via, offset, &value, &cap));
    say_fault("compare", cai_cap_atomic_compare_exchange(via, offset, &cap, &value, &done));
    cai_cap_tag_clear(&value, &value);
    say_fault("data", cai_cap_atomic_exchange(via, offset, &value, &cap));
    say_there();
}

static void case_refused(void)
{
    cai_cap via, key, cap;

    fresh(&via, 0x2000, 64);
    mint(&cap, 0x100, 16, data_perms);
    cai_cap_store_cap(&via, 0, &cap);
    cai_cap_tag_clear(&cap, &via);
    say_refused("tag", &cap, 0);
    key_for(&key, 5, CA_CAP_PERM_SEAL);
    cai_cap_seal(&cap, &via, &key);
    say_refused("seal", &cap, 0);
    say_refused("bounds", &via, 56);
    say_refused("behind", &via, 64);
    say_refused("before", &via, -16);
    say_refused("alignment", &via, 8);
    mint(&cap, 0x2000, 64, CA_CAP_PERM_STORE | CA_CAP_PERM_STORE_CAP | CA_CAP_PERM_STORE_LOCAL);
    say_refused("no_load", &cap, 16);
    mint(&cap, 0x2000, 64, CA_CAP_PERM_LOAD | CA_CAP_PERM_LOAD_CAP);
    say_refused("no_store", &cap, 0);
    mint(&cap, 0x2000, 64, CA_CAP_PERM_LOAD | CA_CAP_PERM_LOAD_CAP | CA_CAP_PERM_STORE);
    say_refused("no_store_cap", &cap, 16);
}

/* Who may not load capabilities sees data, and compares with data. */
static void case_without_load_cap(void)
{
    cai_cap via, narrow, value, cap;
    bool done = false;

    fresh(&via, 0x2000, 64);
    mint(&value, 0x100, 16, data_perms);
    cai_cap_atomic_store(&via, 0, &value);
    mint(&narrow, 0x2000, 64, data_perms & ~CA_CAP_PERM_LOAD_CAP);
    cai_cap_null(&cap);
    say_fault("load", cai_cap_atomic_load(&cap, &narrow, 0));
    say_number("v", cai_cap_tag_get(&cap));
    say_fault("compare", cai_cap_atomic_compare_exchange(&narrow, 0, &value, &value, &done));
    say_number("done", done);
    say_number("v", cai_cap_tag_get(&value));
    say_fault("compare", cai_cap_atomic_compare_exchange(&narrow, 0, &value, &cap, &done));
    say_number("done", done);
    say_there();
}

/* The tags of so many bytes from `offset` on. */
static void say_tags(const cai_cap *via, ptrdiff_t offset, size_t bytes)
{
    uint64_t tags[3] = {7, 7, 7};

    say_fault("fault", cai_cap_tags_load_range(via, offset, bytes, tags));
    say_number("0", tags[0]);
    say_number("1", tags[1]);
    say_number("2", tags[2]);
}

static void case_tags_of_ranges(void)
{
    cai_cap via, cap;

    fresh(&via, 0x3000, 0x900);
    for (ptrdiff_t at = 0; at < 0x900; at += 16 * (at / 64 + 1))
        cai_cap_store_cap(&via, at, &via);
    for (size_t bytes = 0; bytes < 200; bytes += 13)
        say_tags(&via, 16, bytes);
    say_tags(&via, 0x100, 1024);
    say_tags(&via, 0x110, 1040);
    say_tags(&via, 0, 0x900);
    say_tags(&via, 16, 0x900); /* one granule too many */
    say_tags(&via, 8, 64);
    say_tags(&via, -16, 16);
    mint(&cap, 0x3000, 0x900, CA_CAP_PERM_LOAD);
    say_tags(&cap, 0, 16);
    mint(&cap, 0x3000, 0x900, CA_CAP_PERM_LOAD_CAP);
    say_tags(&cap, 0, 16);
    cai_cap_tag_clear(&cap, &via);
    say_tags(&cap, 0, 16);
}

unsigned cap_cases_run(void (*put)(const char *line))
{
    static const struct cap_case cases[] = {
        {"round_trip", case_round_trip},
        {"compares_every_bit", case_compares_every_bit},
        {"refused", case_refused},
        {"without_load_cap", case_without_load_cap},
        {"tags_of_ranges", case_tags_of_ranges},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        say_begin(cases[i].name);
        cases[i].run();
        put(say_end());
    }
    return COUNT(cases);
}
