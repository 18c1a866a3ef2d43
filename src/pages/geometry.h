/* Where in the address space the estate lies.
 *
 * Addresses are set aside by agreement, not reserved by mappings: the kernel never picks an address down there on its
 * own, every mapping we make refuses to replace another, and what somebody else took is skipped. So there is nothing to
 * reserve at start, nothing for `ulimit -v`, core dumps, valgrind or qemu to choke on. Layouts are tried from the
 * largest to the smallest until one is possible in this process.
 */
#ifndef CAI_PAGES_GEOMETRY_H
#define CAI_PAGES_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cai_geometry {
    uintptr_t places; /* address of the first place; the four follow each other */
    uintptr_t tables; /* address of as many bytes as one place has, for metadata */
    unsigned shift;   /* bytes of a place = 1 << shift */
};

enum { CAI_GEOMETRIES = 3 };
extern const struct cai_geometry cai_geometries[CAI_GEOMETRIES];

#endif
