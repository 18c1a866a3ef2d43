/* A block that was moved where nobody finds it.
 * c: unused-result
 * c++: unused-result */
#include <capalloc/malloc.h>

void test_dropped_realloc(void);
void test_dropped_realloc(void)
{
    void *block = ca_malloc(100);
#ifdef CORRECT
    block = ca_realloc(block, 200);
    ca_free(block);
#else
    ca_realloc(block, 200);
    ca_free(block);
#endif
}
