/* The operating system that refuses: counts the calls of each wrapped function and lets the chosen ones fail, as os.h
 * says they may: nothing is changed, errno is kept.
 */
#ifndef TESTS_FAULT_FAULTS_H
#define TESTS_FAULT_FAULTS_H

#include "os/os.h"

enum fault_function {
    FAULT_MAP,
    FAULT_UNMAP,
    FAULT_DISCARD,
    FAULT_MOVE,
    FAULT_READ_ONLY,
    FAULT_READ_WRITE,
    FAULT_NO_DUMP,
    FAULT_WIPE_ON_FORK,
    FAULT_LOCK,
    FAULT_MAP_HIDDEN,
    FAULT_THREAD_START,
    FAULT_FUNCTIONS
};

struct fault {
    unsigned functions;    /* bit i: calls of function i fail ... */
    unsigned from;         /* ... from this one on, counted from 1 for each function ... */
    unsigned until;        /* ... up to and including this one */
    enum cai_map map_says; /* what cai_os_map and cai_os_map_hidden return when they fail */
};

/* The rule from now on; counting starts anew. */
void fault_set(const struct fault *fault);

/* From now on cai_os_map of more bytes than this finds no memory; 0: of any number it may. */
void fault_longest(size_t bytes);

/* How often the function was called since. */
unsigned fault_calls(enum fault_function function);

/* Calls this in the middle of whatever the engine does, just before a call that does not fail; counted like the
 * rule. */
void fault_before(enum fault_function function, unsigned call, void (*hook)(void));

/* Bytes that the engine has mapped for zones and their tables: without the metadata, of which some may stay after a
 * call that failed, such as a thread's heap. */
size_t fault_mapped_bytes(void);

const char *fault_name(enum fault_function function);

#endif
