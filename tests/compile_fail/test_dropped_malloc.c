/* Memory of the malloc family that nobody takes.
 * c: unused-result
 * c++: unused-result */
#include <capalloc/malloc.h>

void test_dropped_malloc(void);
void test_dropped_malloc(void)
{
#ifdef CORRECT
    ca_free(ca_malloc(100));
#else
    ca_malloc(100);
#endif
}
