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

/* The plain operations. retain and the like: CA_OK or why not; release: true when it was the last. */
CA_DEFINED_ ca_error ca_rc_retain_(size_t *count)
{
    if (*count >= CA_RC_COUNT_MAX)
        return CA_ERROR_OUT_OF_MEMORY;
    ++*count;
    return CA_OK;
}
CA_DEFINED_ bool ca_rc_release_(size_t *count)
{
    return --*count == 0;
}
CA_DEFINED_ ca_error ca_rc_retain_weak_(ca_rc_counts *counts)
{
    return ca_rc_retain_(&counts->weak);
}
CA_DEFINED_ ca_error ca_rc_upgrade_(ca_rc_counts *counts)
{
    return counts->strong == 0 ? CA_ERROR_STALE : ca_rc_retain_(&counts->strong);
}
CA_DEFINED_ bool ca_rc_unique_(ca_rc_counts *counts)
{
    return counts->strong == 1 && counts->weak == 1;
}
CA_DEFINED_ size_t ca_rc_load_(const size_t *count)
{
    return *count;
}

#if defined(__GNUC__)
/* The atomic operations. A retain needs no order: who retains already owns. A release orders everything the owner did
 * before the destructor, which runs after the acquiring load. */
CA_DEFINED_ ca_error ca_arc_retain_(size_t *count)
{
    if (__atomic_fetch_add(count, 1, __ATOMIC_RELAXED) < CA_RC_COUNT_MAX)
        return CA_OK;
    __atomic_fetch_sub(count, 1, __ATOMIC_RELAXED);
    return CA_ERROR_OUT_OF_MEMORY;
}
CA_DEFINED_ bool ca_arc_release_(size_t *count)
{
    if (__atomic_fetch_sub(count, 1, __ATOMIC_RELEASE) != 1)
        return false;
    (void)__atomic_load_n(count, __ATOMIC_ACQUIRE);
    return true;
}
/* Waits while unique is looking, which holds the count for a few instructions. */
CA_DEFINED_ ca_error ca_arc_retain_weak_(ca_rc_counts *counts)
{
    size_t weak = __atomic_load_n(&counts->weak, __ATOMIC_RELAXED);
    for (;;) {
        if (weak == SIZE_MAX)
            weak = __atomic_load_n(&counts->weak, __ATOMIC_RELAXED);
        else if (weak >= CA_RC_COUNT_MAX)
            return CA_ERROR_OUT_OF_MEMORY;
        else if (__atomic_compare_exchange_n(&counts->weak, &weak, weak + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return CA_OK;
    }
}
/* A compare-exchange, since a count that is zero must stay zero. */
CA_DEFINED_ ca_error ca_arc_upgrade_(ca_rc_counts *counts)
{
    size_t strong = __atomic_load_n(&counts->strong, __ATOMIC_RELAXED);
    do {
        if (strong == 0)
            return CA_ERROR_STALE;
        if (strong >= CA_RC_COUNT_MAX)
            return CA_ERROR_OUT_OF_MEMORY;
    } while (
        !__atomic_compare_exchange_n(&counts->strong, &strong, strong + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
    return CA_OK;
}
/* Holds the weak count while it looks at the strong one: otherwise a weak owner could come, or upgrade and go,
 * between. */
CA_DEFINED_ bool ca_arc_unique_(ca_rc_counts *counts)
{
    size_t one = 1;
    bool unique;
    if (!__atomic_compare_exchange_n(&counts->weak, &one, SIZE_MAX, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    unique = __atomic_load_n(&counts->strong, __ATOMIC_ACQUIRE) == 1;
    __atomic_store_n(&counts->weak, 1, __ATOMIC_RELEASE);
    return unique;
}
CA_DEFINED_ size_t ca_arc_load_(const size_t *count)
{
    return __atomic_load_n(count, __ATOMIC_RELAXED);
}
#endif

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
    CA_OWNER_(name, name##_cell)                                                                                       \
    CA_OWNER_(name##_weak, name##_cell)
#define CA_RC_FUNCTIONS_AS(intention, name, type, destructor) CA_COUNTED_(ca_rc, intention, name, type, destructor)

/* The same, counted atomically: needs gcc or clang. Contract: B4. */
#if defined(__GNUC__)
#define CA_ARC_DEFINE(name, type, destructor) CA_ARC_DEFINE_AS(ca_block, name, type, destructor)
#define CA_ARC_DEFINE_AS(intention, name, type, destructor)                                                            \
    CA_RC_TYPE(name)                                                                                                   \
    CA_ARC_FUNCTIONS_AS(intention, name, type, destructor)
#define CA_ARC_FUNCTIONS_AS(intention, name, type, destructor) CA_COUNTED_(ca_arc, intention, name, type, destructor)
#endif

/* `count` is the prefix of the counting operations: ca_rc or ca_arc. */
#define CA_COUNTED_(count, intention, name, type, destructor)                                                          \
    CA_VALUE_CHECK_(type)                                                                                              \
    struct name##_cell {                                                                                               \
        ca_rc_counts counts;                                                                                           \
        type value;                                                                                                    \
    };                                                                                                                 \
    CA_DEFINED_ void name##_weak_drop(name##_weak *weak)                                                               \
    {                                                                                                                  \
        name##_cell *cell = weak->cell;                                                                                \
        *weak = name##_weak_of_(NULL, CA_OK);                                                                          \
        if (cell != NULL && count##_release_(&cell->counts.weak))                                                      \
            intention##_box_deallocate(ca_box_untracked(cell), sizeof(name##_cell));                                   \
    }                                                                                                                  \
    CA_DEFINED_ void name##_drop(name *owner)                                                                          \
    {                                                                                                                  \
        name##_cell *cell = owner->cell;                                                                               \
        *owner = name##_of_(NULL, CA_OK);                                                                              \
        if (cell != NULL && count##_release_(&cell->counts.strong)) {                                                  \
            name##_weak of_all_strong = name##_weak_of_(cell, CA_OK);                                                  \
            destructor(&cell->value);                                                                                  \
            name##_weak_drop(&of_all_strong);                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    CA_DEFINED_ name name##_new_in(ca_authority authority, type value)                                                 \
    {                                                                                                                  \
        ca_error error = CA_OK;                                                                                        \
        name##_cell *cell = (name##_cell *)ca_box_untracked(                                                           \
            intention##_box_allocate(authority, CA_LAYOUT_OF(name##_cell), false, &error));                            \
        if (cell != NULL) {                                                                                            \
            memcpy(&cell->value, &value, sizeof(type));                                                                \
            cell->counts.strong = 1;                                                                                   \
            cell->counts.weak = 1;                                                                                     \
        }                                                                                                              \
        return name##_of_(cell, error);                                                                                \
    }                                                                                                                  \
    CA_DEFINED_ name name##_new(type value)                                                                            \
    {                                                                                                                  \
        return name##_new_in(ca_default_authority(), value);                                                           \
    }                                                                                                                  \
    CA_DEFINED_ name name##_clone(const name *owner)                                                                   \
    {                                                                                                                  \
        return name##_of_(owner->cell, owner->cell != NULL ? count##_retain_(&owner->cell->counts.strong) : CA_OK);    \
    }                                                                                                                  \
    CA_DEFINED_ name##_weak name##_downgrade(const name *owner)                                                        \
    {                                                                                                                  \
        return name##_weak_of_(owner->cell, owner->cell != NULL ? count##_retain_weak_(&owner->cell->counts) : CA_OK); \
    }                                                                                                                  \
    CA_DEFINED_ name##_weak name##_weak_clone(const name##_weak *weak)                                                 \
    {                                                                                                                  \
        return name##_weak_of_(weak->cell, weak->cell != NULL ? count##_retain_weak_(&weak->cell->counts) : CA_OK);    \
    }                                                                                                                  \
    CA_DEFINED_ name name##_weak_upgrade(const name##_weak *weak)                                                      \
    {                                                                                                                  \
        return name##_of_(weak->cell, weak->cell != NULL ? count##_upgrade_(&weak->cell->counts) : CA_ERROR_STALE);    \
    }                                                                                                                  \
    CA_DEFINED_ type *name##_get(const name *owner)                                                                    \
    {                                                                                                                  \
        return owner->cell != NULL ? &owner->cell->value : NULL;                                                       \
    }                                                                                                                  \
    CA_DEFINED_ type *name##_get_unique(const name *owner)                                                             \
    {                                                                                                                  \
        return owner->cell != NULL && count##_unique_(&owner->cell->counts) ? &owner->cell->value : NULL;              \
    }                                                                                                                  \
    CA_DEFINED_ size_t name##_strong_count(const name *owner)                                                          \
    {                                                                                                                  \
        return owner->cell != NULL ? count##_load_(&owner->cell->counts.strong) : 0;                                   \
    }                                                                                                                  \
    CA_DEFINED_ size_t name##_weak_count(const name *owner)                                                            \
    {                                                                                                                  \
        size_t weak = owner->cell != NULL ? count##_load_(&owner->cell->counts.weak) : 1;                              \
        return weak == SIZE_MAX ? 0 : weak - 1;                                                                        \
    }

/* What strong and weak owners have in common: a cell, or the reason why there is none. */
#define CA_OWNER_(name, cell_type)                                                                                     \
    typedef struct cell_type cell_type;                                                                                \
    typedef struct name {                                                                                              \
        cell_type *cell;                                                                                               \
        ca_error error;                                                                                                \
    } name;                                                                                                            \
    CA_DEFINED_ name name##_of_(cell_type *cell, ca_error error)                                                       \
    {                                                                                                                  \
        name owner;                                                                                                    \
        owner.cell = error == CA_OK ? cell : NULL;                                                                     \
        owner.error = error;                                                                                           \
        return owner;                                                                                                  \
    }                                                                                                                  \
    CA_DEFINED_ name name##_empty(void)                                                                                \
    {                                                                                                                  \
        return name##_of_(NULL, CA_OK);                                                                                \
    }                                                                                                                  \
    CA_DEFINED_ bool name##_is_ok(const name *owner)                                                                   \
    {                                                                                                                  \
        return owner->cell != NULL;                                                                                    \
    }                                                                                                                  \
    CA_DEFINED_ ca_error name##_error_of(const name *owner)                                                            \
    {                                                                                                                  \
        return owner->error;                                                                                           \
    }                                                                                                                  \
    CA_DEFINED_ name name##_move(name *owner)                                                                          \
    {                                                                                                                  \
        name moved = *owner;                                                                                           \
        *owner = name##_of_(NULL, CA_OK);                                                                              \
        return moved;                                                                                                  \
    }

#endif
