/* Sizes, counts and times as people write and read them. Parsing is strict: a value that is half understood would limit
 * a program to something nobody asked for. Called by the options and the reports.
 */
#include "run/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool digits_take(const char **text, uint64_t *value)
{
    const char *at = *text;
    uint64_t sum = 0;
    while (isdigit((unsigned char)*at)) {
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, (uint64_t)(*at - '0'), &sum))
            return false;
        at++;
    }
    bool any = at != *text;
    *text = at;
    *value = sum;
    return any;
}

bool cai_number_parse(const char *text, uint64_t most, uint64_t *value)
{
    uint64_t read;
    if (!digits_take(&text, &read) || *text != 0 || read > most)
        return false;
    *value = read;
    return true;
}

bool cai_size_parse(const char *text, uint64_t *bytes)
{
    uint64_t read;
    if (!digits_take(&text, &read))
        return false;
    unsigned shift = 0;
    if (*text != 0) {
        const char *letters = "kmgt";
        const char *found = strchr(letters, tolower((unsigned char)*text));
        if (found == NULL)
            return false;
        shift = 10 * (unsigned)(found - letters + 1);
        text++;
        /* "KB" is refused: half the world means 1000 by it. */
        if (*text != 0 && strcasecmp(text, "ib") != 0)
            return false;
    }
    if (read > UINT64_MAX >> shift)
        return false;
    *bytes = read << shift;
    return true;
}

const char *cai_size_text(char *text, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(text, CAI_UNITS_TEXT, "%" PRIu64 " B", bytes);
        return text;
    }
    double value = (double)bytes;
    size_t unit = 0;
    /* 999.5 and more would print as four digits */
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(text, CAI_UNITS_TEXT, "%.*f %s", decimals, value, units[unit]);
    return text;
}

const char *cai_count_text(char *text, uint64_t count)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *out = text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = 0;
    return text;
}

const char *cai_time_text(char *text, uint64_t nanoseconds)
{
    double seconds = (double)nanoseconds / 1e9;
    if (seconds < 0.9995) {
        double ms = seconds * 1e3;
        snprintf(text, CAI_UNITS_TEXT, "%.*f ms", ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0, ms);
    } else if (seconds < 60) {
        snprintf(text, CAI_UNITS_TEXT, "%.*f s", seconds < 9.995 ? 2 : 1, seconds);
    } else if (seconds < 3600) {
        snprintf(text, CAI_UNITS_TEXT, "%d min %d s", (int)seconds / 60, (int)seconds % 60);
    } else {
        uint64_t minutes = nanoseconds / UINT64_C(60000000000);
        snprintf(text, CAI_UNITS_TEXT, "%" PRIu64 " h %d min", minutes / 60, (int)(minutes % 60));
    }
    return text;
}
