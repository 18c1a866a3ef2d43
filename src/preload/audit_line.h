/* How a finding of the audit and their number are said, by the library and by `capalloc run` alike. Both add
 * "capalloc: audit: " before the text.
 */
#ifndef CAI_PRELOAD_AUDIT_LINE_H
#define CAI_PRELOAD_AUDIT_LINE_H

#include "heaps/channel.h"

#include <stdio.h>

enum { CAI_AUDIT_LINE = 256 };

static inline const char *cai_audit_line(char text[CAI_AUDIT_LINE], const struct cai_channel_finding *finding)
{
    snprintf(text, CAI_AUDIT_LINE,
             "block 0x%llx of %llu bytes, place %s, offset %llu: 0x%llx points to block 0x%llx of %llu bytes, place %s",
             (unsigned long long)finding->block, (unsigned long long)finding->block_bytes,
             cai_channel_place(finding->place), (unsigned long long)finding->offset, (unsigned long long)finding->value,
             (unsigned long long)finding->target, (unsigned long long)finding->target_bytes,
             cai_channel_place(finding->target_place));
    return text;
}

static inline const char *cai_audit_total(char text[CAI_AUDIT_LINE], const struct cai_channel_audit *found)
{
    const char *listed = found->found > found->kept ? ", not all of them listed" : "";

    if (found->found == 0)
        snprintf(text, CAI_AUDIT_LINE, "no word in memory promised to hold no pointers points to a live block");
    else
        snprintf(text, CAI_AUDIT_LINE, "%llu word%s in memory promised to hold no pointers point%s to live blocks%s",
                 (unsigned long long)found->found, found->found == 1 ? "" : "s", found->found == 1 ? "s" : "", listed);
    return text;
}

#endif
