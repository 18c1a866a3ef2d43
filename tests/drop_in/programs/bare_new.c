/* operator new and delete in a program without a C++ runtime: there is no new-handler to ask and nothing to throw with.
 * A nothrow form that fails returns null; another one that fails ends the program, which an argument asks for.
 */
#include "check.h"

#include <dlfcn.h>

extern void *_Znwm(size_t size);
extern void *_ZnwmRKSt9nothrow_t(size_t size, const void *tag);
extern void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t size, size_t alignment, const void *tag);
extern void _ZdlPv(void *block);

static const volatile size_t huge = (size_t)1 << 60;

int main(int count, char **arguments)
{
    (void)arguments;
    CHECK(dlsym(RTLD_DEFAULT, "_ZSt15get_new_handlerv") == NULL);
    if (count > 1) {
        _Znwm(huge);
        return 1;
    }
    void *block = _Znwm(100);
    CHECK(block != NULL);
    memset(block, 1, 100);
    _ZdlPv(block);
    CHECK(_ZnwmRKSt9nothrow_t(huge, NULL) == NULL);
    CHECK(_ZnwmSt11align_val_tRKSt9nothrow_t(huge, 64, NULL) == NULL);
    return 0;
}
