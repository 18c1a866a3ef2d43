/* A violation handler that refuses every call and remembers the last one. */
#ifndef TESTS_SUPPORT_REFUSE_H
#define TESTS_SUPPORT_REFUSE_H

#include <capalloc/violation.h>

#include <string.h>

static unsigned refused_calls;
static const char *refused_code;

static bool refuse_call(const ca_violation *violation)
{
    refused_calls++;
    refused_code = violation->code;
    return true;
}

/* From here on violations are refused. */
static inline void refuse_start(void)
{
    refused_calls = 0;
    refused_code = "none";
    ca_set_violation_handler(refuse_call);
}

/* Exactly one since the start or the last question, and of this code. */
static inline bool was_refused(const char *code)
{
    bool was = refused_calls == 1 && strcmp(refused_code, code) == 0;

    refused_calls = 0;
    refused_code = "none";
    return was;
}

#endif
