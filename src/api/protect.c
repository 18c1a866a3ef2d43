/* The public face of src/pages/policy.h. */
#include <capalloc/protect.h>

#include "base/bits.h"
#include "heaps/heaps.h"

#include <string.h>

static uint64_t bytes_of(size_t units)
{
    return (uint64_t)units << CAI_UNIT_SHIFT;
}

static ca_protection collect(void)
{
    struct cai_policy_numbers numbers = cai_policy_numbers();
    ca_protection now = {
        .wanted = numbers.wanted,
        .refused = numbers.refused,
        .error = numbers.refused != 0 ? CA_ERROR_NOT_PERMITTED : CA_OK,
        .mapped_bytes = bytes_of(numbers.mapped_units),
        .no_dump_bytes = bytes_of(numbers.mapped_units - numbers.dumped_units),
        .wipe_on_fork_bytes = bytes_of(numbers.wiped_units + numbers.hidden_units),
        .lock_bytes = bytes_of(numbers.locked_units + numbers.hidden_units),
        .hide_bytes = bytes_of(numbers.hidden_units),
    };
    unsigned everywhere = (now.no_dump_bytes == now.mapped_bytes ? CA_PROTECT_NO_DUMP : 0u) |
                          (now.wipe_on_fork_bytes == now.mapped_bytes ? CA_PROTECT_WIPE_ON_FORK : 0u) |
                          (now.lock_bytes == now.mapped_bytes ? CA_PROTECT_LOCK : 0u) |
                          (now.hide_bytes == now.mapped_bytes ? CA_PROTECT_HIDE : 0u);
    /* With nothing mapped, what is possible is known from having been tried. */
    now.obtained = now.wanted & everywhere & (now.mapped_bytes == 0 ? ~numbers.impossible : ~0u);
    return now;
}

static void hand_over(ca_protection *out, ca_protection now)
{
    size_t bytes = cai_min(out->struct_size, sizeof now);

    now.struct_size = out->struct_size;
    memcpy(out, &now, bytes);
}

CAI_EXPORT void ca_protection_read(ca_protection *out)
{
    hand_over(out, collect());
}

CAI_EXPORT ca_error ca_protect(unsigned wanted, ca_protection *obtained)
{
    if ((wanted & ~(unsigned)CA_PROTECT_ALL) != 0)
        return CA_ERROR_INVALID;
    if (!cai_life_start())
        return CA_ERROR_OUT_OF_MEMORY;
    cai_policy_want(wanted);
    if ((wanted & CA_PROTECT_HIDE) != 0)
        cai_housekeeping_trim(); /* only memory that is mapped from now on can be hidden */
    cai_policy_apply();
    ca_protection now = collect();
    if (obtained != NULL)
        hand_over(obtained, now);
    return (wanted & ~now.obtained) == 0 ? CA_OK : CA_ERROR_NOT_PERMITTED;
}
