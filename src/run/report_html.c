/* See report_html.h. The page is made when the program is built (page/): here only the data is put into it. Whatever
 * stands there was chosen by strangers: names of programs, symbols, files. It gets no character that ends a script in
 * HTML. Called by run. */
#include "run/report_html.h"

#include "run/json.h"
#include "run/page.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* As it stands in the object, without quotes; NULL: there is nothing to look for. The caller frees it. */
static char *home_in_json(const char *home)
{
    json_object *value = home != NULL && home[0] == '/' && home[1] != 0 ? cai_json_text(home) : NULL;
    const char *quoted = json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE);
    char *out = value != NULL && quoted != NULL ? strndup(quoted + 1, strlen(quoted) - 2) : NULL;

    json_object_put(value);
    while (out != NULL && out[0] != 0 && out[strlen(out) - 1] == '/')
        out[strlen(out) - 1] = 0;
    if (out != NULL && out[0] != 0)
        return out;
    free(out);
    return NULL;
}

/* Part of the name of a file, so that a name which only begins or ends like the folder's is not taken for it. */
static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || (unsigned char)c >= 0x80;
}

static void put_data(FILE *to, const char *json, const char *home)
{
    size_t length = home != NULL ? strlen(home) : 0;

    for (const char *at = json; *at != 0; at++) {
        bool starts = length != 0 && strncmp(at, home, length) == 0 && !is_name(at[length]) &&
                      (at == json || (!is_name(at[-1]) && at[-1] != '/'));
        if (starts) {
            fputc('~', to);
            at += length - 1;
        } else if (*at == '<' || *at == '>' || *at == '&') {
            fprintf(to, "\\u%04x", (unsigned)*at);
        } else {
            fputc(*at, to);
        }
    }
}

bool cai_report_html(FILE *to, const struct cai_report *report, const char *home)
{
    char *json = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&json, &length);
    bool made = memory != NULL && cai_report_json(memory, report);

    made = memory != NULL && fclose(memory) == 0 && made;
    if (made) {
        char *folder = home_in_json(home);
        fwrite(cai_page_head, 1, cai_page_head_bytes, to);
        put_data(to, json, folder);
        fwrite(cai_page_tail, 1, cai_page_tail_bytes, to);
        free(folder);
    }
    free(json);
    return made;
}
