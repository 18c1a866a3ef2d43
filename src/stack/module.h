/* Which loaded module an address belongs to. */
#ifndef CAI_STACK_MODULE_H
#define CAI_STACK_MODULE_H

#include "stack/reader.h"

struct cai_module {
    uintptr_t low, high; /* from its first byte to behind its last */
    uintptr_t index;     /* its .eh_frame_hdr; 0: it has none */
    uintptr_t record;    /* the C library's, which goes when the module is unloaded */
};

/* False: no module, or the C library does not say. */
bool cai_module_find(struct cai_module *module, uintptr_t address);

/* The module's file, cut to the room (which is not 0); empty: the program itself; and what is to be taken from an
 * address for what the file says of it. False: it has been unloaded, or is being unloaded at this moment. */
bool cai_module_name(const struct cai_module *module, char *name, size_t room, uintptr_t *bias);

/* Lets the reader read the segment that holds the index, without asking the kernel for each page. */
void cai_module_open(const struct cai_module *module, struct cai_reader *reader);

#endif
