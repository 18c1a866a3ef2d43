/* Linked with libcapalloc.a, to be installed set-user-ID: says whether the kernel calls it privileged, and whether the
 * limit in CAPALLOC_OPTIONS is obeyed.
 */
#include <capalloc/capalloc.h>

#include "check.h"

#include <sys/auxv.h>

int main(void)
{
    void *block = ca_malloc((size_t)64 << 20);

    printf("%s %s\n", getauxval(AT_SECURE) != 0 ? "privileged" : "plain", block == NULL ? "limited" : "unlimited");
    ca_free(block);
    return 0;
}
