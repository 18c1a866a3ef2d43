/* The checks of the hardened library, each of which can be switched off by name: `harden=-delay`, or `harden=zero` for
 * one alone. Library and program `capalloc` say what is on by this one list.
 */
#ifndef CAI_CORE_CHECKS_H
#define CAI_CORE_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* X(name, what it does) */
#define CAI_FOR_CHECKS(X)                                                                                              \
    X(canary, "what was written behind a block is seen when it, or the one behind it, is freed or resized")            \
    X(mismatch, "malloc, new, new[] and aligned new have their own ways back, and stated sizes are exact")             \
    X(guard, "blocks of no bytes, what lies behind large blocks, and freed ones of these cannot be touched")           \
    X(random, "the first slot of a slab that is handed out is any of them")                                            \
    X(order, "each slot that leaves a slab is any of the next eight")                                                  \
    X(wall, "one slab in eight ends in a page that cannot be touched")                                                 \
    X(zero, "what is freed is cleared, and looked at before it is handed out again")                                   \
    X(delay, "a freed block waits until a share of the heap was freed after it")                                       \
    X(copy, "memcpy, memset, strcpy and their like write no further than to the end of a block that is live")          \
    X(mte, "blocks up to 32 KiB have tags of the processor's: a pointer past one, or to what was freed, faults")

enum cai_check_number {
#define CAI_CHECK_NUMBER(name, text) CAI_CHECK_NUMBER_##name,
    CAI_FOR_CHECKS(CAI_CHECK_NUMBER)
#undef CAI_CHECK_NUMBER
        CAI_CHECKS
};

enum cai_check {
#define CAI_CHECK_BIT(name, text) CAI_CHECK_##name = 1 << CAI_CHECK_NUMBER_##name,
    CAI_FOR_CHECKS(CAI_CHECK_BIT)
#undef CAI_CHECK_BIT
    /* What is on unless it is switched off: those that cost less than a program is worth, and that no program minds. */
    CAI_CHECKS_DEFAULT = ((1 << CAI_CHECKS) - 1) & ~(CAI_CHECK_copy | CAI_CHECK_mte)
};

static inline const char *cai_check_name(unsigned number)
{
    static const char *const names[] = {
#define CAI_CHECK_NAME(name, text) #name,
        CAI_FOR_CHECKS(CAI_CHECK_NAME)
#undef CAI_CHECK_NAME
    };
    return names[number];
}

static inline const char *cai_check_text(unsigned number)
{
    static const char *const texts[] = {
#define CAI_CHECK_TEXT(name, text) text,
        CAI_FOR_CHECKS(CAI_CHECK_TEXT)
#undef CAI_CHECK_TEXT
    };
    return texts[number];
}

/* A list of names, joined by + and -: a first name that is not taken away leaves that alone. False: it is none, and
 * *checks is what it was. */
static inline bool cai_checks_parse(const char *text, size_t length, uint32_t *checks)
{
    uint32_t found = length != 0 && (text[0] == '-' || text[0] == '+') ? *checks : 0;

    for (size_t at = 0; at < length;) {
        bool take_away = text[at] == '-';
        at += text[at] == '-' || text[at] == '+';
        size_t end = at;
        unsigned number = 0;
        while (end < length && text[end] != '-' && text[end] != '+')
            end++;
        while (number < CAI_CHECKS &&
               (strlen(cai_check_name(number)) != end - at || memcmp(cai_check_name(number), text + at, end - at) != 0))
            number++;
        if (number == CAI_CHECKS)
            return false;
        found = take_away ? found & ~(UINT32_C(1) << number) : found | UINT32_C(1) << number;
        at = end;
    }
    *checks = found;
    return length != 0;
}

/* What the guards of large blocks are made of. */
enum cai_guards {
    CAI_GUARDS_NONE,
    CAI_GUARDS_KERNEL,   /* MADV_GUARD_INSTALL: any number */
    CAI_GUARDS_MAPPINGS, /* protected pages, in a quarter of the mappings that the process may have */
};

static inline const char *cai_guards_name(unsigned guards)
{
    return guards == CAI_GUARDS_KERNEL ? "kernel" : guards == CAI_GUARDS_MAPPINGS ? "mappings" : "none";
}

/* What became of the check `mte`. */
enum cai_tagging {
    CAI_TAGGING_OFF,     /* nobody asked for it */
    CAI_TAGGING_ON,      /* processor and kernel have tags, and the process uses them */
    CAI_TAGGING_ABSENT,  /* they have none */
    CAI_TAGGING_REFUSED, /* they have, and the kernel refuses them to this process */
};

static inline const char *cai_tagging_name(unsigned tagging)
{
    static const char *const names[] = {"off", "on", "absent", "refused"};

    return tagging < sizeof names / sizeof *names ? names[tagging] : "unknown";
}

static inline const char *cai_tagging_text(unsigned tagging)
{
    return tagging == CAI_TAGGING_ON       ? "this process has memory tags"
           : tagging == CAI_TAGGING_ABSENT ? "processor or kernel have no memory tags"
           : tagging == CAI_TAGGING_OFF    ? "nobody asked for it"
                                           : "the kernel refuses memory tags to this process";
}

#endif
