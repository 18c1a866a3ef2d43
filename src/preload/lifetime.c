/* The library's side of the channel to `capalloc run`: says hello when the program starts, leaves numbers when it ends.
 * The audit that a setting asks for takes place at the end as well, with a channel or without. Without the environment
 * variables of either, nothing here happens.
 */
#include "preload/table.h"

#include "base/atomic.h"
#include "base/compiler.h"
#include "core/settings.h"
#include "heaps/heaps.h"
#include "malloc/names.h"
#include "os/os.h"
#include "preload/audit_exit.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cai_is_drop_in = true;

/* The process whose constructor ran here and had something to do: no forked child. 0: nothing to do. */
static pid_t started;

/* Has the C library ask for more memory than there can be, and looks who refused it: what the program's own calls will
 * do, whatever the dynamic linker says about addresses (those of a fixed-address program point into itself). A program
 * that allocates nothing gets no heap by it. */
static CAI_COLD void check_interposition(struct cai_channel *channel)
{
    int saved = errno;
    Dl_info theirs;

    cai_store_relaxed(&cai_plain_failed, false);
    free(getcwd(NULL, SIZE_MAX / 2 + 1));
    channel->interposed = cai_load_relaxed(&cai_plain_failed);
    errno = saved;
    void *in_use = channel->interposed ? NULL : dlsym(RTLD_DEFAULT, "malloc");
    if (in_use != NULL && dladdr(in_use, &theirs) != 0)
        snprintf(channel->rival, sizeof channel->rival, "%s", theirs.dli_fname);
}

__attribute__((constructor)) static void say_hello(void)
{
    if (getenv(CAI_CHANNEL_ENV) == NULL && getenv(CAI_SETTINGS_ENV) == NULL)
        return;
    started = getpid();
    struct cai_channel *channel = cai_table_open();
    if (channel == NULL)
        return;
    check_interposition(channel);
    if (cai_life_prepare()) {
        channel->active_decay_ms = cai_settings->decay_ms;
        channel->helper = cai_settings->helper;
        channel->limit_bytes = cai_settings->limit_bytes == SIZE_MAX ? 0 : cai_settings->limit_bytes;
        channel->tokens = cai_settings->tokens;
        channel->trust_tokens = cai_settings->trust_tokens;
        channel->audit = cai_settings->audit;
        channel->strict = cai_settings->strict;
        channel->names = cai_settings->names;
        channel->no_deepbind = cai_settings->no_deepbind;
        channel->backtrace = cai_settings->backtrace;
        channel->visible = cai_settings->visible;
        channel->pagemap = cai_settings->pagemap;
        channel->trace_sweeps = cai_settings->trace_sweeps;
        channel->guard_sample = cai_settings->guard_sample;
        channel->profile_bytes = cai_settings->profile_bytes;
        channel->delay_percent = cai_settings->delay_percent;
        channel->revoke = cai_settings->revoke;
        channel->harden = CAI_HARDENS;
        channel->checks = cai_settings->checks;
        channel->tagging = cai_settings->tagging;
        channel->guards = CAI_HARDENS ? cai_fence_guards() : CAI_GUARDS_NONE;
        memcpy(channel->ignored, cai_settings->ignored, sizeof channel->ignored);
    }
    cai_store_release(&channel->state, CAI_CHANNEL_LOADED);
}

/* What it finds is told by `capalloc run`, after the program, where there is one; else here. */
static void audit(void)
{
    struct cai_channel *channel = cai_page();
    struct cai_channel_audit found;

    cai_audit_exit(&found);
    if (channel != NULL)
        channel->findings = found;
    if (channel == NULL || getenv(CAI_CHANNEL_ENV) == NULL)
        cai_audit_exit_say(&found, !cai_os_is_privileged() && getenv(CAI_CHANNEL_ENV) != NULL);
}

/* A forked child has a page of its own, but what its memory holds was promised to its parent. */
__attribute__((destructor)) static void leave_numbers(void)
{
    if (CAI_HARDENS && cai_life_start())
        cai_hardened_look_at_exit();
    if (started == 0)
        return;
    cai_process_notice();
    cai_page_check();
    if (cai_settings->audit && started == getpid())
        audit();
    if (CAI_QUARANTINES && cai_page() != NULL) {
        struct cai_channel *channel = cai_page();
        struct cai_quarantine_told told = cai_quarantine_told();
        channel->stale_bytes = told.stale_bytes;
        channel->kept_bytes = told.kept_bytes;
        channel->ahead_bytes = told.ahead_bytes;
        channel->sweeps_in_doubt = told.in_doubt;
        channel->sweeps_postponed = told.postponed;
    }
    cai_page_finish();
}
