/* See block_calls.h. Called by run and report_json. */
#include "run/block_calls.h"

#include "run/message.h"
#include "run/profile.h"

#include <stdlib.h>

void cai_block_calls(const struct cai_tree *tree, const struct cai_channel *process, uint32_t site,
                     struct cai_calls *calls)
{
    struct cai_sites *sites = site != 0 && tree->host != NULL ? malloc(sizeof *sites) : NULL;

    *calls = (struct cai_calls){.count = 0};
    if (sites != NULL && cai_channel_sites_of(tree->host, process->pid, sites))
        cai_profile_site(sites, site, calls);
    free(sites);
}

static void say(const struct cai_tree *tree, const struct cai_channel *process, uint32_t site, const char *what)
{
    struct cai_calls calls;

    cai_block_calls(tree, process, site, &calls);
    if (calls.count > 0)
        cai_say("calls", "%s, pid %d (%s)", what, process->pid, process->program);
    cai_calls_print(stderr, &calls);
    cai_calls_free(&calls);
}

void cai_block_calls_say(const struct cai_tree *tree)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct cai_channel *process = &tree->process[i];
        say(tree, process, process->allocated_at, "that took the block last sampled at this address");
        say(tree, process, process->freed_at, "that gave it back");
    }
}
