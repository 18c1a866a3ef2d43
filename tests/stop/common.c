/* See common.h. */
#include "common.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct common *common;

void common_map(void)
{
    common = mmap(NULL, sizeof *common, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (common == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
}

uint64_t common_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint32_t common_read(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

bool common_wait(const uint32_t *word, uint32_t until, unsigned ms)
{
    uint64_t end = common_now_us() + (uint64_t)ms * 1000;

    for (uint32_t now; (now = common_read(word)) != until;) {
        uint64_t time = common_now_us();
        if (ms != 0 && time >= end)
            return false;
        uint64_t left = end - time;
        struct timespec timeout = {(time_t)(left / 1000000), (long)(left % 1000000 * 1000)};
        syscall(SYS_futex, word, FUTEX_WAIT, now, ms != 0 ? &timeout : NULL, NULL, 0);
    }
    return true;
}

void common_tell(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
