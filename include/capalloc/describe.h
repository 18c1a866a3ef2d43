/* What stands at an address: for debuggers, logs, and those who were handed a pointer and nothing else.
 *
 * The answer is numbers and names alone: neither a capability nor an authority can be had by it, and no block can be
 * reached that could not be reached before. On memory with tags describing will need an authority over the heap.
 */
#ifndef CAPALLOC_DESCRIBE_H
#define CAPALLOC_DESCRIBE_H

#include <capalloc/error.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an address lies in. */
typedef enum ca_block_state {
    CA_BLOCK_STATE_NONE = 0,  /* no block: memory of others, or what was never handed out or is no block any more */
    CA_BLOCK_STATE_LIVE = 1,  /* a block that was handed out and not given back */
    CA_BLOCK_STATE_FREED = 2, /* one that was given back; how long that is remembered is not promised */
    CA_BLOCK_STATE_MAKE_32_BITS = 0x7fffffff
} ca_block_state;

/* What ca_describe says. Where there is no block, all but struct_size, state and place is 0. */
typedef struct ca_block_info {
    size_t struct_size;   /* the caller sets it: CA_BLOCK_INFO_INIT */
    ca_block_state state; /* of the block that the address lies in */
    uint32_t heap;      /* whose a live block is; 0: the process's own, or one that has ended; else the number of a heap
                           * that ca_heap_create made, which another one may get when it has ended */
    const char *place;  /* "ordinary", "nocaps", "mustzero", "secret"; "none": memory of others. Static storage */
    const void *block;  /* where it starts; NULL: of a freed one that is not known any more, slot_bytes is 0 then */
    size_t slot_bytes;  /* what it was cut from, of a large block its whole run; of a freed one, where known */
    size_t exact_bytes; /* of a live block, what ca_check and the functions that give blocks back take for its size;
                           * SIZE_MAX: none is on record, as of small blocks that malloc may have handed out */
} ca_block_info;

/* An info ready for ca_describe. */
#define CA_BLOCK_INFO_INIT                                                                                             \
    {                                                                                                                  \
        sizeof(ca_block_info), CA_BLOCK_STATE_NONE, 0, NULL, NULL, 0, 0                                                \
    }

/* Fills *out with what is known of the block that `address` lies in, its start or any byte of its slot; the address is
 * never read from or written to. Any address will do, NULL too.
 *
 * The exact size is on record of large blocks, of all in nocaps (but for slots of 16 bytes), mustzero and secret, and
 * of those of heaps that ca_heap_create made; of small ordinary blocks of the process's own heap only where it is 1 to
 * 15 and was stated, and under `capalloc run --harden` where malloc handed them out. Blocks of no bytes, which lie in
 * no place there, are none here. ca_realloc and its like leave a record as it is where the block stays.
 *
 * It is a look at one moment: of a block that another thread changes or ends meanwhile, what was before or after, or
 * that no exact size is on record. Cost: a search among the units of its zone and a lock held for some instructions:
 * for looking, not for fast paths. Thread-safe; not async-signal-safe.
 *
 * CA_ERROR_INVALID: out is NULL, or struct_size is less than that of this first version; nothing was written.
 * CA_ERROR_OUT_OF_MEMORY: the library could not start. Contract: C8. */
ca_error ca_describe(const void *address, ca_block_info *out);

#ifdef __cplusplus
}
#endif
#endif
