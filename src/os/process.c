/* See process.h. */
#include "os/process.h"

#include "os/os.h"

#include <pthread.h>
#include <sys/mman.h>

static struct cai_process unmarked = {.state = CAI_PROCESS_SETTLED};
struct cai_process *cai_process = &unmarked;
static void (*on_child)(void);
static _Thread_local bool is_settler __attribute__((tls_model("initial-exec")));

void cai_process_settle(void)
{
    uint32_t new = CAI_PROCESS_NEW;

    if (is_settler)
        return;
    if (cai_swap_strong_acq_rel(&cai_process->state, &new, CAI_PROCESS_SETTLING)) {
        is_settler = true;
        on_child();
        is_settler = false;
        cai_store_release(&cai_process->state, CAI_PROCESS_SETTLED);
    }
    while (cai_load_acquire(&cai_process->state) == CAI_PROCESS_SETTLING)
        cai_os_yield();
}

/* Where nothing marks the process this is what tells. */
static void in_child(void)
{
    if (cai_process == &unmarked)
        cai_process->state = CAI_PROCESS_NEW;
    cai_process_notice();
}

void cai_os_on_fork(void (*child)(void))
{
    struct cai_process *page = mmap(NULL, cai_os_page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    on_child = child;
    if (page != MAP_FAILED && madvise(page, cai_os_page_size(), MADV_WIPEONFORK) == 0) {
        page->state = CAI_PROCESS_SETTLED;
        cai_process = page;
    } else if (page != MAP_FAILED) {
        munmap(page, cai_os_page_size());
    }
    pthread_atfork(NULL, NULL, in_child);
}
