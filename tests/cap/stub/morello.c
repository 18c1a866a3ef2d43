/* A machine whose capabilities have type 0 when they are not sealed, as Morello's: that this compiles is the test. */
#define CHERI_OTYPE_UNSEALED 0L
#include <capalloc/cap.h>

_Static_assert(CA_CAP_UNSEALED == 0, "the machine's number");
