/* Authorities: who may take memory from which heap, how much, and what else.
 *
 * An authority is a value that names a right without being it: what it allows stands in the library's own memory, and
 * the value is only recognised, by 64 random bits. One that was made up or altered is refused. That holds against
 * mistakes and against code that sees only what it was given; code that may read all of the process's memory can take
 * any authority it finds there, unless the hardware (CHERI) hides it.
 *
 * Authorities form a tree. One is derived from another with some of its rights and some of its quota, never more; to
 * revoke one is to revoke all that were derived from it. After the sealed allocation capabilities of CHERIoT and the
 * proposal that growing a block should need a capability that allows it.
 *
 * All functions are thread-safe and not async-signal-safe. An error changes nothing.
 */
#ifndef CAPALLOC_AUTHORITY_H
#define CAPALLOC_AUTHORITY_H

#include <capalloc/error.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The right to allocate: which heap, which rights, how much quota. Passed by value; its content is nobody's
 * business. All zero is no authority. */
typedef struct ca_authority {
    uint64_t opaque[2];
} ca_authority;

/* What an authority may allow; a set of these is an unsigned. */
enum {
    CA_RIGHT_ALLOCATE = 1, /* take new blocks */
    CA_RIGHT_GROW = 2,     /* grow blocks of its heap */
    CA_RIGHT_SWEEP = 4,    /* have all memory searched for pointers to what was freed */
    CA_RIGHT_DERIVE = 8,   /* make lesser authorities */
    CA_RIGHT_DESTROY = 16, /* give everything back at once */
    CA_RIGHT_ALL = 31,
    /* These two root authorities have, and CA_RIGHT_ALL does not name them: who derives one must do so to pass them
     * on. */
    CA_RIGHT_CLAIM_ZERO = 32, /* say that memory is zero and be believed, within its heap */
    CA_RIGHT_WALK = 64        /* see its blocks, and have them whole; the default authority lacks it */
};

/* The authority over the process's own heap, the one malloc uses: exists without set-up, has every right but DESTROY
 * and WALK, no quota, and cannot be revoked. Contract: C5. */
ca_authority ca_default_authority(void);

/* How a heap treats what is freed. */
typedef enum ca_heap_policy {
    CA_HEAP_POLICY_DEFAULT = 0,  /* as the process's own heap does */
    CA_HEAP_POLICY_STANDARD = 1, /* what goes back is validated, and may be handed out again at once */
    CA_HEAP_POLICY_HARDENED =
        2, /* what goes back is cleared and waits, a large block where nothing can touch it; only on
                                  * the hardened library (capalloc run --harden), with its checks zero and delay on */
    CA_HEAP_POLICY_MAKE_32_BITS = 0x7fffffff
} ca_heap_policy;

/* The longest name of a heap, in bytes; what is longer is cut. */
enum { CA_HEAP_NAME_MAX = 31 };

/* How a heap should be. Begin with CA_HEAP_OPTIONS_INIT. */
typedef struct ca_heap_options {
    size_t struct_size; /* sizeof(ca_heap_options) as the caller knows it */
    ca_heap_policy policy;
    size_t quota_bytes; /* SIZE_MAX: none */
    const char *name;   /* for reports; copied; NULL: none */
} ca_heap_options;

/* Every option at its default. */
#define CA_HEAP_OPTIONS_INIT                                                                                           \
    {                                                                                                                  \
        sizeof(ca_heap_options), CA_HEAP_POLICY_DEFAULT, SIZE_MAX, NULL                                                \
    }

/* Makes a heap and hands over its root authority, with every right. Blocks of different heaps share no page. options
 * may be NULL: the defaults. CA_ERROR_INVALID: a policy or an option that this version does not know or this process
 * does not have, or a struct_size that no version had. CA_ERROR_OUT_OF_MEMORY. Contract: C5, C6, H9. */
ca_error ca_heap_create(const ca_heap_options *options, ca_authority *root);

/* Gives back every block of the heap at once, must-zero ones cleared first, and ends the heap with all authorities
 * derived from the root. Blocks that somebody still uses are then use after free: the caller knows that nobody does.
 * CA_ERROR_NOT_PERMITTED: not a root authority, the default one, or no authority. Contract: C6, Z5. */
ca_error ca_heap_destroy(ca_authority root);

/* Gives back every block that was allocated by this authority and those derived from it, must-zero ones cleared first.
 * The authorities stay. Needs the right to destroy, which the default authority has not. Contract: C6, Z5. */
ca_error ca_free_all(ca_authority authority);

/* A lesser authority over the same heap: some of the parent's rights, and quota_bytes of its quota at most (SIZE_MAX:
 * as much as the parent has). What it allocates counts against its own quota and against every one above it.
 * CA_ERROR_NOT_PERMITTED: no authority, or no right to derive, or a right that the parent lacks. CA_ERROR_QUOTA: more
 * than the parent's quota. CA_ERROR_OUT_OF_MEMORY. Contract: C5. */
ca_error ca_authority_derive(ca_authority parent, unsigned rights, size_t quota_bytes, ca_authority *out);

/* From the return on, this authority and all that were derived from it are refused everywhere. Their blocks stay, go
 * back as before, and count against the parent; those of a root, against nobody. CA_ERROR_NOT_PERMITTED: the default
 * authority, or no authority. Contract: C5, C6. */
ca_error ca_authority_revoke(ca_authority authority);

/* Bytes that this authority can still take, by its own quota and those above it: slots' bytes, so a block of 100 bytes
 * takes 112. SIZE_MAX: no limit. 0: none, or no authority. Exact when no other thread allocates. Contract: C6. */
size_t ca_authority_quota_remaining(ca_authority authority);

/* What an authority is. */
typedef struct ca_authority_info {
    size_t struct_size;              /* the caller sets it: CA_AUTHORITY_INFO_INIT */
    unsigned rights;                 /* CA_RIGHT_... */
    size_t quota_bytes;              /* its own; SIZE_MAX: none */
    size_t charged_bytes;            /* taken by it and those derived from it, in slots' bytes */
    char name[CA_HEAP_NAME_MAX + 1]; /* of its heap; empty: none */
} ca_authority_info;

/* An info ready for ca_authority_describe. */
#define CA_AUTHORITY_INFO_INIT                                                                                         \
    {                                                                                                                  \
        sizeof(ca_authority_info), 0, 0, 0, ""                                                                         \
    }

/* Fills the first struct_size bytes of *out. CA_ERROR_NOT_PERMITTED: no authority, *out unchanged. Contract: C5, C6. */
ca_error ca_authority_describe(ca_authority authority, ca_authority_info *out);

/* Searches all memory of the process for pointers to what was freed, now. What had been given back before the call is
 * free for reuse when it returns, but for blocks that a word somewhere still points to. The search stops all threads
 * while it reads. Needs the right to sweep. CA_ERROR_NOT_PERMITTED: no authority, or no right to sweep.
 * CA_ERROR_INVALID: nothing was released, because freed blocks do not wait for a search here (they do under `capalloc
 * run --revoke` alone), or because part of the memory could not be seen, which is said once on stderr. From any
 * thread; not in a signal handler. Contract: R10. */
ca_error ca_sweep(ca_authority authority);

#ifdef __cplusplus
}
#endif
#endif
