/* Amounts as people write them: sizes and lengths of time, for the settings of the library and for the command line of
 * `capalloc`, so that neither takes what the other refuses. Whatever is half understood is refused: it would limit a
 * program to something nobody asked for. In a header, because the two are linked apart; calls nothing but memory.
 *
 *     size    512, 64K, 64KB, 64KiB, 1.5G, in either case: K, M, G, T are powers of 1024 in each spelling
 *     time    250, 250ms, 10s, 0.5s, 5min (or 5m), 1h: milliseconds where there is no unit
 */
#ifndef CAI_CORE_AMOUNT_H
#define CAI_CORE_AMOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The longest that free memory may be kept, in milliseconds: the setting decay. */
#define CAI_DECAY_MS_MAX ((uint64_t)3600 * 1000)

struct cai_amount_unit {
    char name[4]; /* in small letters */
    uint64_t factor;
};

/* The factor of the unit that is written there; 0: there is no such one. */
static inline uint64_t cai_amount_factor(const struct cai_amount_unit *units, size_t count, const char *text,
                                         size_t length)
{
    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        while (same < length && units[i].name[same] != '\0' && (text[same] | 0x20) == units[i].name[same])
            same++;
        if (same == length && units[i].name[same] == '\0')
            return units[i].factor;
    }
    return 0;
}

/* Digits, perhaps a point and more digits, and one of the units. Less than a whole is dropped, and a fraction of what
 * cannot be divided is refused, as is what does not fit. *out is written on success only. */
static inline bool cai_amount_read(const struct cai_amount_unit *units, size_t count, const char *text, size_t length,
                                   uint64_t *out)
{
    uint64_t whole = 0;
    uint64_t part = 0;
    uint64_t parts = 1; /* 10 for each digit behind the point, of six at most */
    uint64_t value;
    size_t i = 0;

    for (; i < length && text[i] >= '0' && text[i] <= '9'; i++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(text[i] - '0'), &whole))
            return false;
    if (i == 0)
        return false;
    if (i + 1 < length && text[i] == '.' && text[i + 1] >= '0' && text[i + 1] <= '9')
        for (i++; i < length && text[i] >= '0' && text[i] <= '9'; i++)
            if (parts < 1000000) {
                part = part * 10 + (uint64_t)(text[i] - '0');
                parts *= 10;
            }
    uint64_t factor = i == length && parts == 1 ? 1 : cai_amount_factor(units, count, text + i, length - i);
    if (factor == 0 || (parts > 1 && factor == 1) || __builtin_mul_overflow(whole, factor, &value) ||
        __builtin_add_overflow(value, part * factor / parts, &value))
        return false;
    *out = value;
    return true;
}

/* A size in bytes. */
static inline bool cai_amount_size(const char *text, size_t length, uint64_t *bytes)
{
    static const struct cai_amount_unit units[] = {
        {"b", 1},
        {"k", (uint64_t)1 << 10},
        {"kb", (uint64_t)1 << 10},
        {"kib", (uint64_t)1 << 10},
        {"m", (uint64_t)1 << 20},
        {"mb", (uint64_t)1 << 20},
        {"mib", (uint64_t)1 << 20},
        {"g", (uint64_t)1 << 30},
        {"gb", (uint64_t)1 << 30},
        {"gib", (uint64_t)1 << 30},
        {"t", (uint64_t)1 << 40},
        {"tb", (uint64_t)1 << 40},
        {"tib", (uint64_t)1 << 40},
    };

    return cai_amount_read(units, sizeof units / sizeof units[0], text, length, bytes);
}

/* A length of time in milliseconds. */
static inline bool cai_amount_time(const char *text, size_t length, uint64_t *milliseconds)
{
    static const struct cai_amount_unit units[] = {
        {"ms", 1}, {"s", 1000}, {"sec", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000},
    };

    return cai_amount_read(units, sizeof units / sizeof units[0], text, length, milliseconds);
}

#endif
