/* Lives for a while as programs do, prints what is resident, and aborts: what does the core file hold?
 */
#include "check.h"

#include <unistd.h>

enum { BLOCKS = 20000 };

int main(void)
{
    static char *blocks[BLOCKS];

    for (size_t i = 0; i < BLOCKS; i++) {
        size_t size = i % 100 == 0 ? 1000000 : 3000;
        CHECK((blocks[i] = malloc(size)) != NULL);
        memset(blocks[i], 1, size);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        if (i % 3 != 0)
            free(blocks[i]);
    printf("%ld %ld\n", status_kib("VmRSS:"), status_kib("VmHWM:"));
    fflush(stdout);
    abort();
}
