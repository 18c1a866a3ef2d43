/* Protection of must-zero and secret memory against what reads memory besides the program: core dumps, forked children,
 * swap, debuggers and the kernel itself.
 *
 * The process wants; the kernel and the limits of the process (RLIMIT_MEMLOCK above all) grant, for each chunk of
 * memory anew. What was really obtained is counted and can be read; nothing is ever less than it is said to be. Without
 * any call CA_PROTECT_NO_DUMP is wanted. Contract: Z8.
 */
#ifndef CAPALLOC_PROTECT_H
#define CAPALLOC_PROTECT_H

#include <capalloc/error.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Flags; the numbers are part of the ABI. */
enum {
    /* Left out of core dumps; always wanted. */
    CA_PROTECT_NO_DUMP = 1,
    /* Reads as zero in a forked child, its blocks included. */
    CA_PROTECT_WIPE_ON_FORK = 2,
    /* Never written to swap; counts against RLIMIT_MEMLOCK, in a forked child anew. */
    CA_PROTECT_LOCK = 4,
    /* memfd_secret: out of reach of ptrace, /proc/PID/mem, process_vm_readv and the kernel's own mappings; implies the
     * other three. Counts as locked. Direct I/O from it fails. */
    CA_PROTECT_HIDE = 8,
    CA_PROTECT_ALL = 15
};

/* The caller sets struct_size (CA_PROTECTION_INIT does); fields beyond it are not written. */
typedef struct ca_protection {
    size_t struct_size;
    unsigned wanted;        /* flags asked for since the start */
    unsigned obtained;      /* those in force for every byte that is mapped now; when none is: found possible */
    unsigned refused;       /* those refused for some memory at some time */
    ca_error error;         /* of the first refusal; CA_OK: there was none */
    uint64_t mapped_bytes;  /* in the must-zero and secret places, in use or free */
    uint64_t no_dump_bytes; /* of these: protected, flag by flag */
    uint64_t wipe_on_fork_bytes;
    uint64_t lock_bytes;
    uint64_t hide_bytes;
} ca_protection;

/* An initializer that sets struct_size, everything else 0. */
/* clang-format off */
#ifdef __cplusplus
#define CA_PROTECTION_INIT { sizeof(ca_protection), 0, 0, 0, CA_OK, 0, 0, 0, 0, 0 }
#else
#define CA_PROTECTION_INIT { .struct_size = sizeof(ca_protection) }
#endif
/* clang-format on */

/* From now on the must-zero and secret memory of the process is to have the protections `wanted`, in addition to those
 * wanted before: they cannot be taken back. What is mapped there already gets them where that is possible: memory in
 * use cannot be hidden any more, free memory is given back to the system first, so ask early. Memory in use that is to
 * be locked becomes resident.
 *
 * CA_OK: all of `wanted` is in force for all memory that is mapped now, and was tried by real calls where none is.
 * CA_ERROR_NOT_PERMITTED: something was refused; the rest is in force. CA_ERROR_INVALID: a flag that does not exist;
 * nothing changed. CA_ERROR_OUT_OF_MEMORY: the heap cannot start. *obtained is filled in as by ca_protection_read
 * unless NULL.
 *
 * A child of fork has zeros where its parent has hidden memory, from the fork handlers on; after a raw clone or _Fork
 * there is nothing. Thread-safe; not async-signal-safe. Contract: Z8. */
ca_error ca_protect(unsigned wanted, ca_protection *obtained);

/* Fills *out up to out->struct_size bytes. Memory that is mapped later may get less: read again when it matters.
 * Thread-safe; not async-signal-safe. Errors: none. Contract: Z8. */
void ca_protection_read(ca_protection *out);

#ifdef __cplusplus
}
#endif
#endif
