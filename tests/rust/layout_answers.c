/* Answers the questions of layout_cases.c with capalloc's layouts, in the words of layout.rs. */
#include <capalloc/layout.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void plain(ca_error error, ca_layout layout)
{
    if (error == CA_OK)
        printf("%zx %zx\n", layout.size, layout.align);
    else
        puts("error");
}

static void with(ca_error error, ca_layout layout, size_t extra)
{
    if (error == CA_OK)
        printf("%zx %zx %zx\n", layout.size, layout.align, extra);
    else
        puts("error");
}

static void answer(const char *question, const size_t n[4])
{
    ca_layout layout = {n[0], n[1]}, next = {n[2], n[3]}, out = {0, 0};
    size_t extra = 0;
    ca_error error;

    if (strcmp(question, "new") == 0) {
        plain(ca_layout_new(n[0], n[1], &out), out);
    } else if (strcmp(question, "pad") == 0) {
        plain(ca_layout_is_valid(layout) ? CA_OK : CA_ERROR_LAYOUT, ca_layout_pad_to_align(layout));
    } else if (strcmp(question, "align") == 0) {
        plain(ca_layout_align_to(layout, n[2], &out), out);
    } else if (strcmp(question, "padding") == 0) {
        printf("%zx\n", ca_layout_padding_for(layout, n[2]));
    } else if (strcmp(question, "array") == 0) {
        plain(ca_layout_array(layout, n[2], &out), out);
    } else if (strcmp(question, "repeat") == 0) {
        error = ca_layout_repeat(layout, n[2], &out, &extra);
        with(error, out, extra);
    } else if (strcmp(question, "packed") == 0) {
        plain(ca_layout_repeat_packed(layout, n[2], &out), out);
    } else if (strcmp(question, "extend") == 0) {
        error = ca_layout_extend(layout, next, &out, &extra);
        with(error, out, extra);
    } else if (strcmp(question, "append") == 0) {
        plain(ca_layout_extend_packed(layout, next, &out), out);
    } else {
        fprintf(stderr, "no such question: %s\n", question);
        exit(1);
    }
}

int main(void)
{
    char line[128];

    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t n[4] = {0, 0, 0, 0};
        char *place = strchr(line, ' ');
        if (place == NULL)
            return 1;
        *place++ = '\0';
        for (unsigned i = 0; i < 4 && *place != '\0'; i++)
            n[i] = strtoull(place, &place, 16);
        answer(line, n);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
