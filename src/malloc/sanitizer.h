/* Programs that the drop-in library must not serve: a sanitizer has to have malloc for itself.
 *
 * AddressSanitizer says so itself. ThreadSanitizer does not: its shadow memory would come to lie where ours is, and
 * what it does not hear of, blocks and their ends, it would take for races. Only where its malloc comes behind ours;
 * one that lies in the program comes first.
 */
#ifndef CAI_MALLOC_SANITIZER_H
#define CAI_MALLOC_SANITIZER_H

#include "malloc/names.h"
#include "os/os.h"

#if CAI_NAMES_ARE_PLAIN
extern void __tsan_init(void) __attribute__((weak));
#endif

/* Before the first block is handed out. Returns when there is nothing to say; else says it, and ends the program. */
static inline void cai_refuse_sanitizer(void)
{
#if CAI_NAMES_ARE_PLAIN
    static const char why[] =
        "capalloc: not-usable: this program is instrumented by ThreadSanitizer, which needs its own "
        "malloc; run it without the library\n";
    enum { STATUS = 125 }; /* as `capalloc run` has for its own troubles */

    if (__tsan_init == NULL)
        return;
    cai_os_write_error(why, sizeof why - 1);
    cai_os_exit(STATUS);
#endif
}

#endif
