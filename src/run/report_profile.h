/* The sites of a heap profile as an object: what the page's flame graph is drawn from. */
#ifndef CAI_RUN_REPORT_PROFILE_H
#define CAI_RUN_REPORT_PROFILE_H

#include "run/channel_host.h"

#include <json-c/json.h>
#include <sys/types.h>

/* NULL: there are no samples, or there is no memory. `sites` must not change meanwhile. */
json_object *cai_profile_object(const struct cai_sites *sites);

/* The same of the process with this number. */
json_object *cai_profile_object_of(const struct cai_channel_host *host, pid_t pid);

#endif
