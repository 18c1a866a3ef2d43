/* See requests.h. */
#include "heaps/requests.h"

#include "base/atomic.h"
#include "base/probe.h"
#include "blocks/sizeclass.h"

static struct {
    uint64_t count, bytes; /* atomic */
} noted[CAI_CLASSES];
static uint64_t failed; /* atomic */

void cai_requests_note(unsigned size_class, size_t bytes)
{
    cai_add_relaxed(&noted[size_class].count, 1);
    cai_add_relaxed(&noted[size_class].bytes, bytes);
}

uint64_t cai_requests_estimate(unsigned size_class, uint64_t blocks)
{
    uint64_t count = cai_load_relaxed(&noted[size_class].count);
    uint64_t slots = blocks * cai_class_bytes(size_class);
    double each = count == 0 ? 0 : (double)cai_load_relaxed(&noted[size_class].bytes) / (double)count;
    uint64_t bytes = (uint64_t)(each * (double)blocks);

    return count == 0 || bytes > slots ? slots : bytes;
}

void cai_requests_refused(void)
{
    cai_add_relaxed(&failed, 1);
    CAI_PROBE(refused, cai_load_relaxed(&failed), 0, 0);
}

uint64_t cai_requests_failed(void)
{
    return cai_load_relaxed(&failed);
}
