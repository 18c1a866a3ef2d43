/* Pages without anything above them: started in a child, and what a run is seen by.
 */
#ifndef TESTS_SUPPORT_PAGES_H
#define TESTS_SUPPORT_PAGES_H

#include "core/settings.h"
#include "pages/run.h"
#include "support/child.h"

enum {
    ORDINARY_FINE = CAI_PLACE_ordinary * CAI_GRAINS + CAI_FINE,
    ORDINARY_COARSE = CAI_PLACE_ordinary * CAI_GRAINS + CAI_COARSE,
    MUSTZERO_FINE = CAI_PLACE_mustzero * CAI_GRAINS + CAI_FINE,
    MUSTZERO_COARSE = CAI_PLACE_mustzero * CAI_GRAINS + CAI_COARSE,
};

static inline void start_pages(void)
{
    cai_settings_start();
    require(cai_pages_start() == CAI_PAGES_STARTED);
}

/* A large run of the zone. */
static inline struct cai_unit *take_run(unsigned zone, uint32_t units)
{
    struct cai_unit *run = cai_run_take(&cai_zones[zone], units, 1, CAI_UNIT_LARGE);

    require(run != NULL && run->units == units && run->zone == zone && run->kind == CAI_UNIT_BUSY);
    cai_run_publish(run, CAI_UNIT_LARGE, 1);
    return run;
}

static inline size_t length_of(const struct cai_unit *run)
{
    return (size_t)run->units << CAI_UNIT_SHIFT;
}

static inline char *memory_of(const struct cai_unit *run)
{
    return (char *)cai_unit_address(run);
}

static inline uint8_t *state_of(const struct cai_unit *run)
{
    unsigned shift = CAI_UNIT_SHIFT - cai_grain_shift(cai_zone_grain(run->zone));

    return cai_view_of(run->zone)->state + ((size_t)cai_unit_number(run) << shift);
}

static inline size_t state_bytes(const struct cai_unit *run)
{
    return length_of(run) >> cai_grain_shift(cai_zone_grain(run->zone));
}

#endif
