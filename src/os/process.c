/* See process.h. */
#include "os/process.h"

#include "os/holder.h"
#include "os/os.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static struct cai_process unmarked = {.state = CAI_PROCESS_SETTLED};
struct cai_process *cai_process = &unmarked;
static void (*on_child)(void);
static void (*on_settled)(void);
static _Thread_local bool is_settler __attribute__((tls_model("initial-exec")));
static _Thread_local bool is_payer __attribute__((tls_model("initial-exec")));

static bool swap_state(uint32_t from, uint32_t to)
{
    return cai_swap_strong_acq_rel(&cai_process->state, &from, to);
}

/* Who was here in the parent, and forked in a signal handler, finds the process new once more, and begins again. */
static void settle(void)
{
    is_settler = true;
    do {
        cai_store_relaxed(&cai_process->state, CAI_PROCESS_SETTLING);
        cai_fence_for_compiler(); /* a child that is forked from here on finds it new, whatever follows */
        cai_process->owes = cai_lock_self();
        on_child();
    } while (!swap_state(CAI_PROCESS_SETTLING, CAI_PROCESS_OWING));
    is_settler = false;
}

/* The same: then there is a state that says so, and there may be more to do. */
static void pay(void)
{
    is_payer = true;
    while (swap_state(CAI_PROCESS_OWING, CAI_PROCESS_PAYING)) {
        on_settled();
        if (!swap_state(CAI_PROCESS_PAYING, CAI_PROCESS_SETTLED) &&
            cai_load_acquire(&cai_process->state) == CAI_PROCESS_NEW)
            settle();
    }
    is_payer = false;
}

void cai_process_settle(void)
{
    if (is_settler)
        return;
    if (swap_state(CAI_PROCESS_NEW, CAI_PROCESS_SETTLING))
        settle();
    while (cai_load_acquire(&cai_process->state) == CAI_PROCESS_SETTLING)
        cai_os_yield();
    if (!is_payer && cai_locks_held == 0 && cai_process->owes == cai_lock_self())
        pay();
}

/* Where nothing marks the process this is what tells. */
static void in_child(void)
{
    if (cai_process == &unmarked)
        cai_process->state = CAI_PROCESS_NEW;
    cai_process_notice();
}

/* An emulator says yes to every advice, also to this one, which does not exist, and wipes nothing. */
enum { NO_ADVICE = 9999 };

static bool wipes_on_fork(void *page)
{
    return madvise(page, cai_os_page_size(), MADV_WIPEONFORK) == 0 && madvise(page, cai_os_page_size(), NO_ADVICE) != 0;
}

static void map_page(void)
{
    struct cai_process *page =
        mmap(NULL, cai_os_page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page != MAP_FAILED && wipes_on_fork(page)) {
        page->state = CAI_PROCESS_SETTLED;
        cai_store_release(&cai_process, page);
    } else if (page != MAP_FAILED) {
        munmap(page, cai_os_page_size());
    }
}

/* Once in a process and all its children: one whose parent had a thread in the middle of it, and that was made by a
 * system call, would wait for a lock of the C library for ever. That one has the page. */
static void register_handler(void)
{
    static bool begun;

    if (begun)
        return;
    begun = true;
    cai_fence_for_compiler();
    pthread_atfork(NULL, NULL, in_child);
}

static void mark(void)
{
    int error = errno;

    if (cai_process == &unmarked)
        map_page();
    register_handler();
    errno = error;
}

void cai_os_on_fork(void (*child)(void), void (*then)(void))
{
    static uint32_t done;  /* atomic */
    static int32_t marker; /* atomic: the process that one of whose threads is at it */
    static _Thread_local bool is_marker __attribute__((tls_model("initial-exec")));

    while (cai_load_acquire(&done) == 0 && !is_marker) {
        int32_t seen = cai_load_relaxed(&marker);
        int32_t self = getpid();
        if (seen == self) { /* another thread; one that is not there belonged to another process */
            cai_os_yield();
        } else if (cai_swap_strong_acq_rel(&marker, &seen, self)) {
            is_marker = true;
            on_child = child;
            on_settled = then;
            mark();
            is_marker = false;
            cai_store_release(&done, 1);
        }
    }
}
