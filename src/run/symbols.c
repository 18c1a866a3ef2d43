/* By elfutils' libdw, which finds debug information that was split off as well, and libiberty, which knows the names of
 * C++ and Rust. Files are opened here, never in the process that is looked at. Called by calls.
 */
#include "run/symbols.h"

#include <stddef.h>

#ifdef CAI_HAVE_LIBDW

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef CAI_HAVE_LIBIBERTY
#include <libiberty/demangle.h>
#endif

/* A session of libdw for each file, so that the addresses are those that the file states. What has been read stays for
 * whoever asks next: the processes of a tree have mostly the same files, and reading one takes longer than all answers.
 */
struct file {
    struct file *next;
    struct stat status; /* of the file that was read: another may have its name by now */
    Dwfl *session;
    Dwfl_Module *module; /* NULL: it cannot be read */
    char name[];
};

enum { FILES_KEPT = 64 };

static struct cai_symbols {
    struct file *files; /* the one asked for last comes first */
} kept;

/* One function of an address, to be handed to whoever asks. */
struct visitor {
    cai_symbols_visit visit;
    void *context;
    const char *file;
    int line;
};

struct cai_symbols *cai_symbols_open(void)
{
    unsetenv("DEBUGINFOD_URLS"); /* nothing is fetched from elsewhere */
    return &kept;
}

static void drop(struct file **at)
{
    struct file *file = *at;

    *at = file->next;
    dwfl_end(file->session);
    free(file);
}

void cai_symbols_free(struct cai_symbols *symbols)
{
    struct file **at = symbols != NULL ? &symbols->files : NULL;

    for (unsigned i = 0; at != NULL && *at != NULL; i++) {
        if (i < FILES_KEPT)
            at = &(*at)->next;
        else
            drop(at);
    }
}

/* What stands under a name by now may be anything. */
static int open_regular(const char *name)
{
    struct stat status;
    int descriptor = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (descriptor >= 0 && (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(descriptor);
        descriptor = -1;
    }
    return descriptor;
}

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino && one->st_size == other->st_size &&
           one->st_mtim.tv_sec == other->st_mtim.tv_sec && one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

/* One that has been read, and still is what the name says. */
static struct file *find(struct cai_symbols *symbols, const char *name, const struct stat *status)
{
    struct file **at = &symbols->files;

    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    struct file *file = *at;
    if (file == NULL)
        return NULL;
    if (!is_same(&file->status, status)) {
        drop(at);
        return NULL;
    }
    *at = file->next;
    file->next = symbols->files;
    symbols->files = file;
    return file;
}

static struct file *file_of(struct cai_symbols *symbols, const char *name)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .section_address = dwfl_offline_section_address,
    };
    size_t length = strlen(name);
    struct stat status;

    if (stat(name, &status) != 0)
        memset(&status, 0, sizeof status);
    struct file *file = find(symbols, name, &status);
    if (file != NULL || (file = calloc(1, sizeof *file + length + 1)) == NULL)
        return file;
    file->status = status;
    memcpy(file->name, name, length);
    file->next = symbols->files;
    symbols->files = file;
    file->session = dwfl_begin(&callbacks);
    int descriptor = file->session != NULL ? open_regular(name) : -1;
    if (descriptor >= 0) {
        dwfl_report_begin(file->session);
        file->module = dwfl_report_elf(file->session, name, name, descriptor, 0, true);
        dwfl_report_end(file->session, NULL, NULL);
        if (file->module == NULL)
            close(descriptor);
    }
    return file;
}

static void visit_name(struct visitor *visitor, const char *name, bool inlined)
{
    struct cai_symbol symbol = {.file = visitor->file, .line = visitor->line, .inlined = inlined, .function = name};
    char *readable = NULL;

#ifdef CAI_HAVE_LIBIBERTY
    readable = name != NULL ? cplus_demangle(name, DMGL_AUTO | DMGL_PARAMS | DMGL_ANSI) : NULL;
#endif
    if (readable != NULL)
        symbol.function = readable;
    visitor->visit(&symbol, visitor->context);
    free(readable);
}

static const char *name_of(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute));

    return name != NULL ? name : dwarf_diename(die);
}

/* Where an inlined function was called: there the one that it was merged into goes on. */
static void go_out(struct visitor *visitor, Dwarf_Die *inlined, Dwarf_Files *files)
{
    Dwarf_Attribute attribute;
    Dwarf_Word number;

    visitor->file = NULL;
    visitor->line = 0;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &number) == 0)
        visitor->file = dwarf_filesrc(files, number, NULL, NULL);
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &number) == 0)
        visitor->line = (int)number;
}

/* The unit of the debug information that the address is in; NULL: none. gcc writes a table of addresses, clang does
 * not: there each unit is asked. */
static Dwarf_Die *unit_of(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, address, bias);

    if (unit != NULL)
        return unit;
    do
        unit = dwfl_module_nextcu(module, unit, bias);
    while (unit != NULL && dwarf_haspc(unit, address - *bias) <= 0);
    return unit;
}

/* The functions merged into the one that the address is in, and that one, from its debug information. */
static bool visit_scopes(struct visitor *visitor, Dwfl_Module *module, Dwarf_Die *unit, Dwarf_Addr address)
{
    Dwarf_Die *scopes = NULL;
    Dwarf_Addr bias;
    Dwarf_Die innermost;
    Dwarf_Files *files;
    bool found = false;

    if (dwarf_getsrcfiles(unit, &files, NULL) != 0 || dwarf_getscopes(unit, address, &scopes) <= 0)
        return false;
    bool known = dwarf_offdie(dwfl_module_getdwarf(module, &bias), dwarf_dieoffset(&scopes[0]), &innermost) != NULL;
    free(scopes);
    scopes = NULL;
    int count = known ? dwarf_getscopes_die(&innermost, &scopes) : 0;
    for (int i = 0; i < count && !found; i++) {
        int tag = dwarf_tag(&scopes[i]);
        found = tag == DW_TAG_subprogram;
        if (found || tag == DW_TAG_inlined_subroutine)
            visit_name(visitor, name_of(&scopes[i]), !found);
        if (tag == DW_TAG_inlined_subroutine)
            go_out(visitor, &scopes[i], files);
    }
    free(scopes);
    return found;
}

void cai_symbols_find(struct cai_symbols *symbols, const char *file_name, uint64_t address, cai_symbols_visit visit,
                      void *context)
{
    struct visitor visitor = {.visit = visit, .context = context};
    struct file *file = symbols != NULL && file_name != NULL ? file_of(symbols, file_name) : NULL;

    if (file == NULL || file->module == NULL) {
        visit_name(&visitor, NULL, false);
        return;
    }
    Dwarf_Addr bias;
    Dwarf_Die *unit = unit_of(file->module, address, &bias);
    Dwarf_Line *line = unit != NULL ? dwarf_getsrc_die(unit, address - bias) : NULL;
    if (line != NULL && dwarf_lineno(line, &visitor.line) == 0)
        visitor.file = dwarf_linesrc(line, NULL, NULL);
    if (unit == NULL || !visit_scopes(&visitor, file->module, unit, address - bias)) {
        GElf_Off offset;
        GElf_Sym symbol;
        visit_name(&visitor, dwfl_module_addrinfo(file->module, address, &offset, &symbol, NULL, NULL, NULL), false);
    }
}

#else

struct cai_symbols *cai_symbols_open(void)
{
    return NULL;
}

void cai_symbols_free(struct cai_symbols *symbols)
{
    (void)symbols;
}

void cai_symbols_find(struct cai_symbols *symbols, const char *file, uint64_t address, cai_symbols_visit visit,
                      void *context)
{
    const struct cai_symbol unknown = {.function = NULL};

    (void)symbols;
    (void)file;
    (void)address;
    visit(&unknown, context);
}

#endif
