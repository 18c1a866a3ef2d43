/* Tags for memory that is not the library's: the table mirrors the chunk in which it begins and the next. For processes
 * that have no capabilities of the library's own. */
#ifndef TESTS_CAP_TAG_TABLE_H
#define TESTS_CAP_TAG_TABLE_H

#include "base/bits.h"
#include "cap/tags.h"

#include <sys/mman.h>

/* False: out of memory. The second time, nothing changes. */
static inline bool tag_table_for(size_t address)
{
    const size_t chunk = (size_t)1 << CAI_TAGS_CHUNK_SHIFT;
    const size_t room_bytes = cai_tags_room(2 * chunk);
    void *room = mmap(NULL, room_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (room == MAP_FAILED)
        return false;
    munmap(room, room_bytes); /* nobody else is here to take it */
    return cai_tags_start(cai_round_down(address, chunk), CAI_TAGS_CHUNK_SHIFT, 2, 3, (size_t)room);
}

#endif
