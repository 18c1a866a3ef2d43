/* See block_calls.h. Called by run and report_json. */
#include "run/block_calls.h"

#include "run/message.h"
#include "run/profile.h"

#include <stdlib.h>

static void read_site(const struct cai_tree *tree, const struct cai_channel *process, uint32_t site,
                      struct cai_calls *calls)
{
    struct cai_sites *sites = site != 0 && tree->host != NULL ? malloc(sizeof *sites) : NULL;

    if (sites != NULL && cai_channel_sites_of(tree->host, process->pid, sites))
        cai_profile_site(sites, site, calls);
    free(sites);
}

void cai_block_calls(const struct cai_tree *tree, const struct cai_channel *process, enum cai_callers_part part,
                     struct cai_calls *calls)
{
    cai_calls_read(process->calls, part, calls);
    if (calls->count == 0)
        read_site(tree, process, part == CAI_CALLERS_FREED ? process->freed_at : process->allocated_at, calls);
}

static void say(const struct cai_tree *tree, const struct cai_channel *process, enum cai_callers_part part,
                const char *what)
{
    struct cai_calls calls;

    cai_block_calls(tree, process, part, &calls);
    if (calls.count > 0)
        cai_say("calls", "%s, pid %d (%s)", what, process->pid, process->program);
    cai_calls_print(stderr, &calls);
    cai_calls_free(&calls);
}

void cai_block_calls_say(const struct cai_tree *tree)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct cai_channel *process = &tree->process[i];
        bool sampled = process->allocated_at != 0;
        say(tree, process, CAI_CALLERS_ALLOCATED,
            sampled ? "that took the block last sampled at this address" : "that took the block");
        say(tree, process, CAI_CALLERS_FREED, "that gave it back");
    }
}
