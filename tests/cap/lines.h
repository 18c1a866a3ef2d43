/* Lines of "name=number", hexadecimal, without the C library. */
#ifndef TESTS_CAP_LINES_H
#define TESTS_CAP_LINES_H

#include <stddef.h>

/* One case: what it says becomes its line. Lists end with a NULL name. */
struct cap_case {
    const char *name;
    void (*run)(void);
};

/* Those of cases_rights.c and cases_memory.c. */
extern const struct cap_case cap_cases_of_rights[];
extern const struct cap_case cap_cases_of_memory[];

void say_begin(const char *name);
void say_number(const char *name, size_t number);
/* The line, valid until the next say_begin. */
const char *say_end(void);

#endif
