/* The smallest user of the installed library. */
#include <capalloc/stats.h>

int main(void)
{
    ca_stats stats = CA_STATS_INIT;
    ca_stats_read(&stats);
    return stats.struct_size == sizeof stats ? 0 : 1;
}
