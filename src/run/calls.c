/* See calls.h. The text was written by a process that had broken a rule: it may hold anything. Called by run and
 * report_json.
 */
#include "run/calls.h"

#include "run/message.h"
#include "run/symbols.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *copy(const char *text)
{
    char *made = text != NULL ? strdup(text) : NULL;

    if (made != NULL)
        cai_make_printable(made);
    return made;
}

/* What is being read, for visit. */
struct reading {
    struct cai_calls *calls;
    const char *module;
    uint64_t offset;
};

static void add(const struct cai_symbol *symbol, void *context)
{
    struct reading *reading = context;
    struct cai_calls *calls = reading->calls;

    if ((calls->count & (calls->count - 1)) == 0) { /* it is full: twice as many */
        struct cai_call *grown = realloc(calls->call, (calls->count != 0 ? 2 * calls->count : 1) * sizeof *grown);
        if (grown == NULL)
            return;
        calls->call = grown;
    }
    calls->call[calls->count++] = (struct cai_call){.module = copy(reading->module),
                                                    .offset = reading->offset,
                                                    .function = copy(symbol->function),
                                                    .file = copy(symbol->file),
                                                    .line = symbol->line,
                                                    .inlined = symbol->inlined};
}

void cai_calls_add(struct cai_calls *calls, struct cai_symbols *symbols, const char *module, uint64_t offset)
{
    struct reading reading = {.calls = calls, .module = module, .offset = offset};

    cai_symbols_find(symbols, module, offset - 1, add, &reading);
}

/* The part that this line begins, or else `part`. */
static enum cai_callers_part part_of(const char *line, enum cai_callers_part part)
{
    for (int i = 0; i < CAI_CALLERS_PARTS; i++)
        if (strcmp(line, cai_callers_title((enum cai_callers_part)i)) == 0)
            return (enum cai_callers_part)i;
    return part;
}

/* "  at FILE+0xOFFSET" or "  at 0xADDRESS", with the line's end cut off. */
static void read_line(char *line, struct cai_symbols *symbols, struct cai_calls *calls)
{
    const size_t begin = sizeof CAI_CALLERS_LINE - 1;
    char *end;

    if (strncmp(line, CAI_CALLERS_LINE, begin) != 0)
        return;
    char *module = line + begin;
    char *plus = strrchr(module, '+');
    const char *number = plus != NULL ? plus + 1 : module;
    uint64_t offset = strtoull(number, &end, 16);
    if (strncmp(number, "0x", 2) != 0 || *end != 0)
        return;
    if (plus != NULL)
        *plus = 0;
    cai_calls_add(calls, symbols, plus != NULL ? module : NULL, offset);
}

void cai_calls_read(const char *text, enum cai_callers_part part, struct cai_calls *calls)
{
    struct cai_symbols *symbols = text[0] != 0 ? cai_symbols_open() : NULL;
    enum cai_callers_part here = CAI_CALLERS_USED;
    char line[CAI_CALLERS_BYTES];

    *calls = (struct cai_calls){.count = 0};
    while (*text != 0) {
        size_t length = strcspn(text, "\n");
        if (length < sizeof line) {
            memcpy(line, text, length);
            line[length] = 0;
            here = part_of(line, here);
            if (here == part)
                read_line(line, symbols, calls);
        }
        text += length + (text[length] != 0);
    }
    cai_symbols_free(symbols);
}

void cai_calls_free(struct cai_calls *calls)
{
    for (size_t i = 0; i < calls->count; i++) {
        free(calls->call[i].module);
        free(calls->call[i].function);
        free(calls->call[i].file);
    }
    free(calls->call);
    *calls = (struct cai_calls){.count = 0};
}

/* FUNCTION (FILE:LINE), and where the one or the other is not known MODULE+0xOFFSET. */
static void print(FILE *to, const struct cai_call *call)
{
    bool placed = call->file != NULL;

    fputs(CAI_CALLERS_LINE, to);
    if (call->function != NULL)
        fprintf(to, "%s (", call->function);
    if (placed)
        fprintf(to, "%s:%d", call->file, call->line);
    else if (call->module != NULL)
        fprintf(to, "%s+0x%" PRIx64, call->module, call->offset);
    else
        fprintf(to, "0x%" PRIx64, call->offset);
    fprintf(to, "%s%s\n", call->function != NULL ? ")" : "", call->inlined ? ", inlined" : "");
}

void cai_calls_print(FILE *to, const struct cai_calls *calls)
{
    for (size_t i = 0; i < calls->count; i++)
        print(to, &calls->call[i]);
    fflush(to);
}

void cai_calls_say(const struct cai_tree *tree)
{
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct cai_channel *process = &tree->process[i];
        struct cai_calls calls;
        cai_calls_read(process->calls, CAI_CALLERS_USED, &calls);
        if (calls.count > 0)
            cai_say("calls", "that led to the %s, pid %d (%s)", process->violation, process->pid, process->program);
        cai_calls_print(stderr, &calls);
        cai_calls_free(&calls);
    }
}
