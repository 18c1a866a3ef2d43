/* A violation handler that refuses every call and remembers the last one. */
#ifndef TESTS_SUPPORT_REFUSE_H
#define TESTS_SUPPORT_REFUSE_H

#include <capalloc/violation.h>

#include <string.h>

static unsigned refused_calls;      /* since the start or the last question */
static ca_violation refused_report; /* the last one */

static bool refuse_call(const ca_violation *violation)
{
    refused_calls++;
    refused_report = *violation;
    return true;
}

static inline void refuse_forget(void)
{
    refused_calls = 0;
    refused_report = (ca_violation){.code = "none"};
}

/* From here on violations are refused. */
static inline void refuse_start(void)
{
    refuse_forget();
    ca_set_violation_handler(refuse_call);
}

/* Exactly one since the start or the last question, and of this code. */
static inline bool was_refused(const char *code)
{
    bool was = refused_calls == 1 && strcmp(refused_report.code, code) == 0;

    refuse_forget();
    return was;
}

/* The same, and what it says of the place and of the size that was found. */
static inline bool was_refused_in(const char *code, const char *place, size_t bytes)
{
    bool was = refused_calls == 1 && strcmp(refused_report.place, place) == 0 && refused_report.size == bytes;

    return was_refused(code) && was;
}

#endif
