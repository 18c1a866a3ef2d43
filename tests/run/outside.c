/* See outside.h. */
#include "outside.h"

#include "heaps/channel.h"
#include "run/calls.h"
#include "run/channel_host.h"
#include "run/elf.h"
#include "run/profile.h"
#include "run/report.h"
#include "run/report_html.h"
#include "run/report_live.h"

#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MODULES = 2 };

/* What a person sees at a terminal: no controls but ends of lines. */
static void require_printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\n') || text[i] == 0x7f)
            abort();
}

/* Shows the page in every form. */
static void show_page(struct cai_channel *page)
{
    char name[] = "/bin/program";
    char *argv[] = {name, NULL};
    struct cai_outcome outcome = {.pid = 1, .wait_status = SIGKILL, .elapsed_ns = 1000};
    struct cai_tree tree = {.process = page, .count = 1, .missed = 1};
    struct cai_report report = {.argv = argv,
                                .path = name,
                                .library = "/lib/ours.so",
                                .outcome = &outcome,
                                .channel = page,
                                .tree = &tree,
                                .use = cai_use_judge(page),
                                .reason = ""};
    char *text = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&text, &length);

    cai_report_text(to, &report, false);
    cai_live_text(to, 1, page, UINT64_MAX, false);
    cai_live_map(to, 1, page, UINT64_MAX, false);
    fflush(to);
    require_printable(text, length);
    cai_live_prometheus(to, 1, page, NULL, UINT64_MAX);
    if (!cai_report_json(to, &report) || !cai_live_json(to, 1, page, NULL, UINT64_MAX) ||
        !cai_report_html(to, &report, "/home/somebody"))
        abort();
    fclose(to);
    free(text);
}

static void read_page(const uint8_t *bytes, size_t size)
{
    struct cai_channel *page = calloc(1, sizeof *page);

    memcpy(page, bytes, size < sizeof *page ? size : sizeof *page);
    cai_channel_clean(page);
    show_page(page);
    free(page);
}

/* The numbers, a few modules, and then as many sites as there are bytes for. */
static void read_sites(const uint8_t *bytes, size_t size)
{
    struct cai_sites *sites = calloc(1, sizeof *sites);
    size_t head = offsetof(struct cai_sites, module) + MODULES * sizeof sites->module[0];
    size_t room = sizeof sites->site;
    struct cai_profile profile;
    char *text = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&text, &length);

    memcpy(sites, bytes, size < head ? size : head);
    if (size > head)
        memcpy(sites->site, bytes + head, size - head < room ? size - head : room);
    for (unsigned i = 0; i < MODULES; i++) /* the names of files that are there are another's business */
        sites->module[i].path[0] = sites->module[i].path[0] == 0 ? 0 : '?';
    if (cai_profile_open(&profile, sites)) {
        for (int kind = CAI_PROFILE_LIVE; kind <= CAI_PROFILE_ALL; kind++)
            cai_profile_folded(&profile, (enum cai_profile_kind)kind, to);
        fflush(to);
        require_printable(text, length);
        cai_profile_pprof(&profile, 1, to);
        cai_profile_close(&profile);
    }
    struct cai_calls calls = {0};
    cai_profile_site(sites, sites->sites, &calls);
    cai_calls_print(to, &calls);
    cai_calls_free(&calls);
    fclose(to);
    free(text);
    free(sites);
}

static void read_calls(const uint8_t *bytes, size_t size)
{
    char text[CAI_CALLERS_BYTES] = "";
    char *shown = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&shown, &length);

    memcpy(text, bytes, size < sizeof text - 1 ? size : sizeof text - 1);
    for (int part = 0; part < CAI_CALLERS_PARTS; part++) {
        struct cai_calls calls = {0};
        cai_calls_read(text, (enum cai_callers_part)part, &calls);
        cai_calls_print(to, &calls);
        cai_calls_free(&calls);
    }
    fclose(to);
    require_printable(shown, length);
    free(shown);
}

/* As a file that a name leads to. */
static int file_of(const uint8_t *bytes, size_t size, char *name, size_t room)
{
    int file = memfd_create("outside", MFD_CLOEXEC);

    if (file < 0 || write(file, bytes, size) != (ssize_t)size)
        abort();
    snprintf(name, room, "/proc/self/fd/%d", file);
    return file;
}

static void read_program(const uint8_t *bytes, size_t size)
{
    char name[64];
    int file = file_of(bytes, size, name, sizeof name);
    static struct cai_elf_look look;

    cai_elf_look(name, name, &look);
    cai_elf_look(name, "/proc/self/exe", &look);
    require_printable(look.reason, strlen(look.reason));
    close(file);
}

static void read_module(const uint8_t *bytes, size_t size)
{
    char name[64];
    int file = file_of(bytes, size, name, sizeof name);
    struct cai_calls calls = {0};
    struct cai_symbols *symbols = cai_symbols_open();
    FILE *to = fopen("/dev/null", "w");

    for (uint64_t offset = 0; offset < 0x400; offset += 0x55)
        cai_calls_add(&calls, symbols, name, offset);
    cai_calls_print(to, &calls);
    fclose(to);
    cai_calls_free(&calls);
    cai_symbols_free(symbols);
    close(file);
}

void outside_read(enum outside what, const uint8_t *bytes, size_t size)
{
    static void (*const readers[OUTSIDE_KINDS])(const uint8_t *, size_t) = {
        [OUTSIDE_PAGE] = read_page,       [OUTSIDE_SITES] = read_sites,   [OUTSIDE_CALLS] = read_calls,
        [OUTSIDE_PROGRAM] = read_program, [OUTSIDE_MODULE] = read_module,
    };

    readers[what](bytes, size);
}

/* --- what is right --- */

static size_t example_page(uint8_t *bytes, size_t room)
{
    struct cai_channel *page = calloc(1, sizeof *page);
    size_t size = room < sizeof *page ? room : sizeof *page;

    page->pid = 1;
    page->state = CAI_CHANNEL_FINISHED;
    page->interposed = 1;
    page->turn = 1;
    strcpy(page->program, "program");
    page->numbers[0].ns = 1;
    page->numbers[0].stats.allocations = page->numbers[0].stats.size_class[3].allocations = 7;
    page->numbers[0].stats.size_class[3].slot_bytes = 64;
    page->numbers[0].map[0] = (struct cai_zone_map){.units = 100, .unit_bytes = 65536, .kind = {1, 2, 3}};
    page->numbers[0].named = 1;
    page->numbers[0].heap[0] = (struct cai_named){.held_bytes = 1, .quota_bytes = UINT64_MAX, .name = "a heap"};
    page->violations = 1;
    strcpy(page->violation, "double-free");
    page->violated[0] = (struct cai_channel_violation){.ns = 1, .code = "double-free", .found = "a freed block"};
    strcpy(page->calls, "  at /bin/program+0x1\n");
    page->findings.found = page->findings.kept = page->findings.done = 1;
    memcpy(bytes, page, size);
    free(page);
    return size;
}

static size_t example_sites(uint8_t *bytes, size_t room)
{
    struct cai_sites *sites = calloc(1, sizeof *sites);
    size_t head = offsetof(struct cai_sites, module) + MODULES * sizeof sites->module[0];
    size_t size = head + 2 * sizeof sites->site[0];

    sites->rate = 1000;
    sites->samples = 2;
    sites->modules = sites->sites = 1;
    sites->module[0] = (struct cai_site_module){.is_whole = 1, .high = 1000, .path = "x"};
    sites->site[0].key = 1;
    sites->site[1] = (struct cai_site){.key = 5,
                                       .live_blocks = 1024,
                                       .live_bytes = 9,
                                       .all_bytes = 9,
                                       .frames = 2,
                                       .frame = {10, 20},
                                       .module = {1, 0}};
    if (room >= size) {
        memcpy(bytes, sites, head);
        memcpy(bytes + head, sites->site, size - head);
    }
    free(sites);
    return room >= size ? size : 0;
}

static size_t example_file(uint8_t *bytes, size_t room)
{
    static const char loader[] = "/lib64/ld-linux-x86-64.so.2";
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr segment[2];
        char loader[sizeof loader];
    } file = {.header = {.e_ident = ELFMAG, .e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT}};

    file.header.e_ident[EI_CLASS] = ELFCLASS64;
    file.header.e_ident[EI_DATA] = ELFDATA2LSB;
    file.header.e_ident[EI_VERSION] = EV_CURRENT;
    file.header.e_ehsize = sizeof file.header;
    file.header.e_phoff = sizeof file.header;
    file.header.e_phentsize = sizeof file.segment[0];
    file.header.e_phnum = 2;
    file.segment[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = sizeof file, .p_memsz = sizeof file};
    file.segment[1] = (Elf64_Phdr){
        .p_type = PT_INTERP, .p_offset = (Elf64_Off)(file.loader - (char *)&file), .p_filesz = sizeof loader};
    memcpy(file.loader, loader, sizeof loader);
    if (room < sizeof file)
        return 0;
    memcpy(bytes, &file, sizeof file);
    return sizeof file;
}

size_t outside_example(enum outside what, uint8_t *bytes, size_t room)
{
    static const char calls[] = "used by\n  at a+0x1\nallocated by\n  at /b c+0x2\n  at 0x3\nfreed by\n  at c+0x4\n";

    if (what == OUTSIDE_PAGE)
        return example_page(bytes, room);
    if (what == OUTSIDE_SITES)
        return example_sites(bytes, room);
    if (what != OUTSIDE_CALLS)
        return example_file(bytes, room);
    if (room < sizeof calls)
        return 0;
    memcpy(bytes, calls, sizeof calls);
    return sizeof calls;
}
