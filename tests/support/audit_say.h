/* How the files of the audit say what is wrong. */
#ifndef TESTS_SUPPORT_AUDIT_SAY_H
#define TESTS_SUPPORT_AUDIT_SAY_H

/* Formats into one buffer and returns it. */
const char *audit_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
