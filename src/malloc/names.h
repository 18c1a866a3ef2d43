/* One family, two sets of names: this file is compiled with CAI_PLAIN_NAMES for the drop-in library (malloc, free, ...)
 * and without for the library that is linked (ca_malloc, ca_free, ...).
 */
#ifndef CAI_MALLOC_NAMES_H
#define CAI_MALLOC_NAMES_H

#include "base/compiler.h"

#include <stdbool.h>

#if defined(CAI_PLAIN_NAMES) && CAI_PLAIN_NAMES
#define CAI_NAMES_ARE_PLAIN 1
#define CAI_NAME(function) function
#else
#define CAI_NAMES_ARE_PLAIN 0
#define CAI_NAME(function) ca_##function
#endif

/* Of the drop-in library: an allocation by malloc, calloc or realloc has failed. So that somebody who asks for memory
 * and gets none still knows whom he has asked. Atomic. */
#if CAI_NAMES_ARE_PLAIN
extern CAI_HIDDEN bool cai_plain_failed;
#endif

/* What reports call the function. */
#define CAI_NAME_TEXT_(name) #name
#define CAI_NAME_TEXT(name) CAI_NAME_TEXT_(name)

#endif
