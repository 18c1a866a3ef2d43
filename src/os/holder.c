/* See holder.h. */
#include "os/holder.h"

_Thread_local uint32_t cai_lock_number __attribute__((tls_model("initial-exec")));

_Thread_local uint32_t cai_locks_held __attribute__((tls_model("initial-exec")));

static uint32_t numbers; /* atomic: given so far, times two */

uint32_t cai_lock_new_number(void)
{
    do
        cai_lock_number = cai_add_relaxed(&numbers, 2) + 2;
    while (cai_lock_number == 0); /* after two billion threads they begin anew */
    return cai_lock_number;
}
