/* The runner's side of the shared table: a sealed memfd, so that nothing that a program does to it can make the
 * runner's reading fault, and the other way round. The pages are the programs' to scribble on: whatever is read there
 * is checked for form before use. Called by run, launch, doctor and live. */
#include "run/channel_host.h"

#include "run/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

/* High, because what else is opened here counts on the low numbers being free. */
enum { CHANNEL_FD_AT_LEAST = 200 };

static int size_table(struct cai_channel_host *host, bool profiled)
{
    size_t step = (size_t)sysconf(_SC_PAGESIZE);
    size_t wanted = profiled ? CAI_CHANNEL_PROFILED_BYTES : sizeof(struct cai_channel);
    uint32_t most = profiled ? CAI_CHANNEL_PROFILED : CAI_CHANNEL_PROCESSES;
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};

    getrlimit(RLIMIT_FSIZE, &limit);
    host->page_bytes = (wanted + step - 1) / step * step;
    host->processes = cai_channel_processes(most, host->page_bytes, limit.rlim_cur);
    host->bytes = cai_channel_bytes(host->processes, host->page_bytes);
    if (host->processes == 0)
        return EFBIG;
    return ftruncate(host->fd, (off_t)host->bytes) == 0 ? 0 : errno;
}

int cai_channel_open(struct cai_channel_host *host, bool profiled)
{
    int fd = memfd_create(CAI_CHANNEL_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(CAI_CHANNEL_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return errno;
    host->fd = cai_descriptor_up(fd, CHANNEL_FD_AT_LEAST);
    int error = size_table(host, profiled);
    void *at = MAP_FAILED;
    if (error == 0 && fcntl(host->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        at = mmap(NULL, host->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, host->fd, 0);
    if (at == MAP_FAILED) {
        error = error != 0 ? error : errno;
        close(host->fd);
        return error;
    }
    host->table = at;
    host->table->magic = CAI_CHANNEL_MAGIC;
    host->table->version = CAI_CHANNEL_VERSION;
    host->table->processes = host->processes;
    host->table->shows_calls = 1;
    host->table->page_bytes = (uint32_t)host->page_bytes;
    snprintf(host->name, sizeof host->name, "/proc/%d/fd/%d", (int)getpid(), host->fd);
    return 0;
}

void cai_channel_claim(struct cai_channel_host *host)
{
    host->table->pid[0] = getpid();
    host->table->claimed = 1;
}

static const struct cai_channel *page_at(const struct cai_channel_host *host, uint32_t index)
{
    return (const struct cai_channel *)(const void *)((const char *)host->table +
                                                      (index + (size_t)1) * host->page_bytes);
}

unsigned cai_channel_state_get(const struct cai_channel_host *host)
{
    return __atomic_load_n(&page_at(host, 0)->state, __ATOMIC_ACQUIRE);
}

uint32_t cai_channel_count(const struct cai_channel_host *host, uint32_t *missed)
{
    uint32_t claimed = __atomic_load_n(&host->table->claimed, __ATOMIC_ACQUIRE);

    *missed = claimed > host->processes ? claimed - host->processes : 0;
    return claimed - *missed;
}

uint32_t cai_channel_turn(const struct cai_channel_host *host, uint32_t index)
{
    return __atomic_load_n(&page_at(host, index)->turn, __ATOMIC_ACQUIRE);
}

uint64_t cai_channel_violations(const struct cai_channel_host *host)
{
    return __atomic_load_n(&host->table->violations, __ATOMIC_RELAXED);
}

uint64_t cai_channel_findings(const struct cai_channel_host *host)
{
    return __atomic_load_n(&host->table->findings, __ATOMIC_RELAXED);
}

static void clean_text(char *text, size_t size)
{
    text[size - 1] = 0;
    cai_make_printable(text);
}

void cai_channel_clean(struct cai_channel *page)
{
    if (page->state > CAI_CHANNEL_FINISHED)
        page->state = CAI_CHANNEL_EMPTY;
    if (page->turn == 0)
        page->numbers[0].ns = 0;
    else if (page->turn % 2 == 0)
        page->numbers[0] = page->numbers[1];
    for (unsigned zone = 0; zone < CAI_MAP_ZONES; zone++)
        for (unsigned cell = 0; cell < CAI_MAP_CELLS; cell++)
            if (page->numbers[0].map[zone].cell[cell] >= CAI_MAP_KINDS)
                page->numbers[0].map[zone].cell[cell] = CAI_MAP_OTHER;
    if (page->numbers[0].named > CAI_NAMED_MAX)
        page->numbers[0].named = CAI_NAMED_MAX;
    for (unsigned i = 0; i < CAI_NAMED_MAX; i++)
        clean_text(page->numbers[0].heap[i].name, sizeof page->numbers[0].heap[i].name);
    if (page->findings.kept > CAI_CHANNEL_FINDINGS)
        page->findings.kept = CAI_CHANNEL_FINDINGS;
    clean_text(page->program, sizeof page->program);
    clean_text(page->rival, sizeof page->rival);
    clean_text(page->ignored, sizeof page->ignored);
    clean_text(page->violation, sizeof page->violation);
    page->calls[sizeof page->calls - 1] = 0;
    for (unsigned i = 0; i < CAI_CHANNEL_VIOLATIONS; i++) {
        struct cai_channel_violation *kept = &page->violated[i];
        clean_text(kept->code, sizeof kept->code);
        clean_text(kept->function, sizeof kept->function);
        clean_text(kept->stated, sizeof kept->stated);
        clean_text(kept->found, sizeof kept->found);
        clean_text(kept->place, sizeof kept->place);
    }
}

enum { SNAPSHOT_TRIES = 1000 };

void cai_channel_snapshot(const struct cai_channel_host *host, uint32_t index, struct cai_channel *out)
{
    const struct cai_channel *page = page_at(host, index);
    unsigned state = __atomic_load_n(&page->state, __ATOMIC_ACQUIRE);
    uint32_t turn;
    unsigned tries = 0;

    /* Whoever writes twice meanwhile has begun to overwrite what is being copied. Who does nothing else is not waited
     * for: each number is clamped below. */
    do {
        turn = __atomic_load_n(&page->turn, __ATOMIC_ACQUIRE);
        memcpy(out, page, sizeof *out);
    } while (++tries < SNAPSHOT_TRIES && state != CAI_CHANNEL_FINISHED &&
             __atomic_load_n(&page->turn, __ATOMIC_ACQUIRE) - turn > 1);
    out->turn = turn;
    out->state = state;
    cai_channel_clean(out);
}

bool cai_channel_sites(const struct cai_channel_host *host, uint32_t index, struct cai_sites *out)
{
    size_t at = cai_channel_sites_at(host->page_bytes);

    if (at != 0)
        memcpy(out, (const char *)page_at(host, index) + at, sizeof *out);
    return at != 0;
}

bool cai_channel_sites_of(const struct cai_channel_host *host, int32_t pid, struct cai_sites *out)
{
    uint32_t missed;
    uint32_t count = cai_channel_count(host, &missed);

    for (uint32_t i = 0; i < count; i++)
        if (page_at(host, i)->pid == pid)
            return cai_channel_sites(host, i, out);
    return false;
}

void cai_channel_close(struct cai_channel_host *host)
{
    munmap(host->table, host->bytes);
    close(host->fd);
}
