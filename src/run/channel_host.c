/* The runner's side of the shared page: a sealed memfd, so that nothing the program does to its descriptor can make the
 * runner's reading fault. The page is the program's to scribble on: whatever is read there is checked for form before
 * use. Called by run and launch.
 */
#include "run/channel_host.h"

#include "run/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

/* High, because shells and test programs count on the low numbers being free. */
enum { CHANNEL_FD_AT_LEAST = 200 };

int cai_channel_open(struct cai_channel_host *host)
{
    const char *name = "capalloc-channel";
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return errno;
    fd = cai_descriptor_up(fd, CHANNEL_FD_AT_LEAST);
    void *page = MAP_FAILED;
    if (ftruncate(fd, sizeof(struct cai_channel)) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        page = mmap(NULL, sizeof(struct cai_channel), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        int error = errno;
        close(fd);
        return error;
    }
    host->fd = fd;
    host->page = page;
    host->page->magic = CAI_CHANNEL_MAGIC;
    host->page->version = CAI_CHANNEL_VERSION;
    return 0;
}

int cai_channel_claim(struct cai_channel_host *host)
{
    host->page->pid = getpid();
    return fcntl(host->fd, F_SETFD, 0) == 0 ? 0 : errno;
}

unsigned cai_channel_state_get(const struct cai_channel_host *host)
{
    return __atomic_load_n(&host->page->state, __ATOMIC_ACQUIRE);
}

void cai_channel_snapshot(const struct cai_channel_host *host, struct cai_channel *out)
{
    unsigned state = cai_channel_state_get(host);
    uint64_t stats_ns = __atomic_load_n(&host->page->stats_ns, __ATOMIC_ACQUIRE);
    memcpy(out, host->page, sizeof *out);
    out->state = state <= CAI_CHANNEL_FINISHED ? state : CAI_CHANNEL_EMPTY;
    out->stats_ns = stats_ns;
    if (out->findings.kept > CAI_CHANNEL_FINDINGS)
        out->findings.kept = CAI_CHANNEL_FINDINGS;
    out->rival[sizeof out->rival - 1] = 0;
    cai_make_printable(out->rival);
    out->ignored[sizeof out->ignored - 1] = 0;
    cai_make_printable(out->ignored);
}

void cai_channel_close(struct cai_channel_host *host)
{
    munmap(host->page, sizeof *host->page);
    close(host->fd);
}
