/* See symbols.h. The program was linked at address 0 and moved: what it calls 0 is what the loader says. */
#include "symbols.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern const char __executable_start[];
extern const char etext[];

struct symbol {
    uintptr_t address;
    size_t length;
    const char *name;
};

static struct symbol *symbols;
static size_t count;
static uintptr_t moved_by;

static int by_address(const void *a, const void *b)
{
    uintptr_t first = ((const struct symbol *)a)->address;
    uintptr_t second = ((const struct symbol *)b)->address;

    return (first > second) - (first < second);
}

static int note_first_object(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    moved_by = info->dlpi_addr;
    return 1;
}

static void read_table(const char *file, const Elf64_Shdr *table, const Elf64_Shdr *sections)
{
    const Elf64_Sym *all = (const Elf64_Sym *)(file + table->sh_offset);
    const char *names = file + sections[table->sh_link].sh_offset;
    size_t entries = table->sh_size / sizeof *all;

    symbols = calloc(entries, sizeof *symbols);
    if (symbols == NULL)
        return;
    for (size_t i = 0; i < entries; i++)
        if (ELF64_ST_TYPE(all[i].st_info) == STT_FUNC && all[i].st_value != 0)
            symbols[count++] = (struct symbol){all[i].st_value + moved_by, all[i].st_size, names + all[i].st_name};
    qsort(symbols, count, sizeof *symbols, by_address);
}

void symbols_read(void)
{
    struct stat stat;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    dl_iterate_phdr(note_first_object, NULL);
    if (fd >= 0 && fstat(fd, &stat) == 0) {
        const char *file = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        const Elf64_Ehdr *header = (const Elf64_Ehdr *)file;
        const Elf64_Shdr *sections = (const Elf64_Shdr *)(file + header->e_shoff);
        for (unsigned i = 0; i < header->e_shnum; i++)
            if (sections[i].sh_type == SHT_SYMTAB)
                read_table(file, &sections[i], sections);
        close(fd);
    }
    if (count == 0) {
        fprintf(stderr, "stop: this program has no table of symbols\n");
        exit(2);
    }
}

uintptr_t symbols_start(void)
{
    return (uintptr_t)__executable_start;
}

size_t symbols_length(void)
{
    return (size_t)(etext - __executable_start);
}

bool symbols_are_ours(uintptr_t address)
{
    return address - symbols_start() < symbols_length();
}

static const struct symbol *find(uintptr_t address)
{
    size_t low = 0;

    for (size_t high = count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (symbols[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low != 0 ? &symbols[low - 1] : NULL;
}

const char *symbols_name(uintptr_t address, size_t *offset)
{
    Dl_info info;

    if (symbols_are_ours(address)) {
        const struct symbol *symbol = find(address);
        if (symbol != NULL && address - symbol->address < symbol->length) {
            *offset = address - symbol->address;
            return symbol->name;
        }
        *offset = address - symbols_start();
        return "the program";
    }
    if (dladdr((void *)address, &info) == 0) {
        *offset = address;
        return "nowhere";
    }
    if (info.dli_sname == NULL) {
        const char *slash = strrchr(info.dli_fname, '/');
        *offset = address - (uintptr_t)info.dli_fbase;
        return slash != NULL ? slash + 1 : info.dli_fname;
    }
    *offset = address - (uintptr_t)info.dli_saddr;
    return info.dli_sname;
}

uintptr_t symbols_address(const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(symbols[i].name, name) == 0)
            return symbols[i].address;
    return 0;
}

void symbols_lines(uintptr_t address, char *text, size_t length)
{
    char command[256];
    size_t got = 0;

    text[0] = '\0';
    if (!symbols_are_ours(address))
        return;
    snprintf(command, sizeof command, "addr2line -sfip -e /proc/%d/exe 0x%zx 2>/dev/null", getpid(),
             (size_t)(address - moved_by));
    sigset_t ticks;
    sigemptyset(&ticks);
    sigaddset(&ticks, SIGALRM);
    sigprocmask(SIG_BLOCK, &ticks, NULL);
    FILE *answer = popen(command, "r"); /* NOLINT(cert-env33-c): nothing in it comes from outside */
    for (int next; answer != NULL && (next = fgetc(answer)) != EOF && got + 1 < length;)
        if (next != '\n')
            text[got++] = (char)next;
    text[got] = '\0';
    if (answer != NULL)
        pclose(answer);
    sigprocmask(SIG_UNBLOCK, &ticks, NULL);
}
