/* What accesses through capabilities have in common: that one which is refused is told of. */
#ifndef CAI_API_CAP_ACCESS_H
#define CAI_API_CAP_ACCESS_H

#include "cap/cap.h"

/* Tells the registered handler, if there is one; returns the fault. */
ca_cap_fault cai_cap_refused(ca_cap_fault fault, const char *function, const ca_cap *via, ptrdiff_t offset,
                             size_t bytes);

/* The end of an access of `bytes` bytes at `offset` from the address of `via`. */
#define CAI_CAP_DONE(fault, function, bytes)                                                                           \
    (CAI_LIKELY((fault) == CA_CAP_FAULT_NONE) ? CA_CAP_FAULT_NONE                                                      \
                                              : cai_cap_refused((fault), (function), &via, offset, (bytes)))

#endif
