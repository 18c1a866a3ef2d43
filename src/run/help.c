/* What the program says about itself; capalloc(1) and the completions are made of it (tools/man, tools/completion). A
 * paragraph that begins with "Exit status:", "Environment:" or "Files:" becomes part of that section. Each text fits 80
 * columns and can be read without knowing the project. Called by main and run.
 */
#include "run/help.h"

#include "run/message.h"
#include "run/options.h"

#include <string.h>

static const char overview[] = "Usage: capalloc run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
                               "       capalloc doctor [--library FILE]\n"
                               "       capalloc top [--once] [PID]\n"
                               "       capalloc stats [--json|--prometheus] PID\n"
                               "       capalloc map PID\n"
                               "       capalloc help [run|doctor|top|stats|map|settings|json]\n"
                               "       capalloc --version\n"
                               "\n"
                               "capalloc is a memory allocator that checks every pointer given back to it.\n"
                               "\n"
                               "  run            start any program on it, unchanged, and prove that it is in use\n"
                               "  doctor         check this machine and explain what may be in the way\n"
                               "  top            processes that run on it, or one of them, again every second\n"
                               "  stats          the numbers of a process that runs\n"
                               "  map            what its memory is used for, place by place\n"
                               "  help settings  what CAPALLOC_OPTIONS may hold\n"
                               "  help json      the fields of `capalloc run --stats=json`\n"
                               "\n"
                               "Try it:    capalloc run --stats -- ls -lR /usr/include > /dev/null\n";

static const char help_run[] = "Usage: capalloc run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
                               "\n"
                               "Starts PROGRAM with capalloc in the place of malloc. Input, output, signals and\n"
                               "exit status are the program's; whatever capalloc has to say goes to stderr.\n"
                               "\n";

/* Behind the options. */
static const char help_run_end[] = "\n"
                                   "SIZE: bytes, or K, M, G, T (also KB, KiB and so on: powers of 1024 all).\n"
                                   "TIME: milliseconds, or ms, s, min, h. With a unit a fraction may be had: 1.5G.\n"
                                   "\n"
                                   "Exit status: the program's. A program that a signal ended ends capalloc by the\n"
                                   "same signal. 125: capalloc itself failed; 126: PROGRAM cannot be executed;\n"
                                   "127: PROGRAM was not found. That a report could not be written is said on\n"
                                   "stderr and does not change the status.\n"
                                   "\n"
                                   "Environment: PROGRAM gets the library in front of what LD_PRELOAD has;\n"
                                   "the flags above behind what CAPALLOC_OPTIONS has (the last one counts); and in\n"
                                   "CAPALLOC_CHANNEL where the table is in which each process of the tree keeps its\n"
                                   "numbers. All three are inherited by what the program starts.\n"
                                   "\n"
                                   "Files:\n"
                                   "  libcapalloc-preload.so  the library: in the folder of capalloc, or else in\n"
                                   "                          ../lib, the ../lib of the machine's triplet, ../lib64\n"
                                   "  libcapalloc-preload-revoke.so  for --delay and --revoke, in the same places\n"
                                   "  libcapalloc-preload-harden.so  for --harden\n"
                                   "  ../share/doc/capalloc/  seen from the folder of capalloc: README.md and docs/,\n"
                                   "                          which the manual cites\n"
                                   "\n"
                                   "Messages on stderr have the form `capalloc: CODE: TEXT`. Codes: bad-usage,\n"
                                   "no-library, not-found, not-executable, cannot-start, cannot-write,\n"
                                   "rival-preload, other-mode, will-not-be-used, not-in-use, audit, calls, profile.\n";

static const char help_doctor[] = "Usage: capalloc doctor [--library FILE]\n"
                                  "\n"
                                  "Checks, line by line, whether capalloc can work here: the library, whether a\n"
                                  "program really uses it, limits, the kernel's settings and what it offers.\n"
                                  "\n"
                                  "  --library FILE       the library to check (default: found beside capalloc)\n"
                                  "  --help               this text\n"
                                  "\n"
                                  "  ok     as it should be          warn   works, with the restriction stated\n"
                                  "  FAIL   does not work            info   good to know\n"
                                  "\n"
                                  "Exit status: 0; 1 when a line says FAIL; 125: wrong usage, or what was found\n"
                                  "could not be written.\n"
                                  "\n"
                                  "Files:\n"
                                  "  /etc/ld.so.preload      may have another malloc, which would come first\n";

static const char help_settings[] = "Environment: CAPALLOC_OPTIONS is read once, by the library, at the first\n"
                                    "allocation: words separated by commas; of one word twice the last counts. A\n"
                                    "word that is unknown, malformed or of another mode is reported on stderr and\n"
                                    "skipped. A privileged process ignores all of it.\n"
                                    "  limit=SIZE    memory mapped for blocks does not exceed SIZE; beyond it malloc\n"
                                    "                returns NULL with ENOMEM\n"
                                    "  decay=TIME    free memory goes back to the system when it is about this old:\n"
                                    "                200ms unless told, at most 1h\n"
                                    "  delay=SHARE   a freed block waits until so much of the heap was freed after\n"
                                    "                it: 6% unless told in the library that `capalloc run --delay`\n"
                                    "                takes, 3% in that of --harden\n"
                                    "  revoke        in that of --delay: a freed block waits until no word points to\n"
                                    "                it; memory is searched when 12% of it was freed, or what delay=\n"
                                    "                says\n"
                                    "  trace-sweeps  a line on stderr for each search\n"
                                    "  harden=LIST   in the library that `capalloc run --harden` takes, which checks\n"
                                    "                are on, all but copy and mte unless told: -NAME takes one away,\n"
                                    "                +NAME adds it, NAME+NAME leaves these alone; a second list\n"
                                    "                begins with what the first left. Names: canary, mismatch, guard,\n"
                                    "                random, order, wall, zero, delay, copy, mte (docs/hardening.md\n"
                                    "                says what each does)\n"
                                    "  helper        free memory goes back from a background thread, so that an idle\n"
                                    "                program gives it back too\n"
                                    "  strict        report a sized delete whose size cannot be right\n"
                                    "  backtrace     behind the line of a violation, the calls that led to it, as\n"
                                    "                FILE+OFFSET; `capalloc run --backtrace` tells functions and\n"
                                    "                lines\n"
                                    "  audit         at exit, list words in memory promised to hold no pointers that\n"
                                    "                look like pointers to live blocks\n"
                                    "  tokens=N      the program was compiled with -falloc-token-max=N (0: not\n"
                                    "                stated)\n"
                                    "  trust-tokens  its allocation tokens are promises, not guesses\n"
                                    "  visible       capalloc top, stats and map can look at the process; under\n"
                                    "                `capalloc run` they always can\n"
                                    "  profile=SIZE  sample the calls that hold the heap, one in SIZE bytes, 512K\n"
                                    "                unless told\n"
                                    "  guard-sample=N  one small block in N, by chance, lies among pages that cannot\n"
                                    "                be touched: overflow, underflow and use-after-free are told with\n"
                                    "                calls; without =N one in 5000, and at most one in four\n"
                                    "                milliseconds; N = 0: none\n"
                                    "  no-deepbind   dlopen takes no notice of RTLD_DEEPBIND\n"
                                    "  names         the library's mappings have names in /proc/self/maps\n"
                                    "  pagemap       before long must-zero memory is cleared, ask the kernel what of\n"
                                    "                it was touched: openat, pread64 and close must be allowed\n"
                                    "  mappings=N    what vm.max_map_count says where it is not 65530: the library\n"
                                    "                has an eighth of it at most; `capalloc run` says it by itself\n"
                                    "\n"
                                    "SIZE: bytes, or K, M, G, T (also KB, KiB and so on: powers of 1024 all).\n"
                                    "TIME: milliseconds, or ms, s, min, h. With a unit a fraction may be had: 1.5G.\n";

static const char help_json[] = "Usage: capalloc run --stats=json [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
                                "\n"
                                "Writes one object. Fields are only ever added; `schema` (now 1) grows when a\n"
                                "meaning changes. Numbers are unsigned integers of up to 64 bits; what is not\n"
                                "known or does not apply is null. Bytes in arguments that are not UTF-8 become\n"
                                "U+FFFD.\n"
                                "\n"
                                "  schema                  1\n"
                                "  capalloc                the version of the program\n"
                                "  program.arguments       as started; .path: the file that was executed; .pid\n"
                                "  exit.status             null when a signal ended it\n"
                                "  exit.signal             null, or such as 11; .signal_name: \"SIGSEGV\";\n"
                                "                          .core_dumped\n"
                                "  exit.elapsed_ns         .user_ns, .system_ns, .max_rss_bytes: with the\n"
                                "                          children that the program waited for\n"
                                "  use.state               \"finished\": used, numbers final; \"unended\": used,\n"
                                "                          ended past its exit handlers; \"rival\": another malloc\n"
                                "                          came first; \"none\": the library never answered\n"
                                "  use.used                true or false; .reason: why not; .rival: whose malloc\n"
                                "                          it is; .library: the file of this one\n"
                                "  settings                as active in the library, null when it was not used:\n"
                                "                          .limit_bytes, .decay_ms, .delay_percent, .revoke,\n"
                                "                          .harden (null, or each check: true or false),\n"
                                "                          .guards (null, \"kernel\", \"mappings\", \"none\"),\n"
                                "                          .mte (null, \"off\", \"on\", \"absent\", \"refused\"),\n"
                                "                          .helper,\n"
                                "                          .strict, .audit, .tokens, .trust_tokens, .names,\n"
                                "                          .no_deepbind, .backtrace, .visible, .pagemap,\n"
                                "                          .trace_sweeps, .guard_sample, .profile_bytes\n"
                                "  settings.deepbind_seen  true: a library was loaded with RTLD_DEEPBIND, and\n"
                                "                          nothing took that out\n"
                                "  settings.faults_pass_by  true: the program ignores SIGSEGV, or took it by a\n"
                                "                          system call: who touches a guard is not told\n"
                                "  settings.ignored        the first word of CAPALLOC_OPTIONS that the library\n"
                                "                          did not understand\n"
                                "  stats                   null when there are no numbers\n"
                                "  stats.final             true: from the exit; false: a snapshot from before\n"
                                "  stats.live_bytes        and the other fields of ca_stats in\n"
                                "                          <capalloc/stats.h>, by their names there\n"
                                "  stats.kept_bytes        with --revoke: freed, and pointed to when the last\n"
                                "                          sweep looked; .sweeps_in_doubt: how many released\n"
                                "                          nothing, as they could not see everything;\n"
                                "                          .sweeps_postponed: how many did not, as a thread\n"
                                "                          slept in the kernel;\n"
                                "                          .sweep_bytes_ahead: read while threads ran\n"
                                "  stats.stale_bytes       with --delay: what was written after it was freed,\n"
                                "                          found when it was handed out again\n"
                                "  stats.place.ordinary    and .nocaps, .mustzero, .secret: ca_place_stats\n"
                                "  stats.pointer_free      what was promised to hold no pointers, nocaps and\n"
                                "                          secret together: .live_bytes, .live_blocks,\n"
                                "                          .used_bytes_peak; .live_share of all live memory,\n"
                                "                          0 to 1\n"
                                "  stats.heaps[]           heaps with a name, the 16 that hold most: .name,\n"
                                "                          .held_bytes in slots, .quota_bytes (null: none)\n"
                                "  stats.size_class[]      ca_class_stats; slot_bytes is null for large blocks\n"
                                "  stats.age_ns            how much older than the end of the program they are\n"
                                "  tree                    all processes that the program started, with it\n"
                                "  tree.violations         in all of them; .findings: of their audits;\n"
                                "                          .without_numbers: processes beyond the 512th\n"
                                "  tree.processes[]        .pid, .parent, .program, .state (\"finished\",\n"
                                "                          \"running\", or \"lost\": ended past its exit handlers),\n"
                                "                          .numbers_at_ns since the start, the fields of stats\n"
                                "                          that one asks for first, .violations, .violation:\n"
                                "                          the code of the last one, .findings, .calls\n"
                                "  tree.processes[].calls[]  with --backtrace, what called when it ended by a\n"
                                "                          violation, innermost first: .module, .offset in it\n"
                                "                          (a text such as \"0x4d2a\"), .function, .file, .line;\n"
                                "                          .inlined: true in those that the compiler merged\n"
                                "                          into the next\n"
                                "  tree.processes[].allocated[]  with --profile, likewise: what took the block of\n"
                                "                          the last violation, or the last block at its address\n"
                                "                          that was sampled (.allocated_sampled: true); with the\n"
                                "                          setting guard-sample the block itself. .freed[], with\n"
                                "                          --backtrace as well: what gave it back\n"
                                "  tree.processes[].violated[]  the first 8: .at_ns since the start, .code,\n"
                                "                          .function, .address, .stated, .found, .block_bytes,\n"
                                "                          .place\n"
                                "  tree.processes[].detail  null without --report: .stats as above; .held[]: for\n"
                                "                          each size .requested_bytes of its live blocks and\n"
                                "                          .held_bytes in slabs; .map[]: for each zone .kinds in\n"
                                "                          units and .cells, each [how many, kind, slot bytes,\n"
                                "                          fill in percent]; .peak_held, .peak_map, .peak_at_ns:\n"
                                "                          when live bytes were most; .profile with --profile:\n"
                                "                          .rate_bytes, .samples, .stacks[]: .calls[] from the\n"
                                "                          outermost in, .live_bytes, .peak_bytes, .all_bytes;\n"
                                "                          .history: columns of\n"
                                "                          samples, and .programs, one for each that it became\n"
                                "  machine                 .system, .release, .architecture, .processor,\n"
                                "                          .processors, .memory_bytes, .page_bytes\n"
                                "  audit                   null without the setting, or when the program ended\n"
                                "                          past its exit handlers\n"
                                "  audit.found             how many words look like pointers to live blocks\n"
                                "  audit.findings[]        the first 16: .block, .block_bytes, .place, .offset\n"
                                "                          of the word, its .value, .target, .target_bytes,\n"
                                "                          .target_place; addresses and the value are texts such\n"
                                "                          as \"0x285c56e043f0\"\n";

/* Of top, stats and map alike. */
#define SEEN_HOW                                                                                                       \
    "\n"                                                                                                               \
    "Any process that `capalloc run` started, its children, and one that has the\n"                                    \
    "library preloaded and the setting `visible`. Who may read /proc/PID/mem may\n"                                    \
    "look; privileged processes show nothing. Nothing is stopped, and nothing is\n"                                    \
    "opened in the process. The numbers are those of its last housekeeping: a few\n"                                   \
    "times a second while it allocates, none while it is idle (their age is told).\n"                                  \
    "Live blocks are taken from counters then, and may be off by what threads have in\n"                               \
    "hand.\n"                                                                                                          \
    "\n"                                                                                                               \
    "Exit status: 0; 1: the process cannot be seen, and `capalloc: not-visible: WHY`\n"                                \
    "says so on stderr; 125: wrong usage, or what was found could not be written.\n"

static const char help_top[] = "Usage: capalloc top [--once] [PID]\n"
                               "\n"
                               "Shows all processes whose numbers can be read, or all about one, anew every\n"
                               "second. Once where the output is no terminal.\n"
                               "\n"
                               "  --once               show it and end\n"
                               "  --help               this text\n" SEEN_HOW;

static const char help_stats[] = "Usage: capalloc stats [--json|--prometheus] PID\n"
                                 "\n"
                                 "Shows the numbers of a process that runs.\n"
                                 "\n"
                                 "  --json               one object: .process, and .settings and .stats as\n"
                                 "                       `capalloc help json` has them; .profile, or null\n"
                                 "  --prometheus         the text format that Prometheus reads\n"
                                 "  --help               this text\n" SEEN_HOW;

static const char help_map[] = "Usage: capalloc map PID\n"
                               "\n"
                               "Shows what the addresses of each place are used for.\n"
                               "\n"
                               "  --help               this text\n" SEEN_HOW;

static const struct {
    const char *name;
    const char *text;
} topics[] = {{"run", help_run}, {"doctor", help_doctor},     {"top", help_top},  {"stats", help_stats},
              {"map", help_map}, {"settings", help_settings}, {"json", help_json}};

int cai_help(FILE *to, const char *topic)
{
    const char *text = topic == NULL ? overview : NULL;

    for (size_t i = 0; topic != NULL && i < sizeof topics / sizeof topics[0]; i++)
        if (strcmp(topic, topics[i].name) == 0)
            text = topics[i].text;
    if (text == NULL)
        return cai_say("bad-usage", "no help on '%s' (there is: run, doctor, top, stats, map, settings, json)", topic);
    fputs(text, to);
    if (text == help_run) {
        cai_run_options_help(to);
        fputs(help_run_end, to);
    }
    return 0;
}

void cai_version(FILE *to)
{
    fputs("capalloc " CAPALLOC_VERSION "\n", to);
}
