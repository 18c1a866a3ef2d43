/* What the kernel says of this process: its addresses, its data, its mappings. Allocates nothing. The thread sanitizer
 * and an emulator map memory of their own beside ours: there nothing is compared. */
#ifndef TESTS_SUPPORT_PROCESS_H
#define TESTS_SUPPORT_PROCESS_H

#include "base/compiler.h"
#include "support/child.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct process {
    long size_kib, data_kib, mappings;
};

static inline long process_field(const char *status, const char *name)
{
    const char *line = strstr(status, name);

    require(line != NULL);
    return strtol(line + strlen(name), NULL, 10);
}

/* The mappings that begin in [from, to). */
static inline long process_mappings(uintptr_t from, uintptr_t to)
{
    static char text[1 << 16];
    long mappings = 0;
    uintptr_t address = 0;
    bool in_address = true; /* which each line begins with */
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    require(file >= 0);
    for (ssize_t length; (length = read(file, text, sizeof text)) > 0;)
        for (ssize_t i = 0; i < length; i++) {
            if (text[i] == '\n') {
                in_address = true;
                address = 0;
            } else if (in_address && text[i] == '-') {
                in_address = false;
                mappings += address >= from && address < to;
            } else if (in_address) {
                address = address * 16 + (uintptr_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
            }
        }
    close(file);
    return mappings;
}

static inline struct process process_look(void)
{
    static char text[8192];
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(file, text, sizeof text - 1);

    require(file >= 0 && length > 0);
    close(file);
    text[length] = '\0';
    return (struct process){process_field(text, "VmSize:"), process_field(text, "VmData:"),
                            process_mappings(0, UINTPTR_MAX)};
}

/* qemu-user says yes to every advice, even to one that does not exist. */
static inline bool process_is_emulated(void)
{
    return madvise(NULL, 0, 9999) == 0;
}

static inline bool process_is(const struct process *before)
{
    struct process now = process_look();

    return CAI_TSAN || process_is_emulated() ||
           (now.size_kib == before->size_kib && now.data_kib == before->data_kib && now.mappings == before->mappings);
}

#endif
