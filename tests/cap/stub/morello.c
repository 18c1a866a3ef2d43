/* A machine whose capabilities have type 0 when they are not sealed, and 1 as entry points, as Morello's: that this
 * compiles is the test. */
#define CHERI_OTYPE_UNSEALED 0L
#define CHERI_OTYPE_SENTRY 1L
#include <capalloc/cap.h>

_Static_assert(CA_CAP_UNSEALED == 0, "the machine's number");
_Static_assert(CA_CAP_SENTRY == 1, "the machine's number");
