/* How much memory there may be: page size, address space, resource limits, commit policy, control groups. Numbers that
 * only make the allocator smaller are warnings, not failures. Called by doctor.
 */
#include "run/doctor.h"
#include "run/units.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Below these a line warns. */
static const uint64_t address_space_wanted = UINT64_C(4) << 30;
static const uint64_t map_count_wanted = 65530; /* the kernel's default */

static void check_pages(void)
{
    long page = sysconf(_SC_PAGESIZE);
    bool known = page == 4096 || page == 16384 || page == 65536;
    /* The stack stands near the top of what a process may address. */
    unsigned bits = (unsigned)(64 - __builtin_clzll((unsigned long long)(uintptr_t)&page));

    cai_doctor_line(known ? CAI_DOCTOR_OK : CAI_DOCTOR_WARN, "page size", "%ld bytes", page);
    cai_doctor_line(bits >= 47 ? CAI_DOCTOR_OK : CAI_DOCTOR_INFO, "address bits", "%u%s", bits,
                    bits >= 47 ? "" : ": the places are smaller than usual");
}

static void check_rlimit(int resource, const char *subject, uint64_t wanted, const char *consequence)
{
    struct rlimit limit;

    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
        return;
    bool enough = limit.rlim_cur >= wanted; /* RLIM_INFINITY is the greatest of all */
    cai_doctor_line(enough ? CAI_DOCTOR_OK : CAI_DOCTOR_WARN, subject, "%s%s%s",
                    limit.rlim_cur == RLIM_INFINITY ? "unlimited" : cai_size_text(limit.rlim_cur).text,
                    enough ? "" : ": ", enough ? "" : consequence);
}

/* A line of /proc/meminfo such as "MemTotal:       24675316 kB". */
static struct cai_units meminfo(const char *field)
{
    char text[64];
    bool known = cai_doctor_read("/proc/meminfo", field, text, sizeof text) == 0;

    return cai_size_text(known ? strtoull(text, NULL, 10) * 1024 : 0);
}

static void check_commit(void)
{
    char text[64];

    cai_doctor_line(CAI_DOCTOR_INFO, "memory", "%s, %s available", meminfo("MemTotal:").text,
                    meminfo("MemAvailable:").text);
    if (cai_doctor_read("/proc/sys/vm/overcommit_memory", "", text, sizeof text) != 0)
        cai_doctor_line(CAI_DOCTOR_INFO, "overcommit_memory", "cannot be read");
    else if (text[0] == '2')
        cai_doctor_line(CAI_DOCTOR_WARN, "overcommit_memory",
                        "2: every writable page counts (%s of %s used); memory is refused early rather than killed for",
                        meminfo("Committed_AS:").text, meminfo("CommitLimit:").text);
    else
        cai_doctor_line(CAI_DOCTOR_OK, "overcommit_memory", "%s (%s)", text, text[0] == '0' ? "heuristic" : "always");
    if (cai_doctor_read("/proc/sys/vm/max_map_count", "", text, sizeof text) == 0) {
        bool enough = strtoull(text, NULL, 10) >= map_count_wanted;
        cai_doctor_line(enough ? CAI_DOCTOR_OK : CAI_DOCTOR_WARN, "max_map_count", "%s%s", text,
                        enough ? "" : ": below the usual 65530; a fragmented heap may run out of mappings");
    }
}

/* The mode in force stands in brackets: "always [madvise] never". */
static void check_huge_pages(void)
{
    char mode[128];

    if (cai_doctor_read("/sys/kernel/mm/transparent_hugepage/enabled", "[", mode, sizeof mode) != 0) {
        cai_doctor_line(CAI_DOCTOR_INFO, "transparent huge pages", "not in this kernel");
        return;
    }
    mode[strcspn(mode, "]")] = 0;
    cai_doctor_line(CAI_DOCTOR_INFO, "transparent huge pages", "%s%s", mode,
                    strcmp(mode, "always") == 0 ? ": resident memory is counted in steps of 2 MiB" : "");
}

struct group_limit {
    uint64_t bytes; /* UINT64_MAX: none */
    char where[PATH_MAX];
};

/* Lowers the limit to the least on the way from this process's group to the root. key: what stands before the group in
 * /proc/self/cgroup. */
static void cgroup_least(struct group_limit *limit, const char *key, const char *root, const char *file)
{
    char group[PATH_MAX];

    if (cai_doctor_read("/proc/self/cgroup", key, group, sizeof group) != 0)
        return;
    for (char *slash = group; slash != NULL;) {
        char path[PATH_MAX + 128];
        char text[64];
        uint64_t bytes;
        snprintf(path, sizeof path, "%s%s/%s", root, strcmp(group, "/") == 0 ? "" : group, file);
        /* version 1 says "none" with a number just below 2^63 */
        if (cai_doctor_read(path, "", text, sizeof text) == 0 && cai_number_parse(text, UINT64_MAX, &bytes) &&
            bytes < UINT64_C(1) << 60 && bytes < limit->bytes) {
            limit->bytes = bytes;
            snprintf(limit->where, sizeof limit->where, "%s", group[0] != 0 ? group : "/");
        }
        slash = strrchr(group, '/');
        if (slash != NULL)
            *slash = 0;
    }
}

static void check_cgroup(void)
{
    static struct group_limit limit = {.bytes = UINT64_MAX};

    cgroup_least(&limit, "0::", "/sys/fs/cgroup", "memory.max");
    cgroup_least(&limit, ":memory:", "/sys/fs/cgroup/memory", "memory.limit_in_bytes");
    if (limit.bytes == UINT64_MAX)
        cai_doctor_line(CAI_DOCTOR_OK, "control group", "no memory limit");
    else
        cai_doctor_line(CAI_DOCTOR_INFO, "control group",
                        "%s at most (set in %s); beyond it the kernel kills: consider --limit",
                        cai_size_text(limit.bytes).text, limit.where);
}

void cai_doctor_limits(void)
{
    cai_doctor_section("Room for memory");
    check_pages();
    check_rlimit(RLIMIT_AS, "address space (ulimit -v)", address_space_wanted,
                 "the places shrink to fit, and programs may run out of memory early");
    check_rlimit(RLIMIT_DATA, "data (ulimit -d)", address_space_wanted, "programs may run out of memory early");
    check_rlimit(RLIMIT_MEMLOCK, "locked memory (ulimit -l)", UINT64_C(1) << 20, "little secret memory can be locked");
    check_commit();
    check_huge_pages();
    check_cgroup();
}
