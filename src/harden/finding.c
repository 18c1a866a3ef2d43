/* See finding.h. */
#include "harden/finding.h"

#include "base/atomic.h"
#include "base/compiler.h"
#include "base/decimal.h"
#include "base/zero.h"
#include "core/violation.h"

#include <string.h>

static struct cai_findings kept; /* `count` atomic */

static bool look(struct cai_finding *finding, enum cai_place place, const char *block, size_t bytes)
{
    size_t at = 0;

    while (at < bytes && block[at] == 0)
        at++;
    *finding = (struct cai_finding){
        .block = block, .bytes = bytes, .offset = at, .place = place, .value = at < bytes ? (uint8_t)block[at] : 0};
    return at < bytes;
}

void cai_finding_note(enum cai_place place, const char *block, size_t bytes)
{
    if (CAI_LIKELY(cai_is_zero(block, bytes)))
        return;
    uint32_t count = kept.count;
    if (count < CAI_FINDINGS_MAX && look(&kept.kept[count], place, block, bytes))
        cai_store_release(&kept.count, count + 1);
}

bool cai_findings_wait(void)
{
    return cai_load_relaxed(&kept.count) != 0;
}

void cai_findings_take(struct cai_findings *findings)
{
    *findings = kept;
    cai_store_relaxed(&kept.count, 0);
}

static CAI_COLD void report(const struct cai_finding *finding)
{
    char found[80];
    char *at = found;

    at = stpcpy(at, "0x");
    *at++ = "0123456789abcdef"[finding->value >> 4];
    *at++ = "0123456789abcdef"[finding->value & 15];
    at = cai_decimal_add(stpcpy(at, " at offset "), finding->offset);
    stpcpy(at, " of a freed block");
    cai_violation_report((ca_violation){
        .kind = CA_VIOLATION_USE_AFTER_FREE_WRITE,
        .function = "reuse",
        .address = finding->block,
        .size = finding->bytes,
        .place = cai_place_name(finding->place),
        .stated = "zero since it was freed",
        .found = found,
    });
}

CAI_COLD void cai_finding_tell(enum cai_place place, const char *block, size_t bytes)
{
    struct cai_finding finding;

    if (look(&finding, place, block, bytes))
        report(&finding);
}

void cai_findings_report(const struct cai_findings *findings)
{
    for (uint32_t i = 0; i < findings->count; i++)
        report(&findings->kept[i]);
}
