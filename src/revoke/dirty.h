/* Which pages need not be read while the world is stopped, since they were read before and nobody has written to them
 * since.
 *
 * A page that is watched and protected was read after it was protected, in this sweep: that is all there is to know,
 * and the kernel keeps it. The first write takes the protection away; so does whatever puts another page there
 * (munmap, mmap, mremap, dropped pages). Where anything goes wrong a range is not watched any more, and so read when
 * the world is stopped. Without that interface of the kernel's nothing is known, and everything is.
 */
#ifndef CAI_REVOKE_DIRTY_H
#define CAI_REVOKE_DIRTY_H

#include <stdbool.h>
#include <stdint.h>

/* The kernel does what it says, by a real write, once; with a watcher and /proc/self/pagemap. */
bool cai_dirty_works(int watcher, int pages);

/* In front of a sweep. False: this cannot be told here. */
bool cai_dirty_begin(void);
void cai_dirty_end(void);

/* While threads run. A range is watched, and then as often as wanted a part of it is read: the pages that hold
 * something and are not protected are, and `scan` is called for them. Where that returns false the part is not
 * watched any more. False: it cannot be watched. */
bool cai_dirty_watch(uintptr_t begin, uintptr_t end);
void cai_dirty_read(uintptr_t begin, uintptr_t end, bool (*scan)(uintptr_t begin, uintptr_t end));

/* While the world is stopped: calls `scan` for all pages of the range that hold something, unless they were read
 * before and not written since. False: nobody can tell, and it was perhaps called for some. */
bool cai_dirty_rest(uintptr_t begin, uintptr_t end, void (*scan)(uintptr_t begin, uintptr_t end));

/* In the child of a fork. */
void cai_dirty_repair(void);

#endif
