/* A use after free: an account that was given back is still known, and written by whoever knows it when somebody
 * else's has come to lie there. Says how often that happened; status 1: it did. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct account {
    char name[16];
    volatile long balance;
} * stale;

int main(void)
{
    long reached = 0;

    stale = malloc(sizeof *stale);
    if (stale == NULL)
        return 2;
    strcpy(stale->name, "alice");
    free(stale);
    for (unsigned i = 0; i < 3000000; i++) {
        struct account *other = malloc(sizeof *other);
        if (other == NULL)
            return 2;
        strcpy(other->name, "bob");
        other->balance = 1000;
        stale->balance = 0;
        reached += other->balance == 0;
        free(other);
    }
    printf("somebody else's account was reached %ld times\n", reached);
    return reached != 0;
}
