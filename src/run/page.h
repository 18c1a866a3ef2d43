/* The page of `capalloc run --report`, without its data: made of the files in page/ when the program is built, by
 * cmake/Page.cmake. */
#ifndef CAI_RUN_PAGE_H
#define CAI_RUN_PAGE_H

#include <stddef.h>

/* What stands before the data, and behind it. */
extern const unsigned char cai_page_head[], cai_page_tail[];
extern const size_t cai_page_head_bytes, cai_page_tail_bytes;

#endif
