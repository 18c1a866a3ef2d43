/* The functions that the public headers have as inline ones, under their names: for languages that have no C compiler,
 * or no way to a header. Each is made of the header's own definition; nothing is written twice. */
#define CA_INLINE_ CAI_EXPORT
#include "base/compiler.h"

/* A header declares nothing of what it defines. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include <capalloc/capalloc.h>
