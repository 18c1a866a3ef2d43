/* Prints the lines of all cases, on soft capabilities or on what the stub makes of them. */
#include "cap/cases.h"
#include "cap/tag_table.h"

#include <stdio.h>

unsigned char cap_cases_memory[CAP_CASES_REGION_BYTES];

static void put(const char *line)
{
    puts(line);
}

int main(void)
{
    return !tag_table_for(CAP_CASES_REGION) || cap_cases_run(put) == 0;
}
