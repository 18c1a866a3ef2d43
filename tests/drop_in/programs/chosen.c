/* A library that calls the function of resolver.c: relocating it has the choice made. */
#include "chooses.h"

int call_chosen(void)
{
    return choose();
}
