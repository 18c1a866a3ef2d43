/* The proof of use, read from the shared page; where it is missing, what was seen in the program's file before the
 * start explains it. Called by run and doctor after the program's end, and by run as soon as the library has answered.
 */
#include "run/verdict.h"

#include "run/preload.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum cai_use cai_use_judge(const struct cai_channel *channel)
{
    if (channel->state == CAI_CHANNEL_EMPTY)
        return CAI_USE_NONE;
    if (channel->interposed == 0)
        return CAI_USE_RIVAL;
    return channel->state == CAI_CHANNEL_FINISHED ? CAI_USE_FINISHED : CAI_USE_UNENDED;
}

bool cai_is_used(enum cai_use use)
{
    return use == CAI_USE_UNENDED || use == CAI_USE_FINISHED;
}

void cai_use_reason(enum cai_use use, const struct cai_channel *channel, const struct cai_elf_look *look,
                    int wait_status, char *text, size_t size)
{
    const char *name = cai_rival_name(channel->rival);

    if (use == CAI_USE_RIVAL)
        snprintf(text, size, "its malloc is %s%s%s%s", channel->rival[0] != 0 ? channel->rival : "another one",
                 name != NULL ? " (" : "", name != NULL ? name : "", name != NULL ? ")" : "");
    else if (look->reason[0] != 0)
        snprintf(text, size, "%s", look->reason);
    else if (WIFSIGNALED(wait_status))
        snprintf(text, size, "unknown; signal %d (%s) ended it, perhaps before the library was loaded",
                 WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    else
        snprintf(text, size, "unknown; its file looks as if it could (a line above may tell)");
}

bool cai_use_has_stats(const struct cai_channel *channel)
{
    return channel->state == CAI_CHANNEL_FINISHED ||
           (channel->state != CAI_CHANNEL_EMPTY && channel->numbers[0].ns != 0);
}

const char *cai_use_name(enum cai_use use)
{
    static const char *const names[] = {"none", "rival", "unended", "finished"}; /* in the order of enum cai_use */

    return names[use];
}

bool cai_is_bound_elsewhere(const struct cai_channel *channel)
{
    return (channel->dlopen_flags & RTLD_DEEPBIND) != 0 && channel->no_deepbind == 0;
}
