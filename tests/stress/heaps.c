/* The heaps that blocks of the heap's own form come from: the process's own, one with a quota, and one whose working
 * authority is revoked and derived anew all the time, so that blocks pass to its root in the midst of everything.
 */
#include "lane.h"

#include "core/settings.h"
#include "heaps/quarantine.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ca_authority limited, root, derived;

enum { QUOTA = 2 << 20 };

static ca_authority derive(void)
{
    ca_authority out;

    if (ca_authority_derive(root, CA_RIGHT_ALLOCATE | CA_RIGHT_GROW, SIZE_MAX, &out) != CA_OK)
        fail("no authority");
    return out;
}

void heaps_start(void)
{
    ca_heap_options options = CA_HEAP_OPTIONS_INIT;

    options.quota_bytes = QUOTA;
    if (ca_heap_create(&options, &limited) != CA_OK || ca_heap_create(NULL, &root) != CA_OK)
        fail("no heap");
    derived = derive();
}

ca_authority heaps_to_allocate(enum heap heap)
{
    if (heap != HEAP_DERIVED)
        return heaps_to_grow(heap);
    pthread_mutex_lock(&lock);
    ca_authority authority = derived;
    pthread_mutex_unlock(&lock);
    return authority;
}

ca_authority heaps_to_grow(enum heap heap)
{
    return heap == HEAP_LIMITED ? limited : heap == HEAP_DERIVED ? root : ca_default_authority();
}

void heaps_revoke(void)
{
    pthread_mutex_lock(&lock);
    ca_authority old = derived;
    derived = derive();
    pthread_mutex_unlock(&lock);
    if (ca_authority_revoke(old) != CA_OK)
        fail("an authority cannot be revoked");
}

bool heaps_may_refuse(enum heap heap, ca_error error)
{
    return (heap == HEAP_LIMITED && error == CA_ERROR_QUOTA) ||
           (heap == HEAP_DERIVED && error == CA_ERROR_NOT_PERMITTED);
}

void heaps_before_fork(void)
{
    pthread_mutex_lock(&lock);
}

void heaps_after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static size_t charged(ca_authority authority)
{
    ca_authority_info info = CA_AUTHORITY_INFO_INIT;

    if (ca_authority_describe(authority, &info) != CA_OK)
        fail("a heap's root is refused");
    return info.charged_bytes;
}

void heaps_end(void)
{
    if (CAI_QUARANTINES)
        cai_quarantine_release(); /* what waits is charged */
    if (cai_settings->revoke)
        return; /* something may still point to it */
    if (ca_authority_quota_remaining(limited) != QUOTA || charged(limited) != 0 || charged(root) != 0)
        fail("%zu and %zu bytes are charged at the end", charged(limited), charged(root));
    if (ca_heap_destroy(limited) != CA_OK || ca_heap_destroy(root) != CA_OK)
        fail("a heap cannot be destroyed");
}
