/* Errors: why a call gave nothing. Values, never exceptions, never errno. */
#ifndef CAPALLOC_ERROR_H
#define CAPALLOC_ERROR_H

#include <capalloc/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 32 bits, and part of the ABI: new errors are added at the end. */
typedef enum ca_error {
    CA_OK = 0,
    CA_ERROR_OUT_OF_MEMORY = 1, /* no memory, or no more of it for this process */
    CA_ERROR_LAYOUT = 2,        /* no valid layout, or one that this call cannot meet */
    CA_ERROR_QUOTA = 3,         /* the authority has less than that left */
    CA_ERROR_NOT_PERMITTED = 4, /* the authority lacks the right, or is none */
    CA_ERROR_STALE = 5,         /* the block was given back */
    CA_ERROR_INVALID = 6,       /* the address is no block of this kind, or the size not the block's */
    CA_ERROR_MAKE_32_BITS = 0x7fffffff
} ca_error;

/* A short English description, such as "out of memory"; static storage, never NULL. Values
 * without a name are an "unknown error". Thread-safe, async-signal-safe. */
CA_NOT_NULL_ const char *ca_error_string(ca_error error);

#ifdef __cplusplus
}
#endif
#endif
