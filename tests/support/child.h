/* Running a piece of a test in a forked child: for what ends a process, and for what a process can do only once, such
 * as starting the engine. In the child, say `require(condition)` rather than cmocka's assertions.
 */
#ifndef TESTS_SUPPORT_CHILD_H
#define TESTS_SUPPORT_CHILD_H

#include <stdbool.h>
#include <stdnoreturn.h>

struct child {
    int status;      /* as from wait */
    char text[4096]; /* what it wrote to standard error, ended by 0 */
};

/* Runs body(argument) in a child whose signals are as at program start and which SIGALRM ends after `seconds`, times
 * CAPALLOC_TEST_PATIENCE where that is set (for valgrind and slow machines). */
void child_run(struct child *child, unsigned seconds, void (*body)(const void *), const void *argument);

/* It returned, and every requirement held. */
bool child_succeeded(const struct child *child);

/* It ended by this signal. */
bool child_died(const struct child *child, int signal);

noreturn void child_fail(const char *file, int line, const char *what);

#define require(condition) ((condition) ? (void)0 : child_fail(__FILE__, __LINE__, #condition))

/* For audits: NULL is good, and anything else is the reason. */
#define require_null(text)                                                                                             \
    do {                                                                                                               \
        const char *reason_ = (text);                                                                                  \
        if (reason_ != NULL)                                                                                           \
            child_fail(__FILE__, __LINE__, reason_);                                                                   \
    } while (0)

#endif
