/* Atomics whose memory ordering can be read at the place of use: the ordering is the last word of the name.
 *
 * Thin names over the compiler's builtins; they work on plain integers and pointers, so that a field which is only
 * sometimes shared needs no special type. The declaration of a shared field says which lock or ordering protects it.
 */
#ifndef CAI_BASE_ATOMIC_H
#define CAI_BASE_ATOMIC_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

#define cai_load_relaxed(address) __atomic_load_n((address), __ATOMIC_RELAXED)
#define cai_load_acquire(address) __atomic_load_n((address), __ATOMIC_ACQUIRE)
/* Without an instruction of their own on x86-64: the comparison that uses them reads the memory. The second is for
 * where a fence for the compiler follows, as it must on x86-64, where this load by itself orders nothing; elsewhere it
 * is an acquiring one. */
#if defined(__x86_64__) && !CAI_TSAN
#define cai_load_relaxed_in_place(address) (*(address))
#define cai_load_fenced_in_place(address) (*(address))
#else
#define cai_load_relaxed_in_place(address) cai_load_relaxed(address)
#define cai_load_fenced_in_place(address) cai_load_acquire(address)
#endif
#define cai_store_relaxed(address, value) __atomic_store_n((address), (value), __ATOMIC_RELAXED)
#define cai_store_release(address, value) __atomic_store_n((address), (value), __ATOMIC_RELEASE)
#define cai_exchange_acq_rel(address, value) __atomic_exchange_n((address), (value), __ATOMIC_ACQ_REL)
#define cai_exchange_acquire(address, value) __atomic_exchange_n((address), (value), __ATOMIC_ACQUIRE)
#define cai_exchange_release(address, value) __atomic_exchange_n((address), (value), __ATOMIC_RELEASE)
#define cai_add_relaxed(address, value) __atomic_fetch_add((address), (value), __ATOMIC_RELAXED)
#define cai_add_release(address, value) __atomic_fetch_add((address), (value), __ATOMIC_RELEASE)
#define cai_sub_relaxed(address, value) __atomic_fetch_sub((address), (value), __ATOMIC_RELAXED)
#define cai_or_release(address, value) __atomic_fetch_or((address), (value), __ATOMIC_RELEASE)
#define cai_and_relaxed(address, value) __atomic_fetch_and((address), (value), __ATOMIC_RELAXED)

/* For flags that are set and looked at crosswise by two threads, where each must see the other's. */
#define cai_load_seq_cst(address) __atomic_load_n((address), __ATOMIC_SEQ_CST)
#define cai_store_seq_cst(address, value) __atomic_store_n((address), (value), __ATOMIC_SEQ_CST)
#define cai_sub_seq_cst(address, value) __atomic_fetch_sub((address), (value), __ATOMIC_SEQ_CST)
#define cai_add_seq_cst(address, value) __atomic_fetch_add((address), (value), __ATOMIC_SEQ_CST)
#define cai_exchange_seq_cst(address, value) __atomic_exchange_n((address), (value), __ATOMIC_SEQ_CST)

/* Weak: may fail without reason, so it stands in loops. On failure *expected holds what was there. */
#define cai_swap_weak_acquire(address, expected, desired)                                                              \
    __atomic_compare_exchange_n((address), (expected), (desired), 1, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define cai_swap_weak_release(address, expected, desired)                                                              \
    __atomic_compare_exchange_n((address), (expected), (desired), 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#define cai_swap_strong_acq_rel(address, expected, desired)                                                            \
    __atomic_compare_exchange_n((address), (expected), (desired), 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

/* Bytes that others may look at meanwhile. As fast as it can be; the sanitizer is told that it is meant. */
CAI_INLINE void cai_zero_relaxed(uint8_t *bytes, size_t count)
{
    if (CAI_TSAN)
        for (size_t i = 0; i < count; i++)
            cai_store_relaxed(&bytes[i], 0);
    else
        __builtin_memset(bytes, 0, count);
}

/* Keeps stores in their order for the compiler: what a fork or a signal between two instructions can tell. */
#define cai_fence_for_compiler() __atomic_signal_fence(__ATOMIC_SEQ_CST)

#endif
