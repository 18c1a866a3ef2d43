/* Running a piece of a test in a forked child: for what ends a process, and for what a process can do only once, such
 * as starting the engine. In the child, say `require(condition)` rather than cmocka's assertions.
 *
 *     CHILD_TEST(test_of_one_thing, 10)
 *     {
 *         require(one_thing());
 *     }
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

/* --- with cmocka --- */

/* The child succeeds. */
#define assert_child(seconds, body, argument)                                                                          \
    do {                                                                                                               \
        struct child child_;                                                                                           \
        child_run(&child_, (seconds), (body), (argument));                                                             \
        assert_true(child_succeeded(&child_));                                                                         \
    } while (0)

/* A cmocka test whose body, which follows, runs in a child for so many seconds at most. */
#define CHILD_TEST(name, seconds)                                                                                      \
    static void name##_in_child(const void *);                                                                         \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        assert_child(seconds, name##_in_child, NULL);                                                                  \
    }                                                                                                                  \
    static void name##_in_child(const void *unused_ __attribute__((unused)))

/* The same in a child for each element of an array: in the body it is called `value`. */
#define CHILD_TEST_EACH(name, seconds, values)                                                                         \
    static void name##_of(__typeof__((values)[0]) value);                                                              \
    static void name##_in_child(const void *argument)                                                                  \
    {                                                                                                                  \
        name##_of(*(__typeof__(&(values)[0]))argument);                                                                \
    }                                                                                                                  \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        for (unsigned i_ = 0; i_ < sizeof(values) / sizeof *(values); i_++)                                            \
            assert_child(seconds, name##_in_child, &(values)[i_]);                                                     \
    }                                                                                                                  \
    static void name##_of(__typeof__((values)[0]) value)

#endif
