/* Getting at the table of heaps/channel.h: the one that the environment names, or one of our own. */
#ifndef CAI_PRELOAD_TABLE_H
#define CAI_PRELOAD_TABLE_H

#include "heaps/channel.h"

/* In the library's constructor: has the process keep its numbers in the table of `capalloc run`, or else, with the
 * setting `visible`, in one that it makes. Returns its page; NULL: it has none. A privileged process has none. */
struct cai_channel *cai_table_open(void);

/* Where the flags of dlopen are gathered; nowhere that matters as long as there is no page. */
uint32_t *cai_table_dlopen_flags(void);

#endif
