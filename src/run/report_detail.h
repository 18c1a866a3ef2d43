/* What only a page can show: the course of a process, its map, its classes, its violations; and the machine. */
#ifndef CAI_RUN_REPORT_DETAIL_H
#define CAI_RUN_REPORT_DETAIL_H

#include "heaps/channel.h"
#include "run/history.h"

#include <json-c/json.h>

/* Times are since then. */
static inline uint64_t cai_since(uint64_t ns, uint64_t start_ns)
{
    return ns > start_ns ? ns - start_ns : 0;
}

/* One array for each number. */
json_object *cai_history_object(const struct cai_history *history, uint64_t start_ns);

/* Zones of which something was used. */
json_object *cai_map_object(const struct cai_channel_numbers *numbers);

/* Size classes of which there is or was something. */
json_object *cai_held_object(const struct cai_channel_numbers *numbers);

/* The first violations. */
json_object *cai_violated_object(const struct cai_channel *process, uint64_t start_ns);

/* No name of it, and no user's. */
json_object *cai_machine_object(void);

#endif
