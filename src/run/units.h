/* Sizes, counts and times as people write and read them. */
#ifndef CAI_RUN_UNITS_H
#define CAI_RUN_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CAI_UNITS_TEXT = 32 }; /* enough for every text below */

/* "4096", "64K", "64KiB", "2G" (powers of 1024, either case); false when it is none of these or above UINT64_MAX. */
bool cai_size_parse(const char *text, uint64_t *bytes);

/* Decimal digits up to `most`; no sign, no space. */
bool cai_number_parse(const char *text, uint64_t most, uint64_t *value);

/* Each writes at most CAI_UNITS_TEXT bytes to text and returns it. */
const char *cai_size_text(char *text, uint64_t bytes);       /* "512 B", "1.50 KiB", "12.4 MiB", "640 GiB" */
const char *cai_count_text(char *text, uint64_t count);      /* "1,234,567" */
const char *cai_time_text(char *text, uint64_t nanoseconds); /* "0.14 ms", "1.24 s", "3 min 12 s" */

#endif
