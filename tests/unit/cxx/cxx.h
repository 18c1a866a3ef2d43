/* What the tests of the C++ headers share: cmocka, and questions about blocks. */
#ifndef TESTS_UNIT_CXX_CXX_H
#define TESTS_UNIT_CXX_CXX_H

#include <algorithm>
#include <capalloc/audit.h>
#include <capalloc/intention.hpp>
#include <capalloc/stats.h>
#include <cstdint>
#include <cstring>

extern "C" {
#include "unit/unit.h"
}

namespace
{

inline std::uint64_t live_blocks()
{
    ca_stats stats = CA_STATS_INIT;
    ca_stats_read(&stats);
    return stats.live_blocks;
}

/* Live blocks of a place: 0 ordinary, 1 nocaps, 2 mustzero, 3 secret. */
inline std::uint64_t live_blocks_in(int place)
{
    ca_stats stats = CA_STATS_INIT;
    ca_stats_read(&stats);
    return stats.place[place].live_blocks;
}
inline int place_of(ca_block)
{
    return 0;
}
inline int place_of(ca_nocaps)
{
    return 1;
}
inline int place_of(ca_mustzero)
{
    return 2;
}
inline int place_of(ca_secret)
{
    return 3;
}

/* There is a live block of this intention and length there. */
template <class Intention> bool is_block(const void *address, std::size_t size)
{
    return ca_check(Intention{const_cast<void *>(address), size}) == CA_OK;
}

/* Bytes that are not zero. Read on purpose where a block was given back: the must-zero places stay readable. */
inline std::ptrdiff_t not_zero(const void *address, std::size_t size)
{
    const volatile unsigned char *bytes = static_cast<const volatile unsigned char *>(address);
    std::ptrdiff_t count = 0;
    for (std::size_t i = 0; i < size; i++)
        count += bytes[i] != 0;
    return count;
}

} // namespace

#endif
