/* The settings of the process: read once from CAPALLOC_OPTIONS, then sealed read-only so that no stray write and no
 * attacker changes them. Ignored when the process is privileged.
 *
 *     CAPALLOC_OPTIONS="limit=2G,decay=500,helper,strict"
 */
#ifndef CAI_CORE_SETTINGS_H
#define CAI_CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAI_SETTINGS_ENV "CAPALLOC_OPTIONS"

struct cai_settings {
    size_t page_bytes;
    size_t limit_bytes; /* of committed memory, all places together; SIZE_MAX: none */
    uint32_t decay_ms;  /* how long free memory stays with the process */
    bool helper;        /* give memory back from a background thread, also when the program is idle */
    bool strict;        /* also report what many working programs get wrong: sized delete */
};

extern const struct cai_settings *const cai_settings;

/* Reads the environment and seals. Called once, before anything else looks. */
void cai_settings_start(void);

/* Parses one option string into *settings. A word it does not know or cannot read is passed to `complain` (start,
 * length) and skipped. Exposed for tests and fuzzing. */
void cai_settings_parse(struct cai_settings *settings, const char *text,
                        void (*complain)(const char *word, size_t length));

#endif
