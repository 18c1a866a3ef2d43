/* Uses blocks that were allocated before the drop-in library was ready (resolver.c), as any others. */
#include "chooses.h"
#include "check.h"

#include <malloc.h>

int main(void)
{
    CHECK(call_chosen() == CHOSEN && kept_failures() == 0);
    char **kept = kept_blocks();
    for (size_t i = 0; i < KEPT; i++) {
        size_t size = i == 0 ? 100 : i * 50;
        CHECK(malloc_usable_size(kept[i]) >= size);
        if (i % 2 == 0)
            CHECK((kept[i] = realloc(kept[i], 20000)) != NULL);
        for (size_t k = 0; k < size; k++)
            CHECK(kept[i][k] == KEPT);
        free(kept[i]);
    }
    return 0;
}
