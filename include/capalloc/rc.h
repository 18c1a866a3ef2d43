/* Counted owners: several owners of one value, which goes with the last of them. Strong owners keep the value; weak
 * ones keep only its place and can ask whether it is still there, which is how cycles are broken. After Rust's Rc, Arc
 * and Weak.
 *
 *     CA_RC_DEFINE(node_rc, struct node, node_close)     -- at file level: the types node_rc and node_rc_weak
 *
 *     CA_SCOPED(node_rc) one = node_rc_new(node);
 *     CA_SCOPED(node_rc) other = node_rc_clone(&one);
 *     CA_SCOPED(node_rc_weak) back = node_rc_downgrade(&one);
 *
 * CA_RC counts with plain numbers: all owners of a value in one thread at a time. CA_ARC counts atomically: owners of
 * one value may be in different threads; each owner is one thread's at a time, and access to the value is the
 * program's to order. Scopes, moves and copies are as for boxes (box.h), but analyzers are told nothing of them: those
 * of today lose count and would report what is right. No function is async-signal-safe.
 */
#ifndef CAPALLOC_RC_H
#define CAPALLOC_RC_H

#include <capalloc/box.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What stands before the value in its block. All strong owners together hold one weak reference; the value lives while
 * strong > 0, the block while weak > 0. weak SIZE_MAX: unique is looking (atomic form only). */
typedef struct ca_rc_counts {
    size_t strong;
    size_t weak;
} ca_rc_counts;

/* A count beyond this is refused. Half of the range, so that many threads that are refused at once cannot wrap it. */
#define CA_RC_COUNT_MAX (SIZE_MAX / 2)

/* One operation on a count in two forms: `shared` with owners in other threads, or not. */
#if defined(__GNUC__)
#define CA_COUNT_(shared, atomic, plain) ((shared) ? (atomic) : (plain))
#else
#define CA_COUNT_(shared, atomic, plain) ((void)(shared), (plain))
#endif

/* How many. */
CA_DEFINED_ size_t ca_count_load_(const size_t *count, bool shared)
{
    return CA_COUNT_(shared, __atomic_load_n(count, __ATOMIC_ACQUIRE), *count);
}
/* Makes it `wanted` if it still is *seen; otherwise *seen is what it is. */
CA_DEFINED_ bool ca_count_swap_(size_t *count, size_t *seen, size_t wanted, bool shared)
{
    return CA_COUNT_(shared,
                     __atomic_compare_exchange_n(count, seen, wanted, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED),
                     *count == *seen ? (*count = wanted, true) : (*seen = *count, false));
}
/* One more, or why not. A retain needs no order: who retains already owns. */
CA_DEFINED_ ca_error ca_count_retain_(size_t *count, bool shared)
{
    if (CA_COUNT_(shared, __atomic_fetch_add(count, 1, __ATOMIC_RELAXED), (*count)++) < CA_RC_COUNT_MAX)
        return CA_OK;
    (void)CA_COUNT_(shared, __atomic_fetch_sub(count, 1, __ATOMIC_RELAXED), (*count)--);
    return CA_ERROR_OUT_OF_MEMORY;
}
/* The same where it cannot simply be added: a strong count that is zero must stay zero, and a weak one that unique
 * holds, for a few instructions, is waited for. */
CA_DEFINED_ ca_error ca_count_retain_if_any_(size_t *count, bool shared)
{
    size_t seen = ca_count_load_(count, shared);
    for (;;) {
        if (shared && seen == SIZE_MAX)
            seen = ca_count_load_(count, shared);
        else if (seen == 0 || seen >= CA_RC_COUNT_MAX)
            return seen == 0 ? CA_ERROR_STALE : CA_ERROR_OUT_OF_MEMORY;
        else if (ca_count_swap_(count, &seen, seen + 1, shared))
            return CA_OK;
    }
}
/* One less: true when it was the last. Orders everything the owner did before the destructor, which runs after the
 * acquiring load. */
CA_DEFINED_ bool ca_count_release_(size_t *count, bool shared)
{
    if (CA_COUNT_(shared, __atomic_sub_fetch(count, 1, __ATOMIC_RELEASE), --*count) != 0)
        return false;
    (void)ca_count_load_(count, shared);
    return true;
}
/* Holds the weak count while it looks at the strong one: otherwise a weak owner could come, or upgrade and go,
 * between. */
CA_DEFINED_ bool ca_count_unique_(ca_rc_counts *counts, bool shared)
{
    size_t one = 1;
    bool unique;
    if (!ca_count_swap_(&counts->weak, &one, SIZE_MAX, shared))
        return false;
    unique = ca_count_load_(&counts->strong, shared) == 1;
    CA_COUNT_(shared, __atomic_store_n(&counts->weak, 1, __ATOMIC_RELEASE), (void)(counts->weak = 1));
    return unique;
}

#ifdef __cplusplus
} /* extern "C" */
#endif

/* CA_RC_DEFINE(name, type, destructor): the types `name`, a strong owner of a `type`, and `name_weak`, a weak one.
 * type and destructor as for CA_BOX_DEFINE. At file level, without a semicolon. Contract: B4.
 *
 *     name name_new(type value)               the first strong owner; name_new_in(authority, value). Empty: no memory
 *     name name_clone(const name *owner)      one more strong owner of the same value
 *     name_weak name_downgrade(const name *owner)      a weak owner of it
 *     name_weak name_weak_clone(const name_weak *weak)
 *     name name_weak_upgrade(const name_weak *weak)    a strong owner, or empty with CA_ERROR_STALE: the value is gone
 *
 * Of an empty owner these make an empty one. CA_ERROR_OUT_OF_MEMORY: more than CA_RC_COUNT_MAX owners; nothing
 * changed.
 *
 *     name name_empty(void)                   no owner
 *     bool name_is_ok(const name *owner)      it owns
 *     ca_error name_error_of(const name *owner)
 *     type *name_get(const name *owner)       lends the value; NULL when empty. Others may be looking at it
 *     type *name_get_unique(const name *owner)         the value when nobody else owns it, strong or weak; or NULL
 *     size_t name_strong_count(const name *owner)      how many; 0 when empty. Of an atomic owner: at that moment
 *     size_t name_weak_count(const name *owner)
 *     name name_move(name *owner)             hands over; the source is empty
 *     void name_drop(name *owner)             empties it; the last strong owner runs the destructor, and with the last
 *                                             owner of any kind the block goes back. Empty: stays as it is
 *
 * name_weak has name_weak_empty, _is_ok, _error_of, _move and _drop.
 *
 * Strong owners in a cycle keep each other forever: make one link of it weak.
 */
#define CA_RC_DEFINE(name, type, destructor) CA_RC_DEFINE_AS(ca_block, name, type, destructor)
#define CA_RC_DEFINE_AS(intention, name, type, destructor)                                                             \
    CA_RC_TYPE(name)                                                                                                   \
    CA_RC_FUNCTIONS_AS(intention, name, type, destructor)

/* The two halves of it, for a type that has owners of itself: CA_RC_TYPE before the type, the other one behind it. */
#define CA_RC_TYPE(name)                                                                                               \
    typedef struct name##_cell name##_cell;                                                                            \
    CA_OWNER_(name, name##_cell)                                                                                       \
    CA_OWNER_(name##_weak, name##_cell)
#define CA_RC_FUNCTIONS_AS(intention, name, type, destructor) CA_COUNTED_(false, intention, name, type, destructor)

/* The same, counted atomically: needs gcc or clang. Contract: B4. */
#if defined(__GNUC__)
#define CA_ARC_DEFINE(name, type, destructor) CA_ARC_DEFINE_AS(ca_block, name, type, destructor)
#define CA_ARC_DEFINE_AS(intention, name, type, destructor)                                                            \
    CA_RC_TYPE(name)                                                                                                   \
    CA_ARC_FUNCTIONS_AS(intention, name, type, destructor)
#define CA_ARC_FUNCTIONS_AS(intention, name, type, destructor) CA_COUNTED_(true, intention, name, type, destructor)
#endif

/* An owner points to a cell: the counts and the value. */
#define CA_COUNTED_(shared, intention, name, type, destructor)                                                         \
    CA_VALUE_CHECK_(type)                                                                                              \
    struct name##_cell {                                                                                               \
        ca_rc_counts counts;                                                                                           \
        type value;                                                                                                    \
    };                                                                                                                 \
    CA_DEFINED_ void name##_weak_drop(name##_weak *weak)                                                               \
    {                                                                                                                  \
        name##_cell *cell = name##_weak_move(weak).ptr;                                                                \
        if (cell != NULL && ca_count_release_(&cell->counts.weak, shared))                                             \
            intention##_box_deallocate(ca_box_untracked(cell), sizeof(name##_cell));                                   \
    }                                                                                                                  \
    CA_DEFINED_ void name##_drop(name *owner)                                                                          \
    {                                                                                                                  \
        name##_cell *cell = name##_move(owner).ptr;                                                                    \
        if (cell != NULL && ca_count_release_(&cell->counts.strong, shared)) {                                         \
            name##_weak of_all_strong = name##_weak_of_(cell, 1, CA_OK);                                               \
            destructor(&cell->value);                                                                                  \
            name##_weak_drop(&of_all_strong);                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    CA_HANDS_OUT_ name name##_new_in(ca_authority authority, type value)                                               \
    {                                                                                                                  \
        ca_error error = CA_OK;                                                                                        \
        name##_cell *cell =                                                                                            \
            CA_CAST_(name##_cell *,                                                                                    \
                     ca_box_untracked(intention##_box_allocate(authority, CA_LAYOUT_OF(name##_cell), false, &error))); \
        if (cell != NULL) {                                                                                            \
            memcpy(&cell->value, &value, sizeof(type));                                                                \
            cell->counts.strong = 1;                                                                                   \
            cell->counts.weak = 1;                                                                                     \
        }                                                                                                              \
        return name##_of_(cell, 1, error);                                                                             \
    }                                                                                                                  \
    CA_HANDS_OUT_ name name##_new(type value)                                                                          \
    {                                                                                                                  \
        return name##_new_in(ca_default_authority(), value);                                                           \
    }                                                                                                                  \
    CA_HANDS_OUT_ name name##_clone(const name *owner)                                                                 \
    {                                                                                                                  \
        ca_error error = owner->ptr != NULL ? ca_count_retain_(&owner->ptr->counts.strong, shared) : CA_OK;            \
        return name##_of_(error == CA_OK ? owner->ptr : NULL, 1, error);                                               \
    }                                                                                                                  \
    CA_HANDS_OUT_ name##_weak name##_weak_clone(const name##_weak *weak)                                               \
    {                                                                                                                  \
        ca_error error = weak->ptr != NULL ? ca_count_retain_if_any_(&weak->ptr->counts.weak, shared) : CA_OK;         \
        return name##_weak_of_(error == CA_OK ? weak->ptr : NULL, 1, error);                                           \
    }                                                                                                                  \
    CA_HANDS_OUT_ name##_weak name##_downgrade(const name *owner)                                                      \
    {                                                                                                                  \
        name##_weak of_all_strong = name##_weak_of_(owner->ptr, 1, CA_OK);                                             \
        return name##_weak_clone(&of_all_strong);                                                                      \
    }                                                                                                                  \
    CA_HANDS_OUT_ name name##_weak_upgrade(const name##_weak *weak)                                                    \
    {                                                                                                                  \
        ca_error error =                                                                                               \
            weak->ptr != NULL ? ca_count_retain_if_any_(&weak->ptr->counts.strong, shared) : CA_ERROR_STALE;           \
        return name##_of_(error == CA_OK ? weak->ptr : NULL, 1, error);                                                \
    }                                                                                                                  \
    CA_DEFINED_ type *name##_get(const name *owner)                                                                    \
    {                                                                                                                  \
        return owner->ptr != NULL ? &owner->ptr->value : NULL;                                                         \
    }                                                                                                                  \
    CA_DEFINED_ type *name##_get_unique(const name *owner)                                                             \
    {                                                                                                                  \
        return owner->ptr != NULL && ca_count_unique_(&owner->ptr->counts, shared) ? &owner->ptr->value : NULL;        \
    }                                                                                                                  \
    CA_DEFINED_ size_t name##_strong_count(const name *owner)                                                          \
    {                                                                                                                  \
        return owner->ptr != NULL ? ca_count_load_(&owner->ptr->counts.strong, shared) : 0;                            \
    }                                                                                                                  \
    CA_DEFINED_ size_t name##_weak_count(const name *owner)                                                            \
    {                                                                                                                  \
        size_t weak = owner->ptr != NULL ? ca_count_load_(&owner->ptr->counts.weak, shared) : 1;                       \
        return weak == SIZE_MAX ? 0 : weak - 1;                                                                        \
    }

#endif
