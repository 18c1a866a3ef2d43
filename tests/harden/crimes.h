/* What the programs' files share. */
#ifndef CRIMES_H
#define CRIMES_H

#include <stdbool.h>
#include <stddef.h>

struct crime {
    const char *name; /* NULL ends a table */
    void (*commit)(void);
};

extern const struct crime guard_crimes[];

extern size_t size, bytes; /* what the program was told */
extern long offset;

/* A block of `size` bytes, with neighbours, after thousands of others. */
char *victim(void);

#endif
