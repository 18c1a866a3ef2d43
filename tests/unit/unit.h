/* What every unit test includes: cmocka with the headers it wants before it, and an assertion for audits. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Audits return NULL, or what is wrong. */
#define assert_well(text)                                                                                              \
    do {                                                                                                               \
        const char *wrong_ = (text);                                                                                   \
        if (wrong_ != NULL)                                                                                            \
            fail_msg("%s", wrong_);                                                                                    \
    } while (0)

#endif
