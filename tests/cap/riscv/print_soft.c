/* Prints the lines of tests/cap/cases.c as soft capabilities give them: what every other model is compared with. */
#include "cap/cases.h"
#include "cap/tags.h"

#include <stdio.h>

_Alignas(4096) unsigned char cap_cases_memory[CAP_CASES_REGION_BYTES];
static uint64_t tags[CAP_CASES_REGION_BYTES / 16 / 64];

static void put_line(const char *line)
{
    puts(line);
}

int main(void)
{
    cai_tags_other(CAP_CASES_REGION, CAP_CASES_REGION_BYTES, tags);
    cap_cases_run(put_line);
    return fflush(stdout) != 0;
}
