/* Of the memfd that tells others about a process (heaps/channel.h): by it its mapping is found in /proc/PID/maps, by
 * who looks from outside, and by sweeps, which pass it over.
 */
#ifndef CAI_CORE_CHANNEL_NAME_H
#define CAI_CORE_CHANNEL_NAME_H

#define CAI_CHANNEL_NAME "capalloc-channel"

#endif
