/* What `capalloc` reads that others wrote, each from bytes that may be anything: for a test that damages what is right
 * (test_outside.c) and for a fuzzer (fuzz.c). */
#ifndef OUTSIDE_H
#define OUTSIDE_H

#include <stddef.h>
#include <stdint.h>

enum outside {
    OUTSIDE_PAGE,    /* a process's page, by all reports */
    OUTSIDE_SITES,   /* its heap profile, by all forms */
    OUTSIDE_CALLS,   /* the calls that led to a violation */
    OUTSIDE_PROGRAM, /* the file of a program that is to be started */
    OUTSIDE_MODULE,  /* the file of code whose functions are asked for */
    OUTSIDE_KINDS,
};

/* Reads and shows it, to nowhere. What is missing at the end is zero. Ends the process if something is shown that
 * commands a terminal. */
void outside_read(enum outside what, const uint8_t *bytes, size_t size);

/* Something that is right, in at most `room` bytes: how many they are. */
size_t outside_example(enum outside what, uint8_t *bytes, size_t room);

#endif
