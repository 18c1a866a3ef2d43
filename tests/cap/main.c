/* Prints the lines of all cases, on soft capabilities or on what the stub makes of them. */
#include "cap/cases.h"
#include "cap/tags.h"

#include <stdio.h>

unsigned char cap_cases_memory[CAP_CASES_REGION_BYTES];
static uint64_t tags[CAP_CASES_REGION_BYTES / 16 / 64];

static void put(const char *line)
{
    puts(line);
}

int main(void)
{
    cai_tags_other(CAP_CASES_REGION, CAP_CASES_REGION_BYTES, tags);
    return cap_cases_run(put) == 0;
}
