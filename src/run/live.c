/* Whose page is it? The table is a memfd whose name stands in /proc/PID/maps, and it is read through /proc/PID/mem:
 * that needs no descriptor in the process and no help from it, and who may read is the kernel's own rule, asked at
 * each look. The process can write whatever it likes there: every number is copied once and checked for form. Called
 * by watch. */
#include "run/live.h"

#include "run/channel_host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COPY_TRIES = 5 };

/* Where the table is mapped; 0: nowhere, with errno 0 where the mappings could be read. */
static uint64_t table_address(pid_t pid)
{
    char line[512];
    uint64_t start = 0;

    snprintf(line, sizeof line, "/proc/%d/maps", (int)pid);
    FILE *file = fopen(line, "re");
    if (file == NULL)
        return 0;
    errno = 0;
    while (start == 0 && fgets(line, sizeof line, file) != NULL)
        if (strstr(line, " /memfd:" CAI_CHANNEL_NAME) != NULL)
            start = strtoull(line, NULL, 16);
    int error = ferror(file) != 0 ? errno : 0;
    fclose(file);
    errno = error;
    return start;
}

bool cai_live_is_mapped(pid_t pid)
{
    return table_address(pid) != 0;
}

/* What the process calls itself, in its own namespace. */
static int32_t own_number(pid_t pid)
{
    char line[256];
    long number = pid;

    snprintf(line, sizeof line, "/proc/%d/status", (int)pid);
    FILE *file = fopen(line, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "NSpid:", 6) == 0) {
            const char *last = strrchr(line, '\t');
            number = last != NULL ? strtol(last, NULL, 10) : number;
        }
    if (file != NULL)
        fclose(file);
    return (int32_t)number;
}

static bool copy(int memory, void *to, size_t bytes, uint64_t from)
{
    return pread(memory, to, bytes, (off_t)from) == (ssize_t)bytes;
}

/* A copy that no other numbers were written into meanwhile, as far as one can see. */
static bool copy_page(int memory, uint64_t from, struct cai_channel *out)
{
    uint32_t turn = 0;

    for (int tries = 0; tries < COPY_TRIES; tries++)
        if (!copy(memory, out, sizeof *out, from) ||
            !copy(memory, &turn, sizeof turn, from + offsetof(struct cai_channel, turn)))
            return false;
        else if (turn - out->turn <= 1)
            break;
    cai_channel_clean(out);
    return true;
}

/* sites: NULL, or what stands there of them; their rate is 0 when there are none. */
static enum cai_live look(int memory, uint64_t at, int32_t number, struct cai_channel *out, struct cai_sites *sites)
{
    struct cai_channel_table table;

    if (!copy(memory, &table, sizeof table, at) || table.magic != CAI_CHANNEL_MAGIC ||
        table.version != CAI_CHANNEL_VERSION || table.page_bytes < sizeof *out ||
        table.processes > CAI_CHANNEL_PROCESSES)
        return CAI_LIVE_NO_PAGE;
    uint32_t count = table.claimed < table.processes ? table.claimed : table.processes;
    for (uint32_t index = count; index-- != 0;) {
        uint64_t from = at + (index + UINT64_C(1)) * table.page_bytes;
        if (table.pid[index] != number || !copy_page(memory, from, out) || out->pid != number)
            continue;
        size_t sites_at = cai_channel_sites_at(table.page_bytes);
        if (sites != NULL && (sites_at == 0 || !copy(memory, sites, sizeof *sites, from + sites_at)))
            sites->rate = 0;
        return out->state != CAI_CHANNEL_EMPTY ? CAI_LIVE_SEEN : CAI_LIVE_NO_TURN;
    }
    return CAI_LIVE_NO_TURN;
}

static enum cai_live look_at(pid_t pid, struct cai_channel *out, struct cai_sites *sites)
{
    char name[64];
    uint64_t at = table_address(pid);

    if (at == 0)
        return errno == ENOENT || errno == ESRCH ? CAI_LIVE_GONE : errno != 0 ? CAI_LIVE_DENIED : CAI_LIVE_NO_PAGE;
    snprintf(name, sizeof name, "/proc/%d/mem", (int)pid);
    int memory = open(name, O_RDONLY | O_CLOEXEC);
    if (memory < 0)
        return errno == ENOENT || errno == ESRCH ? CAI_LIVE_GONE : CAI_LIVE_DENIED;
    enum cai_live answer = look(memory, at, own_number(pid), out, sites);
    close(memory);
    return answer;
}

enum cai_live cai_live_look(pid_t pid, struct cai_channel *out)
{
    return look_at(pid, out, NULL);
}

bool cai_live_sites(pid_t pid, struct cai_sites *out)
{
    static struct cai_channel page;

    return look_at(pid, &page, out) == CAI_LIVE_SEEN && out->rate != 0;
}

const char *cai_live_why(enum cai_live answer)
{
    switch (answer) {
    case CAI_LIVE_GONE:
        return "there is no such process";
    case CAI_LIVE_DENIED:
        return "its memory may not be read: another user's process, or one that is privileged or not dumpable";
    case CAI_LIVE_NO_PAGE:
        return "it shows no numbers: start it by `capalloc run`, or on the library with CAPALLOC_OPTIONS=visible";
    case CAI_LIVE_NO_TURN:
        return "it has no page of its own: it is `capalloc run` itself, or more processes than the table has room for";
    default:
        return "seen";
    }
}

void cai_live_each(void (*seen)(pid_t pid, const struct cai_channel *page, void *context), void *context)
{
    static struct cai_channel page; /* static: some 20 KiB */
    DIR *folder = opendir("/proc");

    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && cai_live_look(pid, &page) == CAI_LIVE_SEEN)
            seen(pid, &page, context);
    }
    if (folder != NULL)
        closedir(folder);
}
