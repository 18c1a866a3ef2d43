/* Protection of must-zero memory against readers other than the program. Contract: Z8.
 *
 * What is wanted belongs to the process and only ever grows. What is in force stands in the descriptor of each unit,
 * because the limits of the process grant it for one chunk and refuse it for the next; units that are not mapped have
 * no guard. All of it happens under the zone's lock.
 */
#ifndef CAI_PAGES_POLICY_H
#define CAI_PAGES_POLICY_H

#include "os/os.h"
#include "pages/zone.h"

/* What can be wanted: the public flags. */
enum cai_protect {
    CAI_PROTECT_NO_DUMP = 1,
    CAI_PROTECT_WIPE_ON_FORK = 2,
    CAI_PROTECT_LOCK = 4,
    CAI_PROTECT_HIDE = 8,
    CAI_PROTECT_ALL = 15,
};

/* What a unit has, bit by bit beside what can be wanted, but the first is the lack: 0 is what every unit has that
 * nobody asked more for. A hidden unit has all of it by being hidden. */
enum cai_guard {
    CAI_GUARD_DUMPED = 1, /* the kernel refused to keep it out of core dumps */
    CAI_GUARD_WIPED = 2,
    CAI_GUARD_LOCKED = 4,
    CAI_GUARD_HIDDEN = 8,
    CAI_GUARD_FIRST = 16, /* hidden, and the first unit of its mapping */
};

/* Maps these units of a must-zero zone with as much protection as there is. */
enum cai_map cai_policy_map(struct cai_zone *zone, uint32_t head, uint32_t units);

/* They are mapped anew, without any protection. */
void cai_policy_protect(struct cai_zone *zone, uint32_t head, uint32_t units);

/* They are not mapped any more. */
void cai_policy_forget(struct cai_zone *zone, uint32_t head, uint32_t units);

/* Pages may be moved within the zone: all of them have the same guard. */
bool cai_policy_may_move(const struct cai_zone *zone);

/* It is hidden. What is free of a hidden mapping is always dirty, so that it becomes one run again and can be
 * unmapped. */
bool cai_policy_is_hidden(const struct cai_zone *zone, uint32_t number);

/* Some memory is hidden, or is going to be: what the kernel says about it is another matter. */
bool cai_policy_hides(void);

/* How free units go back to the system. Hidden ones cannot be discarded, and a part of a hidden mapping that is
 * unmapped would stay in memory as long as the rest: whole mappings go, others stay. */
enum cai_way { CAI_WAY_KEEP, CAI_WAY_DISCARD, CAI_WAY_UNMAP, CAI_WAY_UNMAP_ONLY };
enum cai_way cai_policy_way(const struct cai_zone *zone, uint32_t head, uint32_t units, bool unmap);

/* Wants these protections, too; tries each by a real call on an unused address. Memory that is mapped does not get them
 * yet: so that what is free can be unmapped first. */
void cai_policy_want(unsigned more);

/* Gives all that is mapped what is wanted. */
void cai_policy_apply(void);

/* In the child of a fork, by its only thread: what is hidden is not there, locks are not inherited, and new mappings
 * join no inherited ones. */
void cai_policy_after_fork_in_child(void);

struct cai_policy_numbers {
    unsigned wanted;
    unsigned refused;    /* for some memory at some time */
    unsigned impossible; /* when it was tried last without need */
    size_t mapped_units, dumped_units, wiped_units, locked_units, hidden_units;
};
struct cai_policy_numbers cai_policy_numbers(void);

#endif
