/* How much memory there may be: page size, address space, resource limits, commit policy, control groups. Numbers that
 * only make the allocator smaller are warnings, not failures. Called by doctor.
 */
#include "run/doctor.h"
#include "run/units.h"

#include <inttypes.h>
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

static void check_pages(struct cai_doctor *doctor)
{
    long page = sysconf(_SC_PAGESIZE);
    bool known = page == 4096 || page == 16384 || page == 65536;
    cai_doctor_line(doctor, known ? CAI_DOCTOR_OK : CAI_DOCTOR_WARN, "page size", "%ld bytes", page);
    /* The stack stands near the top of what a process may address. */
    unsigned bits = (unsigned)(64 - __builtin_clzll((unsigned long long)(uintptr_t)&page));
    cai_doctor_line(doctor, bits >= 47 ? CAI_DOCTOR_OK : CAI_DOCTOR_INFO, "address bits", "%u%s", bits,
                    bits >= 47 ? "" : ": the places are smaller than usual");
}

static void check_rlimit(struct cai_doctor *doctor, int resource, const char *subject, uint64_t wanted,
                         const char *consequence)
{
    struct rlimit limit;
    char text[CAI_UNITS_TEXT];
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
        return;
    if (limit.rlim_cur == RLIM_INFINITY)
        cai_doctor_line(doctor, CAI_DOCTOR_OK, subject, "unlimited");
    else if (limit.rlim_cur >= wanted)
        cai_doctor_line(doctor, CAI_DOCTOR_OK, subject, "%s", cai_size_text(text, limit.rlim_cur));
    else
        cai_doctor_line(doctor, CAI_DOCTOR_WARN, subject, "%s: %s", cai_size_text(text, limit.rlim_cur), consequence);
}

static uint64_t meminfo(const char *field)
{
    char line[256];
    uint64_t kib = 0;
    FILE *file = fopen("/proc/meminfo", "re");
    if (file == NULL)
        return 0;
    size_t length = strlen(field);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, length) == 0 && line[length] == ':') {
            kib = strtoull(line + length + 1, NULL, 10);
            break;
        }
    }
    fclose(file);
    return kib * 1024;
}

static void check_commit(struct cai_doctor *doctor)
{
    char text[64];
    char now[CAI_UNITS_TEXT];
    char most[CAI_UNITS_TEXT];
    cai_doctor_line(doctor, CAI_DOCTOR_INFO, "memory", "%s, %s available", cai_size_text(most, meminfo("MemTotal")),
                    cai_size_text(now, meminfo("MemAvailable")));
    if (cai_doctor_read("/proc/sys/vm/overcommit_memory", text, sizeof text) != 0) {
        cai_doctor_line(doctor, CAI_DOCTOR_INFO, "overcommit_memory", "cannot be read");
    } else if (text[0] == '2') {
        cai_doctor_line(doctor, CAI_DOCTOR_WARN, "overcommit_memory",
                        "2: every writable page counts (%s of %s used); memory is refused early rather than killed for",
                        cai_size_text(now, meminfo("Committed_AS")), cai_size_text(most, meminfo("CommitLimit")));
    } else {
        cai_doctor_line(doctor, CAI_DOCTOR_OK, "overcommit_memory", "%s (%s)", text,
                        text[0] == '0' ? "heuristic" : "always");
    }
    if (cai_doctor_read("/proc/sys/vm/max_map_count", text, sizeof text) == 0) {
        uint64_t count = strtoull(text, NULL, 10);
        bool enough = count >= map_count_wanted;
        cai_doctor_line(doctor, enough ? CAI_DOCTOR_OK : CAI_DOCTOR_WARN, "max_map_count", "%s%s", text,
                        enough ? "" : ": below the usual 65530; a fragmented heap may run out of mappings");
    }
}

static void check_huge_pages(struct cai_doctor *doctor)
{
    char text[128];
    if (cai_doctor_read("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text) != 0) {
        cai_doctor_line(doctor, CAI_DOCTOR_INFO, "transparent huge pages", "not in this kernel");
        return;
    }
    char *open = strchr(text, '[');
    char *close = open != NULL ? strchr(open, ']') : NULL;
    if (close != NULL)
        *close = 0;
    const char *mode = close != NULL ? open + 1 : text;
    cai_doctor_line(doctor, CAI_DOCTOR_INFO, "transparent huge pages", "%s%s", mode,
                    strcmp(mode, "always") == 0 ? ": resident memory is counted in steps of 2 MiB" : "");
}

/* The least limit on the way from this group to the root; UINT64_MAX: none. */
static uint64_t cgroup_least(const char *root, char *group, const char *file, char *where, size_t size)
{
    uint64_t least = UINT64_MAX;
    for (;;) {
        char path[PATH_MAX + 128];
        char text[64];
        uint64_t bytes;
        snprintf(path, sizeof path, "%s%s/%s", root, strcmp(group, "/") == 0 ? "" : group, file);
        /* version 1 says "none" with a number just below 2^63 */
        if (cai_doctor_read(path, text, sizeof text) == 0 && cai_number_parse(text, UINT64_MAX, &bytes) &&
            bytes < UINT64_C(1) << 60 && bytes < least) {
            least = bytes;
            snprintf(where, size, "%s", group[0] != 0 ? group : "/");
        }
        char *slash = strrchr(group, '/');
        if (slash == NULL)
            return least;
        *slash = 0;
    }
}

static void check_cgroup(struct cai_doctor *doctor)
{
    char line[PATH_MAX];
    char where[PATH_MAX] = "";
    char text[CAI_UNITS_TEXT];
    uint64_t least = UINT64_MAX;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':');
        char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (group == NULL)
            continue;
        *group++ = 0;
        char found_at[PATH_MAX] = "";
        uint64_t bytes = UINT64_MAX;
        if (controllers[1] == 0)
            bytes = cgroup_least("/sys/fs/cgroup", group, "memory.max", found_at, sizeof found_at);
        else if (strcmp(controllers + 1, "memory") == 0)
            bytes = cgroup_least("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes", found_at, sizeof found_at);
        if (bytes < least) {
            least = bytes;
            memcpy(where, found_at, sizeof where);
        }
    }
    if (file != NULL)
        fclose(file);
    if (least == UINT64_MAX) {
        cai_doctor_line(doctor, CAI_DOCTOR_OK, "control group", "no memory limit");
    } else {
        cai_doctor_line(doctor, CAI_DOCTOR_INFO, "control group",
                        "%s at most (set in %s); beyond it the kernel kills: consider --limit",
                        cai_size_text(text, least), where);
    }
}

void cai_doctor_limits(struct cai_doctor *doctor)
{
    cai_doctor_section("Room for memory");
    check_pages(doctor);
    check_rlimit(doctor, RLIMIT_AS, "address space (ulimit -v)", address_space_wanted,
                 "the places shrink to fit, and programs may run out of memory early");
    check_rlimit(doctor, RLIMIT_DATA, "data (ulimit -d)", address_space_wanted, "programs may run out of memory early");
    check_rlimit(doctor, RLIMIT_MEMLOCK, "locked memory (ulimit -l)", UINT64_C(1) << 20,
                 "little secret memory can be locked");
    check_commit(doctor);
    check_huge_pages(doctor);
    check_cgroup(doctor);
}
