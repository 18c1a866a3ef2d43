/* Which loaded module an address belongs to. */
#ifndef CAI_STACK_MODULE_H
#define CAI_STACK_MODULE_H

#include "stack/reader.h"

struct cai_module {
    uintptr_t low, high; /* from its first byte to behind its last */
    uintptr_t index;     /* its .eh_frame_hdr; 0: it has none */
    uintptr_t bias;      /* to be taken from an address for what the file says of it */
    const char *name;    /* its file; empty: the program itself. Valid while it is loaded */
};

/* False: no module, or the C library does not say. */
bool cai_module_find(struct cai_module *module, uintptr_t address);

/* Lets the reader read the segment that holds the index, without asking the kernel for each page. */
void cai_module_open(const struct cai_module *module, struct cai_reader *reader);

#endif
