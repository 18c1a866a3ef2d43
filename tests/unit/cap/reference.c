/* See reference.h. Written to be compared with the formulas by eye: the letters are theirs. */
#include "unit/cap/reference.h"

/* Millions of cases call these some hundred times each. */
#define STEP static inline __attribute__((always_inline))

struct bits {
    ref_wide value;
    int width;
};

STEP struct bits number(ref_wide value, int width)
{
    return (struct bits){width < 128 ? value & (((ref_wide)1 << width) - 1) : value, width};
}

/* x[high..low]; bits above the width are zero */
STEP struct bits slice(struct bits x, int high, int low)
{
    return low > 127 ? number(0, high - low + 1) : number(x.value >> low, high - low + 1);
}

/* high @ low; what would lie above 128 bits is cut off */
STEP struct bits join(struct bits high, struct bits low)
{
    ref_wide value = low.width > 127 ? 0 : high.value << low.width;
    int width = high.width + low.width;

    return (struct bits){value | low.value, width > 128 ? 128 : width};
}

STEP struct bits plus(struct bits x, ref_wide n)
{
    return number(x.value + n, x.width);
}

STEP struct bits minus(struct bits x, ref_wide n)
{
    return number(x.value - n, x.width);
}

struct fields {
    bool ie;
    int e;
    struct bits b;
    struct bits t;
};

static struct fields unpack(const struct ref_format *f, uint64_t memory)
{
    const int mw = f->mantissa_width;
    struct bits field = number(f->inverted_exponent ? memory : memory ^ f->null_field, 2 * mw - 1);
    struct fields c = {.ie = slice(field, 2 * mw - 2, 2 * mw - 2).value == (f->inverted_exponent ? 0 : 1)};
    struct bits t = slice(field, 2 * mw - 3, mw);
    struct bits length_top;
    ref_wide carry;

    c.b = slice(field, mw - 1, 0);
    if (c.ie) {
        struct bits e = join(slice(t, 2, 0), slice(c.b, 2, 0));
        c.e = (int)(f->inverted_exponent ? 63 - e.value : e.value);
        c.b = join(slice(c.b, mw - 1, 3), number(0, 3));
        t = join(slice(t, mw - 3, 3), number(0, 3));
    }
    length_top = number(c.ie ? 1 : 0, 2);
    carry = t.value < slice(c.b, mw - 3, 0).value ? 1 : 0;
    c.t = join(plus(plus(slice(c.b, mw - 1, mw - 2), length_top.value), carry), t);
    return c;
}

static uint64_t pack(const struct ref_format *f, bool ie, int e, struct bits b, struct bits t)
{
    const int mw = f->mantissa_width;
    struct bits exponent = number((ref_wide)(f->inverted_exponent ? 63 - e : e), 6);
    struct bits upper = slice(t, mw - 3, 3);
    struct bits lower = slice(b, mw - 1, 3);
    struct bits flag = number(ie != f->inverted_exponent, 1);
    struct bits field;

    if (ie)
        field = join(flag, join(join(upper, slice(exponent, 5, 3)), join(lower, slice(exponent, 2, 0))));
    else
        field = join(flag, join(join(upper, slice(t, 2, 0)), join(lower, slice(b, 2, 0))));
    return (uint64_t)field.value ^ f->null_field;
}

static struct bits bounds_address(const struct ref_format *f, uint64_t address)
{
    struct bits a = number(address, f->address_bits);

    while (a.width < 64)
        a = join(slice(a, a.width - 1, a.width - 1), a);
    return a;
}

static bool outside(const struct ref_format *f, struct fields c)
{
    return f->inverted_exponent && c.e > 66 - f->mantissa_width;
}

struct ref_result ref_decode(const struct ref_format *f, uint64_t memory, uint64_t address)
{
    const int mw = f->mantissa_width;
    const int max_e = 65 - mw + 1;
    struct fields c = unpack(f, memory);
    const int e = c.e < max_e ? c.e : max_e;
    struct bits a = bounds_address(f, address);
    struct bits a3 = slice(a, e + mw - 1, e + mw - 3);
    struct bits b3 = slice(c.b, mw - 1, mw - 3);
    struct bits t3 = slice(c.t, mw - 1, mw - 3);
    struct bits r3 = minus(b3, 1);
    int a_high = a3.value < r3.value;
    int b_high = b3.value < r3.value;
    int t_high = t3.value < r3.value;
    struct bits a_top = slice(a, 63 + e + mw, e + mw);
    struct bits base = join(join(minus(plus(a_top, (ref_wide)b_high), (ref_wide)a_high), c.b), number(0, e));
    struct bits top = join(join(minus(plus(a_top, (ref_wide)t_high), (ref_wide)a_high), c.t), number(0, e));
    struct bits two;

    if (outside(f, c))
        return (struct ref_result){.base = 0, .top = (ref_wide)1 << 64};
    base = slice(base, 64, 0);
    top = slice(top, 64, 0);
    two = minus(slice(top, 64, 63), slice(base, 63, 63).value);
    if (e < max_e - 1 && two.value > 1)
        top = join(minus(number(1, 1), slice(top, 64, 64).value), slice(top, 63, 0));
    return (struct ref_result){.base = (uint64_t)slice(base, 63, 0).value, .top = top.value};
}

static int leading_zeros(struct bits x)
{
    for (int i = 0; i < x.width; i++) {
        if (slice(x, x.width - 1 - i, x.width - 1 - i).value == 1)
            return i;
    }
    return x.width;
}

struct ref_result ref_set_bounds(const struct ref_format *f, uint64_t old, uint64_t address, ref_wide length)
{
    const int mw = f->mantissa_width;
    const bool small = f->inverted_exponent && unpack(f, old).e + mw < 64;
    struct bits base = join(number(0, 2), small ? bounds_address(f, address) : number(address, 64));
    struct bits top = plus(base, length);
    struct bits len = number(length, 65);
    int e = 66 - mw - leading_zeros(slice(len, 64, mw - 1));
    const bool ie = e != 0 || slice(len, mw - 2, mw - 2).value == 1;
    struct bits b = slice(base, mw - 1, 0);
    struct bits t = slice(top, mw - 1, 0);
    bool lost_base = false;
    bool lost_top = false;
    struct ref_result result;

    if (ie) {
        struct bits b_ie = slice(base, e + mw - 1, e + 3);
        struct bits t_ie = slice(top, e + mw - 1, e + 3);
        lost_base = slice(base, e + 2, 0).value != 0;
        lost_top = slice(top, e + 2, 0).value != 0;
        if (lost_top)
            t_ie = plus(t_ie, 1);
        if (slice(minus(t_ie, b_ie.value), mw - 4, mw - 4).value == 1) {
            lost_base = lost_base || slice(b_ie, 0, 0).value == 1;
            lost_top = lost_top || slice(t_ie, 0, 0).value == 1;
            e = e + 1;
            b_ie = slice(base, e + mw - 1, e + 3);
            t_ie = plus(slice(top, e + mw - 1, e + 3), lost_top ? 1 : 0);
        }
        b = join(b_ie, number(0, 3));
        t = join(t_ie, number(0, 3));
    }
    result = ref_decode(f, pack(f, ie, e, b, t), address);
    result.exact = !lost_base && !lost_top;
    result.field = pack(f, ie, e, b, t);
    return result;
}

bool ref_set_address(const struct ref_format *f, uint64_t memory, uint64_t address, uint64_t new_address)
{
    struct ref_result before = ref_decode(f, memory, address);
    struct ref_result after = ref_decode(f, memory, new_address);
    struct fields c = unpack(f, memory);
    bool sign = false;

    if (f->address_bits < 64 && c.e + f->mantissa_width < 64)
        sign = (address >> (f->address_bits - 1) & 1) != (new_address >> (f->address_bits - 1) & 1);
    if (outside(f, c) && c.e != 63)
        return false;
    return before.base == after.base && before.top == after.top && !sign;
}

bool ref_increment(const struct ref_format *f, uint64_t memory, uint64_t address, uint64_t increment)
{
    const int mw = f->mantissa_width;
    struct fields c = unpack(f, memory);
    struct bits i = number(increment, 64);
    struct bits sign = number(slice(i, 63, 63).value == 1 ? UINT64_MAX : 0, 64);
    struct bits i_top = slice(join(sign, i), 127, c.e + mw);
    struct bits i_mid = slice(i, c.e + mw - 1, c.e);
    struct bits a_mid = slice(number(address, 64), c.e + mw - 1, c.e);
    struct bits r = join(minus(slice(c.b, mw - 1, mw - 3), 1), number(0, mw - 3));
    struct bits diff = minus(r, a_mid.value);

    if (c.e >= 65 - mw + 1 - 2)
        return true;
    if (i_top.value == 0)
        return i_mid.value < minus(diff, 1).value;
    return i_top.value == number(~(ref_wide)0, i_top.width).value && i_mid.value >= diff.value &&
           r.value != a_mid.value;
}

bool ref_canonical(const struct ref_format *f, uint64_t memory, uint64_t address)
{
    struct ref_result bounds = ref_decode(f, memory, address);
    struct ref_result again = ref_set_bounds(f, memory, bounds.base, bounds.top - bounds.base);

    return again.exact && ((again.field ^ memory) & ((UINT64_C(1) << (2 * f->mantissa_width - 1)) - 1)) == 0;
}

uint64_t ref_cram(const struct ref_format *f, uint64_t length)
{
    uint64_t base = f->worst_base ? UINT64_MAX - length : 0;
    struct ref_result narrowed = ref_set_bounds(f, 0, base, length);
    struct fields c = unpack(f, narrowed.field);
    struct bits mask = number(~(ref_wide)0, 64);

    if (c.ie)
        mask = join(slice(mask, 63, c.e + 3), number(0, c.e + 3));
    return (uint64_t)mask.value;
}

uint64_t ref_crrl(const struct ref_format *f, uint64_t length)
{
    uint64_t mask = ref_cram(f, length);

    return (length + ~mask) & mask;
}
