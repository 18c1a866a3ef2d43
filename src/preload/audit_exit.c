/* See audit_exit.h. */
#include "preload/audit_exit.h"

#include "heaps/heaps.h"
#include "os/os.h"
#include "preload/audit_line.h"

#include <capalloc/audit.h>
#include <string.h>

static bool keep(const ca_audit_finding *finding, void *context)
{
    struct cai_channel_audit *found = context;

    if (found->kept < CAI_CHANNEL_FINDINGS)
        found->finding[found->kept++] = (struct cai_channel_finding){
            .block = (uintptr_t)finding->block,
            .block_bytes = finding->block_size,
            .offset = finding->offset,
            .value = finding->value,
            .target = (uintptr_t)finding->target,
            .target_bytes = finding->target_size,
            .place = (uint32_t)cai_place_of(finding->block),
            .target_place = (uint32_t)cai_place_of(finding->target),
        };
    return true;
}

void cai_audit_exit(struct cai_channel_audit *found)
{
    *found = (struct cai_channel_audit){.done = 1};
    found->found = ca_audit_nocaps(keep, found);
}

static void say(const char *text)
{
    char line[CAI_AUDIT_LINE + 32];
    int length = snprintf(line, sizeof line, "capalloc: audit: %s\n", text);

    cai_os_write_error(line, (size_t)length);
}

void cai_audit_exit_say(const struct cai_channel_audit *found, bool quiet)
{
    char text[CAI_AUDIT_LINE];

    for (uint32_t i = 0; i < found->kept; i++)
        say(cai_audit_line(text, &found->finding[i]));
    if (found->found != 0 || !quiet)
        say(cai_audit_total(text, found));
}
