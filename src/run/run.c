/* `capalloc run`: look at the program, start it, tell what happened, end as it ended. The order of saying matters: what
 * is known to fail is said before the program's own output, the proof after it. Called by main.
 */
#include "run/run.h"

#include "preload/audit_line.h"
#include "run/block_calls.h"
#include "run/calls.h"
#include "run/channel_host.h"
#include "run/elf.h"
#include "run/help.h"
#include "run/history.h"
#include "run/launch.h"
#include "run/library.h"
#include "run/message.h"
#include "run/options.h"
#include "run/preload.h"
#include "run/program.h"
#include "run/report.h"
#include "run/report_html.h"
#include "run/signals.h"
#include "run/sites.h"
#include "run/tree.h"
#include "run/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct run {
    struct cai_run_options options;
    char library[PATH_MAX];
    char program[PATH_MAX];
    char settings[256];
    int output; /* where the statistics go; -1: none wanted */
    int page;   /* where the page goes; -1: none wanted */
    struct cai_elf_look look;
    struct cai_channel_host channel;
    struct cai_outcome outcome;
    struct cai_tree tree;
    struct cai_histories histories; /* where a page is wanted */
    bool said_not_in_use;
};

static void say_rival_preload(const char *file, const char *name, void *context)
{
    (void)context;
    cai_say("rival-preload", "LD_PRELOAD has %s, another malloc (%s); capalloc goes before it", file, name);
}

static void say_not_in_use(struct run *run, const struct cai_channel *page, enum cai_use use, char *reason, size_t size)
{
    cai_use_reason(use, page, &run->look, run->outcome.wait_status, reason, size);
    if (!run->said_not_in_use) {
        cai_say("not-in-use", "%s did not use capalloc: %s", run->options.argv[0], reason);
        run->said_not_in_use = true;
    }
}

/* A library that --library names may be one that cannot do it. */
static bool lacks_mode(const struct run *run, const struct cai_channel *page)
{
    return (run->options.delay && (page->delay_percent == 0 || page->harden != 0)) ||
           (run->options.revoke && page->revoke == 0) || (run->options.harden && page->harden == 0);
}

static const char *mode_name(const struct cai_run_options *options)
{
    return options->harden ? "--harden" : options->revoke ? "--revoke" : "--delay";
}

static int say_cannot_write(const char *file)
{
    return cai_say("cannot-write", "%s: %s", file != NULL ? file : "standard error", strerror(errno));
}

/* "-" is standard output. -1: it was said why not. */
static int create(const char *path)
{
    int file = strcmp(path, "-") == 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
                                      : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);

    file = cai_descriptor_up(file, STDERR_FILENO + 1);
    if (file < 0)
        say_cannot_write(path);
    return file;
}

static int on_look(void *context, uint64_t now_ns)
{
    struct run *run = context;

    return cai_history_look(&run->histories, now_ns);
}

/* A rival is worth knowing while a long-running program still runs. */
static void on_answer(void *context)
{
    struct run *run = context;
    struct cai_channel page;
    char reason[1024];
    cai_channel_snapshot(&run->channel, 0, &page);
    if (cai_use_judge(&page) == CAI_USE_RIVAL)
        say_not_in_use(run, &page, CAI_USE_RIVAL, reason, sizeof reason);
}

static const char *library_name(const struct cai_run_options *options)
{
    if (options->harden)
        return CAI_LIBRARY_NAME_HARDEN;
    return options->delay || options->revoke ? CAI_LIBRARY_NAME_DELAY : CAI_LIBRARY_NAME;
}

/* A mode is asked for, and --library names that of another. */
static bool is_of_another_mode(const struct cai_run_options *options, const char *library)
{
    const char *name = strrchr(library, '/') + 1; /* the path is absolute */
    bool has_mode = strcmp(name, CAI_LIBRARY_NAME_DELAY) == 0 || strcmp(name, CAI_LIBRARY_NAME_HARDEN) == 0;
    bool asked = options->delay || options->revoke || options->harden;

    return asked && has_mode && strcmp(name, library_name(options)) != 0;
}

/* Everything that can fail before the program exists. 0 or an exit status. */
static int run_prepare(struct run *run)
{
    if (!cai_library_find(library_name(&run->options), run->options.library, run->library, sizeof run->library))
        return cai_say("no-library", "%s", run->library);
    if (is_of_another_mode(&run->options, run->library))
        return cai_say("other-mode", "%s is the library of another mode than %s: one process has one mode",
                       run->library, mode_name(&run->options));
    char *other = cai_preload_other_mode(getenv("LD_PRELOAD"), run->library);
    if (other != NULL) {
        cai_say("other-mode", "LD_PRELOAD has %s, the library of another mode than %s: one process has one mode", other,
                run->library);
        free(other);
        return CAI_EXIT_TROUBLE;
    }
    const char *name = run->options.argv[0];
    int error = cai_program_find(name, run->program, sizeof run->program);
    if (error == ENOENT) {
        if (name[0] == 0)
            cai_say("not-found", "the name of the program is empty");
        else
            cai_say("not-found", "%s: no such program in PATH", name);
        return CAI_EXIT_NOT_FOUND;
    }
    if (error != 0) {
        cai_say("not-executable", "%s: %s", name, strerror(error));
        return CAI_EXIT_NOT_EXECUTABLE;
    }
    run->output = run->options.output != NULL            ? create(run->options.output)
                  : run->options.stats != CAI_STATS_NONE ? STDERR_FILENO
                                                         : -1;
    run->page = run->options.report != NULL ? create(run->options.report) : -1;
    if ((run->options.output != NULL && run->output < 0) || (run->options.report != NULL && run->page < 0))
        return CAI_EXIT_TROUBLE;
    if (run->options.profile_bytes != 0 && !cai_sites_can_write(run->options.profile_output))
        return say_cannot_write(run->options.profile_output);
    cai_elf_look(run->program, run->library, &run->look);
    if (cai_obstacle_is_certain(run->look.obstacle)) {
        if (run->options.require)
            return cai_say("not-in-use", "%s cannot use capalloc and was not started: %s", name, run->look.reason);
        cai_say("will-not-be-used", "%s will run without capalloc: %s", name, run->look.reason);
    }
    cai_preload_rivals(getenv("LD_PRELOAD"), say_rival_preload, NULL);
    cai_run_options_settings(&run->options, run->settings, sizeof run->settings);
    error = cai_channel_open(&run->channel, run->options.profile_bytes != 0);
    if (error != 0)
        return cai_say("cannot-start", "cannot make the page shared with the library: %s", strerror(error));
    return 0;
}

static int say_exec_failed(const struct run *run)
{
    const char *name = run->options.argv[0];
    int error = run->outcome.exec_error;
    if (error != ENOENT) {
        struct stat status;
        bool is_folder = stat(run->program, &status) == 0 && S_ISDIR(status.st_mode); /* exec says EACCES */
        cai_say("not-executable", "%s: %s", name, strerror(is_folder ? EISDIR : error));
        return CAI_EXIT_NOT_EXECUTABLE;
    }
    if (access(run->program, F_OK) != 0)
        cai_say("not-found", "%s: no such file", name);
    else if (strcmp(run->look.file, run->program) != 0)
        cai_say("not-found", "%s: its interpreter %s does not exist", name, run->look.file);
    else
        cai_say("not-found", "%s: the file exists, but the loader that it names does not", name);
    return CAI_EXIT_NOT_FOUND;
}

static void write_all(int file, const char *name, const char *text, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t written = TEMP_FAILURE_RETRY(write(file, text + done, length - done));
        if (written <= 0) {
            say_cannot_write(name);
            break;
        }
        done += (size_t)written;
    }
}

/* The statistics; or the page. */
static void report_write(const struct run *run, const struct cai_channel *page, enum cai_use use, const char *reason,
                         bool as_page)
{
    const struct cai_report report = {
        .argv = run->options.argv,
        .path = run->program,
        .library = run->library,
        .outcome = &run->outcome,
        .channel = page,
        .tree = &run->tree,
        .use = use,
        .reason = reason,
        .histories = run->options.report != NULL ? &run->histories : NULL,
        .compact = as_page,
        .without_arguments = as_page && !run->options.report_arguments,
    };
    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    bool made = memory != NULL;

    if (made && as_page)
        made = cai_report_html(memory, &report, getenv("HOME"));
    else if (made && run->options.stats == CAI_STATS_JSON)
        made = cai_report_json(memory, &report);
    else if (made)
        cai_report_text(memory, &report, strcmp(nl_langinfo(CODESET), "UTF-8") == 0);
    if (memory == NULL || fclose(memory) != 0 || !made) {
        cai_say("cannot-write", "out of memory");
        length = 0;
    }
    write_all(as_page ? run->page : run->output, as_page ? run->options.report : run->options.output, text, length);
    free(text);
}

/* What the audit found in one process; `whose` follows each line. */
static void say_findings(const struct cai_channel *page, const char *whose)
{
    char text[CAI_AUDIT_LINE];

    for (uint32_t i = 0; i < page->findings.kept; i++)
        cai_say("audit", "%s%s", cai_audit_line(text, &page->findings.finding[i]), whose);
    cai_say("audit", "%s%s", cai_audit_total(text, &page->findings), whose);
}

/* Stderr is an object that programs read, with all that would be said in front of it. */
static bool is_for_programs(const struct run *run)
{
    return run->options.stats == CAI_STATS_JSON && run->output == STDERR_FILENO;
}

/* What the audit found. */
static void say_audit(const struct run *run, const struct cai_channel *page)
{
    char whose[80];

    if (is_for_programs(run))
        return;
    if (page->audit != 0 && (page->state != CAI_CHANNEL_FINISHED || page->findings.done == 0))
        cai_say("audit", "there was none: the program ended past its exit handlers");
    else if (page->audit != 0)
        say_findings(page, "");
    for (uint32_t i = 0; i < run->tree.count; i++) {
        const struct cai_channel *process = &run->tree.process[i];
        if (process->pid == page->pid || process->findings.done == 0 || process->findings.found == 0)
            continue;
        snprintf(whose, sizeof whose, ", pid %d (%s)", process->pid, process->program);
        say_findings(process, whose);
    }
}

/* The status that was asked for, or else the program's; 125 where it had to use capalloc and did not. Does not return
 * when a signal ended it. */
static int end_as_it_did(const struct run *run, bool used)
{
    if (run->options.on_violation != 0 && run->tree.violations != 0)
        return (int)run->options.on_violation;
    if (run->options.on_audit != 0 && run->tree.findings != 0)
        return (int)run->options.on_audit;
    if (!used && run->options.require)
        return CAI_EXIT_TROUBLE;
    if (WIFSIGNALED(run->outcome.wait_status))
        cai_signals_die(WTERMSIG(run->outcome.wait_status));
    return WEXITSTATUS(run->outcome.wait_status);
}

/* After the program's end: the proof, the report, and the status to end with. */
static int run_conclude(struct run *run)
{
    struct cai_channel page;
    char reason[1024] = "";
    cai_channel_snapshot(&run->channel, 0, &page);
    cai_tree_read(&run->channel, &run->tree);
    if (!is_for_programs(run)) {
        cai_calls_say(&run->tree);
        cai_block_calls_say(&run->tree);
    }
    if (run->page >= 0)
        cai_history_end(&run->histories, run->outcome.start_ns + run->outcome.elapsed_ns);
    enum cai_use use = cai_use_judge(&page);
    bool used = cai_is_used(use);
    if (used && lacks_mode(run, &page))
        cai_say("other-mode", "%s did not run with %s: %s cannot do that", run->options.argv[0],
                mode_name(&run->options), run->library);
    if (!used)
        say_not_in_use(run, &page, use, reason, sizeof reason);
    else
        say_audit(run, &page);
    if (run->options.stats != CAI_STATS_NONE)
        report_write(run, &page, use, reason, false);
    if (run->output > STDERR_FILENO && close(run->output) != 0)
        say_cannot_write(run->options.output);
    if (run->options.profile_bytes != 0)
        cai_sites_write(&run->channel, run->options.profile_output);
    if (run->page >= 0) {
        report_write(run, &page, use, reason, true);
        if (close(run->page) != 0)
            say_cannot_write(run->options.report);
    }
    cai_history_free(&run->histories);
    cai_tree_free(&run->tree);
    return end_as_it_did(run, used && !lacks_mode(run, &page));
}

static int run_program(struct run *run)
{
    int status = run_prepare(run);
    if (status != 0)
        return status;
    struct cai_launch launch = {
        .path = run->program,
        .argv = run->options.argv,
        .library = run->library,
        .settings = run->settings,
        .shell_text = run->look.shell_text,
        .channel = &run->channel,
        .answered = on_answer,
        .look = run->page >= 0 ? on_look : NULL,
        .context = run,
    };
    run->histories.host = &run->channel;
    int error = cai_launch_and_wait(&launch, &run->outcome);
    if (error != 0)
        status = cai_say("cannot-start", "%s: %s", run->options.argv[0], strerror(error));
    else if (run->outcome.exec_error != 0)
        status = say_exec_failed(run);
    else
        status = run_conclude(run);
    cai_channel_close(&run->channel);
    return status;
}

int cai_run(int argc, char **argv)
{
    static struct run run; /* static: 8 KiB of paths, once per process */
    enum cai_options_answer answer = cai_run_options_parse(argc, argv, &run.options);

    if (answer != CAI_OPTIONS_RUN)
        return answer == CAI_OPTIONS_HELP ? cai_help(stdout, "run") : CAI_EXIT_TROUBLE;
    if (run.options.output != NULL && run.options.stats == CAI_STATS_NONE)
        run.options.stats = CAI_STATS_TEXT;
    return run_program(&run);
}
