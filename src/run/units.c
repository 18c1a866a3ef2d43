/* Sizes, counts and times as people write and read them; what is read of sizes and times is in core/amount.h. Called by
 * the options and the reports.
 */
#include "run/units.h"

#include "core/amount.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cai_number_parse(const char *text, uint64_t most, uint64_t *value)
{
    char *end;

    errno = 0;
    unsigned long long read = strtoull(text, &end, 10); /* which alone would take signs and spaces, too */
    if (!isdigit((unsigned char)text[0]) || errno != 0 || *end != 0 || read > most)
        return false;
    *value = read;
    return true;
}

bool cai_size_parse(const char *text, uint64_t *bytes)
{
    return cai_amount_size(text, strlen(text), bytes);
}

bool cai_time_parse(const char *text, uint64_t *milliseconds)
{
    return cai_amount_time(text, strlen(text), milliseconds);
}

/* How many decimals leave three digits, whatever the rounding. */
static int decimals(double value)
{
    return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

struct cai_units cai_size_text(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    struct cai_units out;
    double value = (double)bytes;
    size_t unit = 0;

    if (bytes >= 1024) /* 999.5 and more would print as four digits */
        for (; value >= 999.5; unit++)
            value /= 1024;
    snprintf(out.text, sizeof out.text, "%.*f %s", unit == 0 ? 0 : decimals(value), value, units[unit]);
    return out;
}

const char *cai_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

struct cai_units cai_count_text(uint64_t count)
{
    struct cai_units out;
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *end = out.text;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *end++ = ',';
        *end++ = digits[i];
    }
    *end = 0;
    return out;
}

struct cai_units cai_time_text(uint64_t nanoseconds)
{
    struct cai_units out;
    double seconds = (double)nanoseconds / 1e9;
    uint64_t minutes = nanoseconds / UINT64_C(60000000000);

    if (seconds < 0.9995)
        snprintf(out.text, sizeof out.text, "%.*f ms", decimals(seconds * 1e3), seconds * 1e3);
    else if (seconds < 60)
        snprintf(out.text, sizeof out.text, "%.*f s", seconds < 9.995 ? 2 : 1, seconds);
    else if (seconds < 3600)
        snprintf(out.text, sizeof out.text, "%d min %d s", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(out.text, sizeof out.text, "%" PRIu64 " h %d min", minutes / 60, (int)(minutes % 60));
    return out;
}
