/* Where the code at an address came from: the file, its build-id, and where it was loaded. */
#ifndef CAI_STACK_ORIGIN_H
#define CAI_STACK_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CAI_ORIGIN_PATH_BYTES = 256, CAI_ORIGIN_ID_BYTES = 32 };

struct cai_origin {
    uintptr_t low, high;              /* from its first byte to behind its last */
    uintptr_t bias;                   /* what an address is more than in the file */
    char path[CAI_ORIGIN_PATH_BYTES]; /* cut; empty: the program itself */
    uint8_t build_id[CAI_ORIGIN_ID_BYTES];
    size_t build_id_bytes; /* 0: it has none */
};

/* False: no module, or the C library does not say. Takes no lock and allocates nothing. */
bool cai_origin_find(struct cai_origin *origin, uintptr_t address);

/* The same without the build-id, which costs some loads. */
bool cai_origin_look(struct cai_origin *origin, uintptr_t address);

#endif
