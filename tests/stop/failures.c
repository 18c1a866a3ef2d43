/* See failures.h. Two failures are of one kind when they differ in numbers only. */
#include "failures.h"

#include "symbols.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { KINDS_MAX = 200, PLACES_MAX = 30, SAID = 480 };

/* A function in which the victim stood. */
struct place {
    const char *function;
    unsigned count;
    size_t least, most; /* offsets */
};

static struct kind {
    char said[SAID];
    enum way way;
    unsigned count, first_step, last_step;
    uintptr_t first;
    struct place places[PLACES_MAX];
    unsigned place_count;
} kinds[KINDS_MAX];

static unsigned kind_count, failure_count;

unsigned failures_count(void)
{
    return failure_count;
}

unsigned failures_kinds(void)
{
    return kind_count;
}

/* Where the program itself stood. */
static uintptr_t own_position(const struct failure *failure)
{
    return failure->called_from != 0 ? failure->called_from : failure->position;
}

/* The first lines are alike but for their numbers. */
static bool are_alike(const char *a, const char *b)
{
    for (;;) {
        bool numbers = isxdigit((unsigned char)*a) && isxdigit((unsigned char)*b) &&
                       (isdigit((unsigned char)*a) || isdigit((unsigned char)*b) || *a == *b);
        if (!numbers) {
            if (*a != *b)
                return false;
            if (*a == '\0' || *a == '\n')
                return true;
            a++;
            b++;
            continue;
        }
        while (isxdigit((unsigned char)*a))
            a++;
        while (isxdigit((unsigned char)*b))
            b++;
    }
}

static struct kind *kind_of(const struct failure *failure)
{
    for (unsigned i = 0; i < kind_count; i++)
        if (kinds[i].way == failure->way && are_alike(kinds[i].said, failure->said))
            return &kinds[i];
    if (kind_count == KINDS_MAX)
        return NULL;
    struct kind *kind = &kinds[kind_count++];
    memset(kind, 0, sizeof *kind);
    kind->way = failure->way;
    kind->first_step = failure->step;
    kind->first = own_position(failure);
    snprintf(kind->said, sizeof kind->said, "%s", failure->said);
    return kind;
}

static struct place *place_of(struct kind *kind, const char *function, size_t offset)
{
    for (unsigned i = 0; i < kind->place_count; i++)
        if (strcmp(kind->places[i].function, function) == 0)
            return &kind->places[i];
    if (kind->place_count == PLACES_MAX)
        return NULL;
    struct place *place = &kind->places[kind->place_count++];
    *place = (struct place){function, 0, offset, offset};
    return place;
}

void failures_note(const struct failure *failure)
{
    size_t offset;
    const char *function = symbols_name(own_position(failure), &offset);
    struct kind *kind = kind_of(failure);

    failure_count++;
    if (kind == NULL)
        return;
    kind->count++;
    kind->last_step = failure->step;
    struct place *place = place_of(kind, function, offset);
    if (place == NULL)
        return;
    place->count++;
    place->least = offset < place->least ? offset : place->least;
    place->most = offset > place->most ? offset : place->most;
}

static void print_lines(const char *text)
{
    for (; *text != '\0'; text++)
        fputs(*text == '\n' && text[1] != '\0' ? "\n        " : (char[]){*text, '\0'}, stdout);
}

void failures_print(const struct scenario *of)
{
    static const char *const ways[] = {"fork", "_Fork", "fork in a handler"};
    char lines[400];

    for (unsigned i = 0; i < kind_count; i++) {
        const struct kind *kind = &kinds[i];
        printf("%s: FAILED %u times, the child by %s: ", of->name, kind->count, ways[kind->way]);
        print_lines(kind->said);
        symbols_lines(kind->first, lines, sizeof lines);
        printf("    steps %u to %u, the first at %s\n    in", kind->first_step, kind->last_step, lines);
        for (unsigned j = 0; j < kind->place_count; j++) {
            const struct place *place = &kind->places[j];
            printf("%s %s+0x%zx", j == 0 ? "" : ",", place->function, place->least);
            if (place->most != place->least)
                printf("..0x%zx", place->most);
        }
        printf("\n    again: --scenario %s --step %u\n", of->name, kind->first_step);
    }
    kind_count = failure_count = 0;
}
