/* Sizes, counts and times as people write and read them. */
#ifndef CAI_RUN_UNITS_H
#define CAI_RUN_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* By value, so that one call of printf can say several: printf("%s of %s", cai_size_text(a).text, ...). */
struct cai_units {
    char text[32];
};

/* "4096", "64K", "64KiB", "1.5GB" in bytes, and "250", "10s", "5min" in milliseconds, as the library's settings have
 * them (core/amount.h); false when it is nothing of the kind. */
bool cai_size_parse(const char *text, uint64_t *bytes);
bool cai_time_parse(const char *text, uint64_t *milliseconds);

/* Decimal digits up to `most`; no sign, no space. */
bool cai_number_parse(const char *text, uint64_t most, uint64_t *value);

struct cai_units cai_size_text(uint64_t bytes);       /* "512 B", "1.50 KiB", "12.4 MiB", "640 GiB" */
struct cai_units cai_count_text(uint64_t count);      /* "1,234,567" */
const char *cai_plural(uint64_t count);               /* what a noun gets behind a count: "" or "s" */
struct cai_units cai_time_text(uint64_t nanoseconds); /* "0.14 ms", "1.24 s", "3 min 12 s" */

#endif
