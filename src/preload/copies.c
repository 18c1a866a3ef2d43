/* memcpy, memmove, memset, strcpy and their like: in the hardened library they refuse to write past the end of the
 * block that they write to, or to one that was given back. What lies outside the places passes after one comparison,
 * and is then the C library's to do.
 *
 * They are called before this library is relocated and has thread-local variables, and in signal handlers: up to the
 * report nothing here needs either, or takes a lock. Until the C library's functions are known a loop of our own does
 * it, which no compiler may turn into a call of itself (cmake/Library.cmake has the options). The library's own copies
 * are not checked, since they clear what was given back: the linker leads them to __wrap_.
 */
#include "base/decimal.h"
#include "core/checks.h"
#include "core/settings.h"
#include "core/violation.h"
#include "harden/inside.h"
#include "heaps/heaps.h"
#include "malloc/nocaps.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

CAI_HIDDEN void *__wrap_memcpy(void *to, const void *from, size_t bytes);
CAI_HIDDEN void *__wrap_memmove(void *to, const void *from, size_t bytes);
CAI_HIDDEN void *__wrap_memset(void *to, int value, size_t bytes);
extern void __chk_fail(void) __attribute__((noreturn));

/* The C library's, all three or none. memcpy is its memmove, as old programs copied to the left with it. */
static struct {
    void *(*memmove)(void *, const void *, size_t);
    void *(*memset)(void *, int, size_t);
    size_t (*strnlen)(const char *, size_t);
    uint32_t known; /* atomic */
} theirs;

/* X(type, name, parameters, arguments) of everything that is checked. */
#define FOR_COPIES(X)                                                                                                  \
    X(void *, memcpy, (void *to, const void *from, size_t bytes), (to, from, bytes))                                   \
    X(void *, memmove, (void *to, const void *from, size_t bytes), (to, from, bytes))                                  \
    X(void *, mempcpy, (void *to, const void *from, size_t bytes), (to, from, bytes))                                  \
    X(void *, memset, (void *to, int value, size_t bytes), (to, value, bytes))                                         \
    X(char *, strcpy, (char *to, const char *from), (to, from))                                                        \
    X(char *, stpcpy, (char *to, const char *from), (to, from))                                                        \
    X(char *, strncpy, (char *to, const char *from, size_t bytes), (to, from, bytes))                                  \
    X(char *, stpncpy, (char *to, const char *from, size_t bytes), (to, from, bytes))                                  \
    X(char *, strcat, (char *to, const char *from), (to, from))                                                        \
    X(char *, strncat, (char *to, const char *from, size_t most), (to, from, most))
#define CAI_UNWRAP(...) __VA_ARGS__

/* Who does it when nothing is to be checked: the C library at once; NULL: the functions below. */
static struct {
#define PLAIN(type, name, parameters, arguments)                                                                       \
    type(*name) parameters;                                                                                            \
    type (*name##_chk)(CAI_UNWRAP parameters, size_t);
    FOR_COPIES(PLAIN)
#undef PLAIN
} plain;

static void find_plain(void)
{
#define FIND(type, name, parameters, arguments)                                                                        \
    *(void **)&plain.name = dlsym(RTLD_NEXT, #name);                                                                   \
    *(void **)&plain.name##_chk = dlsym(RTLD_NEXT, "__" #name "_chk");
    FOR_COPIES(FIND)
#undef FIND
    plain.memcpy = plain.memmove;
    plain.memcpy_chk = plain.memmove_chk;
}

__attribute__((constructor)) static void find_theirs(void)
{
    if (cai_life_start() && (cai_settings->checks & CAI_CHECK_copy) == 0)
        find_plain();
    *(void **)&theirs.memmove = dlsym(RTLD_NEXT, "memmove");
    *(void **)&theirs.memset = dlsym(RTLD_NEXT, "memset");
    *(void **)&theirs.strnlen = dlsym(RTLD_NEXT, "strnlen");
    cai_store_release(&theirs.known, theirs.memmove != NULL && theirs.memset != NULL && theirs.strnlen != NULL);
}

/* --- without a check --- */

void *__wrap_memmove(void *to, const void *from, size_t bytes)
{
    unsigned char *out = to;
    const unsigned char *in = from;

    if (CAI_LIKELY(cai_load_acquire(&theirs.known) != 0))
        return theirs.memmove(to, from, bytes);
    if ((uintptr_t)out - (uintptr_t)in >= bytes)
        for (size_t i = 0; i < bytes; i++)
            out[i] = in[i];
    else
        for (size_t i = bytes; i-- > 0;)
            out[i] = in[i];
    return to;
}

void *__wrap_memcpy(void *to, const void *from, size_t bytes)
{
    return __wrap_memmove(to, from, bytes);
}

void *__wrap_memset(void *to, int value, size_t bytes)
{
    unsigned char *out = to;

    if (CAI_LIKELY(cai_load_acquire(&theirs.known) != 0))
        return theirs.memset(to, value, bytes);
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)value;
    return to;
}

static size_t length_of(const char *text, size_t most)
{
    size_t length = 0;

    if (CAI_LIKELY(cai_load_acquire(&theirs.known) != 0))
        return theirs.strnlen(text, most);
    while (length < most && text[length] != '\0')
        length++;
    return length;
}

/* --- the check --- */

static char *add_text(char *to, const char *text)
{
    while (*text != '\0')
        *to++ = *text++;
    return to;
}

static CAI_COLD void report(ca_violation_kind kind, const char *function, enum cai_place place, const char *block,
                            size_t size, size_t offset, size_t bytes)
{
    char stated[100];
    int error = errno;
    char *end = cai_decimal_add(add_text(stated, "a write of "), bytes);

    end = cai_decimal_add(add_text(end, bytes == 1 ? " byte at offset " : " bytes at offset "), offset);
    *end = '\0';
    cai_violation_report((ca_violation){
        .kind = kind,
        .function = function,
        .address = block,
        .size = size,
        .place = cai_place_name(place),
        .stated = stated,
        .found = kind == CA_VIOLATION_STALE ? "a freed block" : "a live block",
    });
    errno = error;
}

/* May so many bytes be written there? The address lies in a place; there are bytes. */
static CAI_NOINLINE bool may_write_inside(enum cai_place place, const char *to, size_t bytes, const char *function)
{
    struct cai_inside inside = cai_inside_of(place, to);

    if ((cai_settings->checks & CAI_CHECK_copy) == 0) /* and there is no C library that we know of */
        return true;
    if (inside.block == NULL)
        return true;
    size_t offset = (size_t)(to - inside.block);
    if (!cai_state_is_live(inside.state)) {
        report(CA_VIOLATION_STALE, function, place, inside.block, 0, offset, bytes);
        return false;
    }
    size_t size = cai_usable(place, inside.block, function);
    if (CAI_LIKELY(offset <= size && bytes <= size - offset))
        return true;
    report(CA_VIOLATION_OVERFLOW, function, place, inside.block, size, offset, bytes);
    return false;
}

CAI_INLINE bool may_write(const void *to, size_t bytes, const char *function)
{
    to = cai_tags_off(to);
    uintptr_t place = ((uintptr_t)to - cai_sealed.places) >> cai_sealed.shift;

    if (CAI_LIKELY(place >= CAI_PLACES) || bytes == 0)
        return true; /* before the start, too, when both are 0, for all but the first addresses there are */
    return may_write_inside((enum cai_place)place, to, bytes, function);
}

/* --- the functions --- */

/* With what the compiler knew of the target's room: as the C library does, and before we look. */
#define KNOWN_ROOM(needed, room)                                                                                       \
    do {                                                                                                               \
        if ((needed) > (room))                                                                                         \
            __chk_fail();                                                                                              \
    } while (0)

CAI_INLINE void *copy(void *to, const void *from, size_t bytes, size_t room, const char *function)
{
    KNOWN_ROOM(bytes, room);
    return CAI_LIKELY(may_write(to, bytes, function)) ? __wrap_memmove(to, from, bytes) : to;
}

CAI_INLINE void *fill(void *to, int value, size_t bytes, size_t room, const char *function)
{
    KNOWN_ROOM(bytes, room);
    return CAI_LIKELY(may_write(to, bytes, function)) ? __wrap_memset(to, value, bytes) : to;
}

/* A text of `length` and its end, after `before` bytes that are there. Returns where the end is. */
CAI_INLINE char *put_text(char *to, size_t before, const char *from, size_t length, size_t room, const char *function)
{
    KNOWN_ROOM(before + length + 1, room);
    if (CAI_LIKELY(may_write(to + before, length + 1, function))) {
        __wrap_memmove(to + before, from, length);
        to[before + length] = '\0';
    }
    return to + before + length;
}

/* Exactly `bytes`: the text, or as much of it as there is room for, and zeros. Returns where the zeros begin. */
CAI_INLINE char *put_padded(char *to, const char *from, size_t bytes, size_t room, const char *function)
{
    size_t length = length_of(from, bytes);

    KNOWN_ROOM(bytes, room);
    if (CAI_LIKELY(may_write(to, bytes, function))) {
        __wrap_memmove(to, from, length);
        __wrap_memset(to + length, 0, bytes - length);
    }
    return to + length;
}

CAI_INLINE char *append(char *to, const char *from, size_t most, size_t room, const char *function)
{
    size_t before = length_of(to, SIZE_MAX);

    put_text(to, before, from, length_of(from, most), room, function);
    return to;
}

/* The functions, by what they do in which `room` is what the compiler knew. */
#define memcpy_checked copy(to, from, bytes, room, "memcpy")
#define memmove_checked copy(to, from, bytes, room, "memmove")
#define mempcpy_checked (char *)copy(to, from, bytes, room, "mempcpy") + bytes
#define memset_checked fill(to, value, bytes, room, "memset")
#define strcpy_checked (put_text(to, 0, from, length_of(from, SIZE_MAX), room, "strcpy"), to)
#define stpcpy_checked put_text(to, 0, from, length_of(from, SIZE_MAX), room, "stpcpy")
#define strncpy_checked (put_padded(to, from, bytes, room, "strncpy"), to)
#define stpncpy_checked put_padded(to, from, bytes, room, "stpncpy")
#define strcat_checked append(to, from, SIZE_MAX, room, "strcat")
#define strncat_checked append(to, from, most, room, "strncat")

/* name and __name_chk. What is checked stands in a function of its own, so that what is not saves no registers. */
#define BOTH(type, name, parameters, arguments)                                                                        \
    static CAI_NOINLINE type checked_##name(CAI_UNWRAP parameters, const size_t room)                                  \
    {                                                                                                                  \
        return name##_checked;                                                                                         \
    }                                                                                                                  \
    CAI_EXPORT type name(CAI_UNWRAP parameters);                                                                       \
    type name(CAI_UNWRAP parameters)                                                                                   \
    {                                                                                                                  \
        return CAI_LIKELY(plain.name != NULL) ? plain.name arguments : checked_##name(CAI_UNWRAP arguments, SIZE_MAX); \
    }                                                                                                                  \
    CAI_EXPORT type __##name##_chk(CAI_UNWRAP parameters, size_t room);                                                \
    type __##name##_chk(CAI_UNWRAP parameters, size_t room)                                                            \
    {                                                                                                                  \
        return CAI_LIKELY(plain.name##_chk != NULL) ? plain.name##_chk(CAI_UNWRAP arguments, room)                     \
                                                    : checked_##name(CAI_UNWRAP arguments, room);                      \
    }
FOR_COPIES(BOTH)
