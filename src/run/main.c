/* The program `capalloc`: picks the subcommand, nothing else. Every subcommand returns the exit status and has said on
 * stderr what went wrong; a full disk behind stdout is told here, for all of them. 125 is reserved for this program's
 * own failures. The locale is read here, for the character set alone: numbers look the same everywhere.
 */
#include "run/doctor.h"
#include "run/help.h"
#include "run/message.h"
#include "run/run.h"
#include "run/watch.h"

#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool asks_for_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int command(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    if (word == NULL) {
        cai_help(stderr, NULL);
        return CAI_EXIT_TROUBLE;
    }
    if (strcmp(word, "run") == 0)
        return cai_run(argc - 1, argv + 1);
    if (strcmp(word, "doctor") == 0)
        return cai_doctor(argc - 1, argv + 1);
    if (strcmp(word, "top") == 0)
        return cai_watch_top(argc - 1, argv + 1);
    if (strcmp(word, "stats") == 0)
        return cai_watch_stats(argc - 1, argv + 1);
    if (strcmp(word, "map") == 0)
        return cai_watch_map(argc - 1, argv + 1);
    if (strcmp(word, CAI_DOCTOR_PROBE) == 0)
        return cai_doctor_probe();
    if (asks_for_help(word))
        return cai_help(stdout, argc > 2 && !asks_for_help(argv[2]) ? argv[2] : NULL);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0 || strcmp(word, "version") == 0) {
        cai_version(stdout);
        return 0;
    }
    return cai_say("bad-usage", "unknown %s '%s' (see: capalloc --help)", word[0] == '-' ? "option" : "command", word);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    int status = command(argc, argv);
    /* Where nothing was said, a closed stdout is no mistake: nothing is written then. */
    if (fflush(stdout) != 0 || ferror(stdout))
        return cai_say("cannot-write", "standard output: %s", strerror(errno));
    return status;
}
