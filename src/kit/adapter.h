/* Adapters: allocators that stand in front of another one, which is the first member of what self points to. Every
 * method is forwarded through that one's door, so that what it leaves out is provided from its own methods; the file of
 * an adapter says only what happens before and afterwards. It defines these and then writes CAI_ADAPTER, which makes
 * the methods of them, and `vtable`:
 *
 *     ca_error before(void *self, struct cai_call call)            an error turns the call down, unless it gives back
 *     void after(void *self, struct cai_call call, bool done)      !done: the other one has turned it down
 *     EXACT       true: hands out exactly the length asked for, and believes what comes back
 */
#ifndef CAI_KIT_ADAPTER_H
#define CAI_KIT_ADAPTER_H

#include "core/result.h"

#include <capalloc/adapters.h>

/* A call, and how long the block is before and after it; 0: there is none. */
struct cai_call {
    ca_method method;
    size_t old_size;
    size_t new_size;
};

#define CAI_INNER (*(const ca_allocator *)self)

/* A method that makes a block. */
#define CAI_FORWARD(type, name, NAME, parameters, arguments, before_it, after_it)                                      \
    static type##_result name parameters                                                                               \
    {                                                                                                                  \
        struct cai_call call = {CA_METHOD_##NAME, before_it, after_it};                                                \
        ca_error error = before(self, call);                                                                           \
        if (error != CA_OK)                                                                                            \
            return CAI_AS(type, cai_failure(error));                                                                   \
        type##_result made = ca_allocator_##name arguments;                                                            \
        after(self, call, made.ptr != NULL);                                                                           \
        if (EXACT && made.ptr != NULL)                                                                                 \
            made.size_or_error = call.new_size;                                                                        \
        return made;                                                                                                   \
    }
#define CAI_ALLOCATION(type, name, NAME)                                                                               \
    CAI_FORWARD(type, name, NAME, (void *self, ca_layout layout), (CAI_INNER, layout), 0, layout.size)
#define CAI_RESIZING(type, name, NAME)                                                                                 \
    CAI_FORWARD(type, name, NAME, (void *self, type block, ca_layout old_layout, ca_layout new_layout),                \
                (CAI_INNER, block, old_layout, new_layout), old_layout.size, new_layout.size)
#define CAI_DEALLOCATION(type, name, NAME)                                                                             \
    static void name(void *self, type block, ca_layout layout)                                                         \
    {                                                                                                                  \
        struct cai_call call = {CA_METHOD_##NAME, layout.size, 0};                                                     \
        before(self, call);                                                                                            \
        ca_allocator_##name(CAI_INNER, block, layout);                                                                 \
        after(self, call, true);                                                                                       \
    }

#define CAI_ADAPTER                                                                                                    \
    CAI_ALLOCATION(ca_block, allocate, ALLOCATE)                                                                       \
    CAI_ALLOCATION(ca_block, allocate_zeroed, ALLOCATE_ZEROED)                                                         \
    CAI_ALLOCATION(ca_nocaps, allocate_nocaps, ALLOCATE_NOCAPS)                                                        \
    CAI_ALLOCATION(ca_mustzero, allocate_mustzero, ALLOCATE_MUSTZERO)                                                  \
    CAI_DEALLOCATION(ca_block, deallocate, DEALLOCATE)                                                                 \
    CAI_DEALLOCATION(ca_nocaps, deallocate_nocaps, DEALLOCATE_NOCAPS)                                                  \
    CAI_DEALLOCATION(ca_mustzero, deallocate_zeroed, DEALLOCATE_ZEROED)                                                \
    CAI_RESIZING(ca_block, grow, GROW)                                                                                 \
    CAI_RESIZING(ca_block, grow_zeroed, GROW_ZEROED)                                                                   \
    CAI_RESIZING(ca_block, shrink, SHRINK)                                                                             \
    CAI_ALLOCATION(ca_secret, allocate_secret, ALLOCATE_MUSTZERO)                                                      \
    CAI_DEALLOCATION(ca_secret, deallocate_secret, DEALLOCATE_ZEROED)                                                  \
    CAI_ALLOCATION(ca_block, allocate_at_least, ALLOCATE)                                                              \
    CAI_RESIZING(ca_nocaps, grow_nocaps, GROW)                                                                         \
    CAI_RESIZING(ca_nocaps, shrink_nocaps, SHRINK)                                                                     \
    CAI_RESIZING(ca_mustzero, grow_mustzero, GROW)                                                                     \
    CAI_RESIZING(ca_mustzero, shrink_mustzero, SHRINK)                                                                 \
    CAI_RESIZING(ca_secret, grow_secret, GROW)                                                                         \
    CAI_RESIZING(ca_secret, shrink_secret, SHRINK)                                                                     \
    static unsigned promises_now(void *self)                                                                           \
    {                                                                                                                  \
        return ca_allocator_promises(CAI_INNER) & ~(EXACT ? (unsigned)CA_PROMISE_VALIDATES : 0);                       \
    }                                                                                                                  \
    static const ca_allocator_vtable vtable = {                                                                        \
        .struct_size = sizeof(ca_allocator_vtable),                                                                    \
        .allocate = allocate,                                                                                          \
        .deallocate = deallocate,                                                                                      \
        .allocate_zeroed = allocate_zeroed,                                                                            \
        .grow = grow,                                                                                                  \
        .grow_zeroed = grow_zeroed,                                                                                    \
        .shrink = shrink,                                                                                              \
        .allocate_nocaps = allocate_nocaps,                                                                            \
        .deallocate_nocaps = deallocate_nocaps,                                                                        \
        .allocate_mustzero = allocate_mustzero,                                                                        \
        .deallocate_zeroed = deallocate_zeroed,                                                                        \
        .promises_now = promises_now,                                                                                  \
        .allocate_secret = allocate_secret,                                                                            \
        .deallocate_secret = deallocate_secret,                                                                        \
        .allocate_at_least = EXACT ? NULL : allocate_at_least, /* room that is not handed out is not asked for */      \
        .grow_nocaps = grow_nocaps,                                                                                    \
        .shrink_nocaps = shrink_nocaps,                                                                                \
        .grow_mustzero = grow_mustzero,                                                                                \
        .shrink_mustzero = shrink_mustzero,                                                                            \
        .grow_secret = grow_secret,                                                                                    \
        .shrink_secret = shrink_secret,                                                                                \
    };

#endif
