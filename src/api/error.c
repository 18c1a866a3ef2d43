/* Errors in words. Called by users and by whatever reports an error; total: any value, even one from a newer header,
 * has a description in static storage.
 */
#include <capalloc/error.h>

#include "base/compiler.h"

_Static_assert(sizeof(ca_error) == 4, "part of the ABI, whatever -fshort-enums says");

CAI_EXPORT const char *ca_error_string(ca_error error)
{
    switch (error) {
    case CA_OK:
        return "no error";
    case CA_ERROR_OUT_OF_MEMORY:
        return "out of memory";
    case CA_ERROR_LAYOUT:
        return "invalid or unsupported layout";
    case CA_ERROR_QUOTA:
        return "quota exceeded";
    case CA_ERROR_NOT_PERMITTED:
        return "not permitted";
    case CA_ERROR_STALE:
        return "block was given back";
    case CA_ERROR_INVALID:
        return "no such block";
    case CA_ERROR_MAKE_32_BITS:
        break;
    }
    return "unknown error";
}
