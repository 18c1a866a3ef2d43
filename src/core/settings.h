/* The settings of the process: read once from CAPALLOC_OPTIONS, then sealed read-only so that no stray write and no
 * attacker changes them. Ignored when the process is privileged.
 * Sizes and times: core/amount.h.
 *
 *     CAPALLOC_OPTIONS="limit=2G,decay=500,helper,strict,audit,tokens=512,trust-tokens,names,pagemap,
 *                      visible,backtrace,profile=512K,guard-sample=5000,no-deepbind,mappings=65530,delay=6%,
 *                      revoke,trace-sweeps,harden=-delay"
 */
#ifndef CAI_CORE_SETTINGS_H
#define CAI_CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAI_SETTINGS_ENV "CAPALLOC_OPTIONS"

struct cai_settings {
    size_t page_bytes;
    size_t limit_bytes;    /* of committed memory, all places together; SIZE_MAX: none */
    uint32_t decay_ms;     /* how long free memory stays with the process */
    bool helper;           /* give memory back from a background thread, also when the program is idle */
    bool strict;           /* also report what many working programs get wrong: sized delete */
    bool audit;            /* at exit, look for pointers in memory that was promised to hold none */
    bool trust_tokens;     /* allocation tokens are promises, not guesses */
    bool revoke;           /* what was freed waits until nothing points to it, in the library that can do that */
    bool trace_sweeps;     /* a line for each sweep */
    bool names;            /* the library's mappings have names in /proc/self/maps */
    bool pagemap;          /* before long must-zero memory is cleared, the kernel is asked what of it was touched */
    bool visible;          /* `capalloc top`, `stats` and `map` can look at the process */
    bool backtrace;        /* what called follows the line of a violation */
    size_t profile_bytes;  /* the heap profile: bytes between two samples in the mean; 0: none */
    uint32_t guard_sample; /* one allocation in so many is guarded; 0: none */
    bool guard_paced;      /* but no more in a second than cost next to nothing */
    bool no_deepbind;      /* dlopen takes no notice of RTLD_DEEPBIND; always so in the hardened library */
    size_t tokens;         /* how many allocation tokens the program was compiled for; 0: not stated */

    /* What follows from the two above (preload/tokens.c); all 0 before the start. */
    size_t token_half;      /* tokens below are types without pointers */
    size_t token_half_fast; /* the same where the token is part of the function's name */
    size_t token_trusted;   /* tokens below are not trusted */

    uint32_t mappings_max;  /* what the kernel lets the whole process have */
    uint32_t delay_percent; /* of the live bytes must have been freed after a block before it is handed out again */
    uint32_t checks;        /* in the hardened library: those that are on (checks.h) */
    uint32_t tagging;       /* there, too: what became of the check mte (enum cai_tagging) */
    uint64_t secret;        /* there, too: what canaries are made of */
    char ignored[64];       /* the first word of the environment that was not understood; empty: none */
};

extern const struct cai_settings *const cai_settings;

/* True in the drop-in library (preload/lifetime.c). What its constructor serves (audit, visible, profile, no-deepbind)
 * is no setting elsewhere. */
extern bool cai_is_drop_in;

/* Reads the environment. Called once, before anything else looks. */
void cai_settings_start(void);

/* They are read-only memory from here on. When the heap starts: a program without one has nothing to protect, and is
 * spared the call. */
void cai_settings_seal(void);

/* In the child of a fork that stopped a start: so that it can begin anew. */
void cai_settings_reopen(void);

/* Parses one option string into *settings. A word it does not know or cannot read is passed to `complain` (start,
 * length) and skipped. Exposed for tests and fuzzing. */
void cai_settings_parse(struct cai_settings *settings, const char *text,
                        void (*complain)(const char *word, size_t length));

/* Fills in what follows from the settings that were read. */
void cai_settings_derive(struct cai_settings *settings);

#endif
