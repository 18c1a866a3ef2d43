/* Boxes: owners of a value in a block of its own. The owner's type says which value, which destructor and which
 * intention; when its scope ends the value is destroyed and the block given back. After Rust's Box, with what C has
 * instead of ownership: a cleanup attribute, a source that is empty after a move, and annotations that analyzers
 * follow.
 *
 *     CA_BOX_DEFINE(session_box, struct session, session_close)    -- once, at file level
 *
 *     CA_SCOPED(session_box) box = session_box_new(session);
 *     if (!session_box_is_ok(&box))
 *         return session_box_error_of(&box);
 *     session_box_get(&box)->user = user;
 *     keep(session_box_move(&box));                                -- or leave it to the end of the scope
 *
 * Dropped on each way out of the scope: its end, return, goto, break, continue, a C++ exception; with -fexceptions
 * also pthread_exit and cancellation. Not on longjmp, exit, abort or _exit: they leave scopes without running
 * anything.
 *
 * A box has one owner: pass a pointer to lend it, NAME_move to give it away. A plain copy (a = b) makes a second owner
 * and so a double drop; gcc -fanalyzer and clang --analyze see that. Different boxes may be used by different threads,
 * one box by one at a time. No function is async-signal-safe. Counted owners: rc.h; C++ objects: box.hpp.
 */
#ifndef CAPALLOC_BOX_H
#define CAPALLOC_BOX_H

#include <capalloc/heap.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What analyzers shall know. gcc pairs an allocation with its deallocation and finds leak, double drop, use after drop
 * and after move. clang learns the deallocation only: it does not follow the cleanup attribute, and would call every
 * scoped box a leak. */
#if defined(__clang__)
#define CA_OWNED_UNTIL_(deallocate)
#define CA_ENDS_OWNERSHIP_ __attribute__((ownership_takes(malloc, 1)))
#elif defined(__GNUC__) && __GNUC__ >= 11
#define CA_OWNED_UNTIL_(deallocate) __attribute__((malloc(deallocate, 1)))
#define CA_ENDS_OWNERSHIP_
#else
#define CA_OWNED_UNTIL_(deallocate)
#define CA_ENDS_OWNERSHIP_
#endif

/* Every definition brings functions that a program may not use. */
#if defined(__GNUC__)
#define CA_DEFINED_ __attribute__((unused)) static inline
#else
#define CA_DEFINED_ static inline
#endif

/* The same, for what hands out an owner: to drop that is to lose the value. */
#define CA_HANDS_OUT_ CA_NODISCARD_ CA_DEFINED_

/* What boxes are made of, for each intention: a block by its address alone. Allocating returns NULL with the reason in
 * *error; `size` is the one that was asked for. Users call the functions of CA_BOX_DEFINE instead; those pass the
 * address of a local, because a box whose own address leaves the function is one that gcc's analyzer no longer
 * follows. */
CA_ENDS_OWNERSHIP_ void ca_block_box_deallocate(void *ptr, size_t size);
CA_ENDS_OWNERSHIP_ void ca_nocaps_box_deallocate(void *ptr, size_t size);
CA_ENDS_OWNERSHIP_ void ca_mustzero_box_deallocate(void *ptr, size_t size);
CA_ENDS_OWNERSHIP_ void ca_secret_box_deallocate(void *ptr, size_t size);
CA_NODISCARD_ CA_OWNED_UNTIL_(ca_block_box_deallocate) void *ca_block_box_allocate(ca_authority authority,
                                                                                   ca_layout layout, bool zeroed,
                                                                                   ca_error *error);
CA_NODISCARD_ CA_OWNED_UNTIL_(ca_nocaps_box_deallocate) void *ca_nocaps_box_allocate(ca_authority authority,
                                                                                     ca_layout layout, bool zeroed,
                                                                                     ca_error *error);
CA_NODISCARD_ CA_OWNED_UNTIL_(ca_mustzero_box_deallocate) void *ca_mustzero_box_allocate(ca_authority authority,
                                                                                         ca_layout layout, bool zeroed,
                                                                                         ca_error *error);
CA_NODISCARD_ CA_OWNED_UNTIL_(ca_secret_box_deallocate) void *ca_secret_box_allocate(ca_authority authority,
                                                                                     ca_layout layout, bool zeroed,
                                                                                     ca_error *error);

/* Returns ptr. Analyzers do not see through it: they stop expecting the block to come back. */
void *ca_box_untracked(void *ptr);

#ifdef __cplusplus
} /* extern "C" */
#endif

/* The destructor of values that need none. */
#define CA_NO_DESTRUCTOR(value) ((void)(value))

/* CA_SCOPED(NAME) variable = ...; declares a box (or a counted owner) that is dropped when its scope ends. The
 * initializer is not optional: what is dropped must have been set. Needs gcc or clang. Contract: B1. */
#if defined(__GNUC__)
#define CA_SCOPED(name) __attribute__((cleanup(name##_drop), unused)) name
#endif

#ifdef __cplusplus
#define CA_VALUE_CHECK_(type)                                                                                          \
    static_assert(__is_trivially_copyable(type), "for C++ objects take ca::box of capalloc/box.hpp");
#else
#define CA_VALUE_CHECK_(type) _Static_assert(sizeof(type) > 0, "a box needs a complete type");
#endif

/* CA_BOX_DEFINE(name, type, destructor): the type `name`, an owner of one `type`. `destructor` is a function or macro
 * that takes a `type *` and releases what the value owns, not the value's own memory; CA_NO_DESTRUCTOR when there is
 * nothing. At file level, without a semicolon. Contract: B1, B2, B3.
 *
 *     name name_new(type value)           a box with a copy of value, which the box owns from now on
 *     name name_new_zeroed(void)          a box with all bytes zero: for secrets, so that no copy stays on the stack
 *     name name_new_in(authority, value), name_new_zeroed_in(authority)   the same by the right of an authority
 *
 * These return an empty box when there is no memory, or no quota left: name_error_of says why, and the value is still
 * the caller's.
 *
 *     name name_empty(void)               a box without a value, for a variable that gets one later
 *     bool name_is_ok(const name *box)    there is a value
 *     ca_error name_error_of(const name *box)   CA_OK when there is, and after a move or drop; or why there is not
 *     type *name_get(const name *box)     lends the value: valid until the box is dropped. NULL when the box is empty
 *     name name_move(name *box)           hands the value to the returned box and leaves this one empty
 *     void name_drop(name *box)           empties the box, runs the destructor, gives the block back; an empty box
 *                                         stays as it is
 *
 *     type *name_into_raw(name *box)      the caller owns value and block; the box is empty
 *     name name_from_raw(type *raw)       takes it back: raw from name_into_raw, or the start of a live block of the
 *                                         box's intention and of exactly sizeof(type) bytes. NULL makes an empty box
 *     type *name_leak(name *box)          the value lives until the program ends, and analyzers do not mind
 */
#define CA_BOX_DEFINE(name, type, destructor) CA_BOX_DEFINE_AS(ca_block, name, type, destructor)

/* The same with an intention: ca_block, ca_nocaps, ca_mustzero or ca_secret. The block of a must-zero or secret box is
 * cleared after the destructor has run. Contract: B3, Z2. */
#define CA_BOX_DEFINE_AS(intention, name, type, destructor)                                                            \
    CA_BOX_TYPE(name, type)                                                                                            \
    CA_BOX_FUNCTIONS_AS(intention, name, type, destructor)

/* The two halves of it, for a type that has a box of itself: CA_BOX_TYPE before the type, CA_BOX_FUNCTIONS_AS behind
 * it.
 *
 *     CA_BOX_TYPE(node_box, struct node)
 *     struct node { int value; node_box next; };
 *     static void node_close(struct node *node);     -- calls node_box_drop(&node->next)
 *     CA_BOX_FUNCTIONS_AS(ca_block, node_box, struct node, node_close)
 */
#define CA_BOX_TYPE(name, type) CA_OWNER_(name, type)
#define CA_BOX_FUNCTIONS_AS(intention, name, type, destructor)                                                         \
    CA_BOX_COMMON_(intention, name, type, destructor)                                                                  \
    CA_HANDS_OUT_ name name##_new_zeroed_in(ca_authority authority)                                                    \
    {                                                                                                                  \
        return name##_made_(authority, CA_LAYOUT_OF(type), 1, true);                                                   \
    }                                                                                                                  \
    CA_HANDS_OUT_ name name##_new_in(ca_authority authority, type value)                                               \
    {                                                                                                                  \
        name box = name##_made_(authority, CA_LAYOUT_OF(type), 1, false);                                              \
        if (box.ptr != NULL)                                                                                           \
            memcpy(box.ptr, &value, sizeof(type));                                                                     \
        return box;                                                                                                    \
    }                                                                                                                  \
    CA_HANDS_OUT_ name name##_new_zeroed(void)                                                                         \
    {                                                                                                                  \
        return name##_new_zeroed_in(ca_default_authority());                                                           \
    }                                                                                                                  \
    CA_HANDS_OUT_ name name##_new(type value)                                                                          \
    {                                                                                                                  \
        return name##_new_in(ca_default_authority(), value);                                                           \
    }                                                                                                                  \
    CA_HANDS_OUT_ name name##_from_raw(type *raw)                                                                      \
    {                                                                                                                  \
        return name##_of_(raw, 1, CA_OK);                                                                              \
    }                                                                                                                  \
    CA_HANDS_OUT_ type *name##_into_raw(name *box)                                                                     \
    {                                                                                                                  \
        size_t one;                                                                                                    \
        return name##_take_(box, &one);                                                                                \
    }

/* CA_BOX_ARRAY_DEFINE(name, type, destructor): the type `name`, an owner of any number of `type` one after the other.
 * Differs from CA_BOX_DEFINE in these. Contract: B1, B2, B3, L4.
 *
 *     name name_new(size_t count)                  `count` elements, all bytes zero: the destructor must accept such
 *                                                  values. CA_ERROR_LAYOUT: their size overflows. 0 elements are a box
 *                                                  like any other
 *     name name_new_in(authority, size_t count)    the same by the right of an authority
 *     size_t name_count(const name *box)           0 when the box is empty
 *     type *name_get(const name *box)              the first element
 *     type *name_at(const name *box, size_t i)     element i; NULL when there is none
 *     void name_drop(name *box)                    runs the destructor on each element, from the last to the first
 *     type *name_into_raw(name *box, size_t *count)   also tells how many: name_from_raw needs it
 *     name name_from_raw(type *raw, size_t count)
 */
#define CA_BOX_ARRAY_DEFINE(name, type, destructor) CA_BOX_ARRAY_DEFINE_AS(ca_block, name, type, destructor)

/* The same with an intention, as CA_BOX_DEFINE_AS. */
#define CA_BOX_ARRAY_DEFINE_AS(intention, name, type, destructor)                                                      \
    CA_BOX_ARRAY_TYPE(name, type)                                                                                      \
    CA_BOX_ARRAY_FUNCTIONS_AS(intention, name, type, destructor)

/* The two halves of it, as for CA_BOX_TYPE. */
#define CA_BOX_ARRAY_TYPE(name, type) CA_OWNER_(name, type)
#define CA_BOX_ARRAY_FUNCTIONS_AS(intention, name, type, destructor)                                                   \
    CA_BOX_COMMON_(intention, name, type, destructor)                                                                  \
    CA_HANDS_OUT_ name name##_new_in(ca_authority authority, size_t count)                                             \
    {                                                                                                                  \
        return name##_made_(authority, CA_LAYOUT_ARRAY(type, count), count, true);                                     \
    }                                                                                                                  \
    CA_HANDS_OUT_ name name##_new(size_t count)                                                                        \
    {                                                                                                                  \
        return name##_new_in(ca_default_authority(), count);                                                           \
    }                                                                                                                  \
    CA_DEFINED_ size_t name##_count(const name *box)                                                                   \
    {                                                                                                                  \
        return box->ptr != NULL ? box->count_or_error : 0;                                                             \
    }                                                                                                                  \
    CA_DEFINED_ type *name##_at(const name *box, size_t i)                                                             \
    {                                                                                                                  \
        return i < name##_count(box) ? box->ptr + i : NULL;                                                            \
    }                                                                                                                  \
    CA_HANDS_OUT_ name name##_from_raw(type *raw, size_t count)                                                        \
    {                                                                                                                  \
        return name##_of_(raw, count, CA_OK);                                                                          \
    }                                                                                                                  \
    CA_HANDS_OUT_ type *name##_into_raw(name *box, size_t *count)                                                      \
    {                                                                                                                  \
        return name##_take_(box, count);                                                                               \
    }

/* What boxes of one value and of many have in common; `made_` is a new one and `take_` empties it. */
#define CA_BOX_COMMON_(intention, name, type, destructor)                                                              \
    CA_VALUE_CHECK_(type)                                                                                              \
    CA_HANDS_OUT_ name name##_made_(ca_authority authority, ca_layout layout, size_t count, bool zeroed)               \
    {                                                                                                                  \
        ca_error error = CA_OK;                                                                                        \
        type *ptr = CA_CAST_(type *, intention##_box_allocate(authority, layout, zeroed, &error));                     \
        return name##_of_(ptr, count, error);                                                                          \
    }                                                                                                                  \
    CA_DEFINED_ type *name##_get(const name *box)                                                                      \
    {                                                                                                                  \
        return box->ptr;                                                                                               \
    }                                                                                                                  \
    CA_HANDS_OUT_ type *name##_take_(name *box, size_t *count)                                                         \
    {                                                                                                                  \
        type *ptr = box->ptr;                                                                                          \
        *count = ptr != NULL ? box->count_or_error : 0;                                                                \
        *box = name##_empty();                                                                                         \
        return ptr;                                                                                                    \
    }                                                                                                                  \
    CA_DEFINED_ void name##_drop(name *box)                                                                            \
    {                                                                                                                  \
        size_t count;                                                                                                  \
        type *values = name##_take_(box, &count);                                                                      \
        if (values != NULL) {                                                                                          \
            for (size_t i = count; i > 0; i--)                                                                         \
                destructor(&values[i - 1]);                                                                            \
            intention##_box_deallocate(values, count * sizeof(type));                                                  \
        }                                                                                                              \
    }                                                                                                                  \
    CA_DEFINED_ type *name##_leak(name *box)                                                                           \
    {                                                                                                                  \
        size_t count;                                                                                                  \
        return CA_CAST_(type *, ca_box_untracked(name##_take_(box, &count)));                                          \
    }

/* What boxes and counted owners have in common: a pointer and to how many values, or the reason why there is none. */
#define CA_OWNER_(name, type)                                                                                          \
    typedef struct name {                                                                                              \
        type *ptr;                                                                                                     \
        size_t count_or_error;                                                                                         \
    } name;                                                                                                            \
    CA_DEFINED_ name name##_of_(type *ptr, size_t count, ca_error error)                                               \
    {                                                                                                                  \
        name owner;                                                                                                    \
        owner.ptr = ptr;                                                                                               \
        owner.count_or_error = ptr != NULL ? count : CA_CAST_(size_t, error);                                          \
        return owner;                                                                                                  \
    }                                                                                                                  \
    CA_DEFINED_ name name##_empty(void)                                                                                \
    {                                                                                                                  \
        return name##_of_(NULL, 0, CA_OK);                                                                             \
    }                                                                                                                  \
    CA_DEFINED_ bool name##_is_ok(const name *owner)                                                                   \
    {                                                                                                                  \
        return owner->ptr != NULL;                                                                                     \
    }                                                                                                                  \
    CA_DEFINED_ ca_error name##_error_of(const name *owner)                                                            \
    {                                                                                                                  \
        return owner->ptr != NULL ? CA_OK : CA_CAST_(ca_error, owner->count_or_error);                                 \
    }                                                                                                                  \
    CA_HANDS_OUT_ name name##_move(name *owner)                                                                        \
    {                                                                                                                  \
        name moved = *owner;                                                                                           \
        *owner = name##_empty();                                                                                       \
        return moved;                                                                                                  \
    }

#endif
