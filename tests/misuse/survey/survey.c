/* One misuse on whatever malloc is preloaded: survey NUMBER MEASURE SEED; without arguments, the list. Prints `passed`
 * behind the misuse, `effect` or `nothing`, and `end` at its end, or `aborts` where it gives up; survey.py makes a
 * class of how far it came. Who hangs is ended. */
#include "kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct kind *find(unsigned long number)
{
    const struct kind *const tables[] = {survey_frees, survey_accesses, survey_freed};

    for (unsigned i = 0; i < 3; i++)
        for (const struct kind *kind = tables[i]; kind->name != NULL; kind++)
            if (number-- == 0)
                return kind;
    return NULL;
}

enum { SECONDS = 60 };

int main(int count, char **words)
{
    const struct kind *kind;
    struct scene scene;

    if (count < 4) {
        for (unsigned long i = 0; (kind = find(i)) != NULL; i++)
            printf("%s\t%s\n", kind->measures, kind->name);
        return 0;
    }
    kind = find(strtoul(words[1], NULL, 10));
    if (kind == NULL)
        return 2;
    alarm(SECONDS);
    scene_prepare(&scene, words[2][0], strtoul(words[3], NULL, 10));
    bool effect = kind->misuse(&scene);
    (void)!write(STDOUT_FILENO, effect ? "effect\n" : "nothing\n", effect ? 7 : 8);
    scene_go_on(&scene);
    (void)!write(STDOUT_FILENO, "end\n", 4);
    return 0;
}
