/* Everything capalloc offers. */
#ifndef CAPALLOC_CAPALLOC_H
#define CAPALLOC_CAPALLOC_H

#include <capalloc/malloc.h>
#include <capalloc/stats.h>
#include <capalloc/violation.h>

#endif
