/* See report_profile.h. Called by report_json. */
#include "run/report_profile.h"

#include "run/json.h"
#include "run/profile.h"

#include <stdlib.h>

/* From the outermost in. */
static json_object *names_object(const struct cai_profile *profile, const struct cai_site *site)
{
    json_object *names = json_object_new_array();

    for (uint32_t frame = cai_profile_frames(site); frame-- > 0;) {
        const struct cai_location *location = cai_profile_location(profile, site, frame);
        for (size_t call = location->count; call-- > 0;) {
            char *name = cai_profile_name(&profile->calls.call[location->first + call]);
            json_object_array_add(names, text(name != NULL ? name : "?"));
            free(name);
        }
    }
    return names;
}

static json_object *stacks_object(const struct cai_profile *profile)
{
    json_object *stacks = json_object_new_array();

    for (size_t i = 0; i < CAI_SITES_MAX; i++) {
        const struct cai_site *site = &profile->sites->site[i];
        if (site->key == 0 || (site->frames != 0 && cai_profile_bytes(site, CAI_PROFILE_ALL) == 0))
            continue; /* it gave blocks back, no more */
        const struct member row[] = {{"calls", names_object(profile, site)},
                                     {"live_bytes", number(cai_profile_bytes(site, CAI_PROFILE_LIVE))},
                                     {"peak_bytes", number(cai_profile_bytes(site, CAI_PROFILE_PEAK))},
                                     {"all_bytes", number(cai_profile_bytes(site, CAI_PROFILE_ALL))}};
        json_object_array_add(stacks, OBJECT(row));
    }
    return stacks;
}

json_object *cai_profile_object(const struct cai_sites *sites)
{
    struct cai_profile profile;

    if (sites->samples == 0 || !cai_profile_open(&profile, sites))
        return NULL;
    const struct member members[] = {
        {"rate_bytes", number(sites->rate)}, {"samples", number(sites->samples)}, {"stacks", stacks_object(&profile)}};
    json_object *object = OBJECT(members);
    cai_profile_close(&profile);
    return object;
}

json_object *cai_profile_object_of(const struct cai_channel_host *host, pid_t pid)
{
    struct cai_sites *sites = malloc(sizeof *sites);
    json_object *object = sites != NULL && cai_channel_sites_of(host, pid, sites) ? cai_profile_object(sites) : NULL;

    free(sites);
    return object;
}
