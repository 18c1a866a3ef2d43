/* What the program says about itself. Each text fits 80 columns and can be read without knowing the project. Called by
 * main and run.
 */
#include "run/help.h"

#include "run/message.h"

#include <string.h>

static const char overview[] = "Usage: capalloc run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
                               "       capalloc doctor [--library FILE]\n"
                               "       capalloc help [run|doctor]\n"
                               "       capalloc --version\n"
                               "\n"
                               "capalloc is a memory allocator that checks every pointer given back to it.\n"
                               "\n"
                               "  run      start any program on it, unchanged, and prove that it is in use\n"
                               "  doctor   check this machine and explain what may be in the way\n"
                               "\n"
                               "Try it:    capalloc run --stats -- ls -lR /usr/include > /dev/null\n";

static const char help_run[] = "Usage: capalloc run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
                               "\n"
                               "Starts PROGRAM with capalloc in the place of malloc. Input, output, signals and\n"
                               "exit status are the program's; whatever capalloc has to say goes to stderr.\n"
                               "\n"
                               "  --stats[=text|json]  at the end, say what the allocator did (json: one object)\n"
                               "  --output FILE        write that to FILE instead of stderr\n"
                               "  --limit SIZE         refuse memory beyond SIZE (K, M, G, T: powers of 1024)\n"
                               "  --decay MS           give unused memory back after about MS milliseconds\n"
                               "  --helper             do housekeeping in a background thread\n"
                               "  --strict             also report sized deletes of a wrong size\n"
                               "  --audit              at the end, list words in memory promised to hold no\n"
                               "                       pointers that look like pointers to live blocks\n"
                               "  --tokens N           PROGRAM was compiled with -falloc-token-max=N\n"
                               "  --trust-tokens       its allocation tokens are promises, not guesses\n"
                               "  --require            status 125 if the program does not use capalloc; one that\n"
                               "                       certainly cannot (static, privileged) is not started\n"
                               "  --library FILE       the library to use (default: found beside capalloc)\n"
                               "  --help               this text\n"
                               "\n"
                               "Exit status: the program's. A program that a signal ended ends capalloc by the\n"
                               "same signal. 125: capalloc itself failed; 126: PROGRAM cannot be executed;\n"
                               "127: PROGRAM was not found.\n"
                               "\n"
                               "Environment of the program: LD_PRELOAD gets the library in front;\n"
                               "CAPALLOC_OPTIONS gets the flags above behind what it had (the last one counts);\n"
                               "CAPALLOC_CHANNEL is the descriptor on which the library proves that it is used.\n"
                               "All three are inherited by what the program starts; the report is about the\n"
                               "program itself.\n"
                               "\n"
                               "Messages on stderr have the form `capalloc: CODE: TEXT`. Codes: bad-usage,\n"
                               "no-library, not-found, not-executable, cannot-start, cannot-write,\n"
                               "rival-preload, will-not-be-used, not-in-use, audit.\n"
                               "\n"
                               "The fields of --stats=json are in the README of src/run; fields are only ever\n"
                               "added, and \"schema\" changes when a meaning does.\n";

static const char help_doctor[] = "Usage: capalloc doctor [--library FILE]\n"
                                  "\n"
                                  "Checks, line by line, whether capalloc can work here: the library, whether a\n"
                                  "program really uses it, limits, the kernel's settings and what it offers.\n"
                                  "\n"
                                  "  ok     as it should be          warn   works, with the restriction stated\n"
                                  "  FAIL   does not work            info   good to know\n"
                                  "\n"
                                  "Exit status: 0, or 1 when a line says FAIL; 125: wrong usage.\n";

int cai_help(FILE *to, const char *topic)
{
    const char *text = topic == NULL                  ? overview
                       : strcmp(topic, "run") == 0    ? help_run
                       : strcmp(topic, "doctor") == 0 ? help_doctor
                                                      : NULL;

    if (text == NULL)
        return cai_say("bad-usage", "no help on '%s' (there is: run, doctor)", topic);
    fputs(text, to);
    return 0;
}

void cai_version(FILE *to)
{
    fputs("capalloc " CAPALLOC_VERSION "\n", to);
}
