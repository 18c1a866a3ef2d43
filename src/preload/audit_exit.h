/* The audit that the setting `audit` asks for, when the program ends. Contract: N6. Drop-in library only.
 */
#ifndef CAI_PRELOAD_AUDIT_EXIT_H
#define CAI_PRELOAD_AUDIT_EXIT_H

#include "heaps/channel.h"

#include <stdbool.h>

/* Looks, and fills in all of *found. */
void cai_audit_exit(struct cai_channel_audit *found);

/* Tells it on stderr, in the lines of preload/audit_line.h. `quiet`: not when there is nothing to tell. */
void cai_audit_exit_say(const struct cai_channel_audit *found, bool quiet);

#endif
