/* Preloaded behind the drop-in library, so that its constructor runs first: the filter of FILTER (filter.h) is in force
 * before the library's constructor, and before the first malloc. Not in `capalloc run`, which passes it on.
 */
#include "filter.h"

__attribute__((constructor(101))) static void install(void)
{
    const char *words = getenv("FILTER");

    if (words != NULL && *words != '\0' && strcmp(program_invocation_short_name, "capalloc") != 0)
        filter_install(words);
}
