/* What every unit test includes: cmocka with the headers it wants before it, an assertion for audits, and what the
 * thread sanitizer need not see. */
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

/* In the table of a suite that has threads, a test that never has two at once: the thread sanitizer, which is slow, can
 * find nothing in it, and there it is told as skipped (CAI_TSAN: base/compiler.h). A suite without threads is not built
 * there at all (tests/CMakeLists.txt). */
__attribute__((unused)) static void alone_is_skipped(void **state)
{
    (void)state;
    skip();
}
#define alone(test)                                                                                                    \
    {                                                                                                                  \
#test, CAI_TSAN ? alone_is_skipped : (test), NULL, NULL, NULL                                                  \
    }

#endif
