/* What happens when a caller breaks the rules: a report, then an abort, unless a handler decides otherwise. */
#ifndef CAPALLOC_VIOLATION_H
#define CAPALLOC_VIOLATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers are part of the ABI; new kinds are added at the end. ca_violation.code has the stable text of each. */
typedef enum ca_violation_kind {
    CA_VIOLATION_DOUBLE_FREE = 1,       /* double-free: the block was given back before */
    CA_VIOLATION_INVALID_FREE = 2,      /* invalid-free: not the start of a block (interior, misaligned, foreign) */
    CA_VIOLATION_WRONG_DEALLOCATOR = 3, /* wrong-deallocator: must-zero memory given to a plain deallocator */
    CA_VIOLATION_SIZE_MISMATCH = 4,     /* size-mismatch: the stated size is not the block's */
    CA_VIOLATION_MISMATCHED_DELETE = 5, /* mismatched-delete: malloc, new, new[]; hardened only */
    CA_VIOLATION_UNWRAP_ERROR = 6,      /* unwrap-error: a result was unwrapped that holds an error */
    CA_VIOLATION_ARENA_ORDER = 7,       /* arena-order: an arena was released past a newer mark */
    CA_VIOLATION_NOT_WIPED =
        8,                  /* not-wiped: what was wiped or claimed is not zero; of secrets only, but in debug builds */
    CA_VIOLATION_STALE = 9, /* stale: a block was to be grown, shrunk or wiped that was given back */
    CA_VIOLATION_DENIED = 10, /* denied: the authority or the capability does not allow it */
    CA_VIOLATION_USE_AFTER_FREE_WRITE =
        11,                           /* use-after-free-write: a freed block was written to; hardened, found late */
    CA_VIOLATION_OVERFLOW = 12,       /* overflow: what lies behind a block was written to; hardened, found late */
    CA_VIOLATION_UNDERFLOW = 13,      /* underflow: what lies before a block was used; of guarded samples */
    CA_VIOLATION_USE_AFTER_FREE = 14, /* use-after-free: a freed block was used; of guarded samples */
    CA_VIOLATION_KIND_MAKE_32_BITS = 0x7fffffff
} ca_violation_kind;

/* What a handler is told. struct_size grows with the library. */
typedef struct ca_violation {
    size_t struct_size;
    ca_violation_kind kind;
    const char *code;     /* stable and machine-readable, such as "double-free"; static storage */
    const char *function; /* such as "free"; behind a trait object the heap's own function; static storage */
    const void *address;  /* what was passed */
    size_t size;          /* bytes of the block the address belongs to, 0 when there is none */
    const char *place;    /* "ordinary", "nocaps", "mustzero", "secret" or "none"; static storage */
    const char *stated;   /* what the call says about the address; static storage */
    const char *found;    /* what was found there; static storage */
} ca_violation;

/* Called in the thread that broke the rule, with no lock held, before anything has changed. Return true: the call is
 * refused, nothing has changed, the program goes on. Return false: the report is written and the program aborts.
 * What is found late (use-after-free-write, overflow) was done before: there true means only that the program goes on.
 * Where an access to a guarded sample faulted it is made again then, and hits memory that is nobody's; that is told in
 * a signal handler, and the handler may do what those may.
 * The handler may allocate. Contract: V2. */
typedef bool (*ca_violation_handler)(const ca_violation *);

/* Registers the handler of the process and returns the one before; NULL is the default: one line on stderr, then abort.
 * Thread-safe and async-signal-safe. Contract: V1, V2, V3. */
ca_violation_handler ca_set_violation_handler(ca_violation_handler handler);

#ifdef __cplusplus
}
#endif
#endif
