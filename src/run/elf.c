/* Why would a preload not work? Reads the few header bytes that the kernel and the loader decide by. It only looks: a
 * wrong guess costs a wrong sentence on stderr, never a program that is not started. Called by run, before the start.
 */
#include "run/elf.h"

#include "run/message.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { SCRIPT_DEPTH_MAX = 5, SCRIPT_LINE_MAX = 256, PROGRAM_HEADERS_MAX = 128 };

static const char *machine_name(unsigned machine, unsigned class, char *buffer, size_t size)
{
    static const struct {
        unsigned machine;
        const char *name;
    } names[] = {
        {EM_X86_64, "x86-64"}, {EM_386, "i386"},   {EM_AARCH64, "AArch64"}, {EM_ARM, "ARM"},       {EM_RISCV, "RISC-V"},
        {EM_PPC64, "POWER"},   {EM_S390, "IBM Z"}, {EM_MIPS, "MIPS"},       {EM_SPARCV9, "SPARC"},
    };
    const char *bits = class == ELFCLASS32 ? "32-bit " : "";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].machine == machine) {
            snprintf(buffer, size, "%s%s", machine == EM_386 || machine == EM_ARM ? "" : bits, names[i].name);
            return buffer;
        }
    }
    snprintf(buffer, size, "%smachine %u", bits, machine);
    return buffer;
}

__attribute__((format(printf, 3, 4))) static void look_found(struct cai_elf_look *look, enum cai_obstacle obstacle,
                                                             const char *format, ...)
{
    look->obstacle = obstacle;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(look->reason, sizeof look->reason, format, arguments);
    va_end(arguments);
    cai_make_printable(look->reason);
}

/* Reads the #! line's interpreter; false when the file is no such script. */
static bool script_interpreter(const char *head, ssize_t length, char *interpreter, size_t size)
{
    if (length < 3 || head[0] != '#' || head[1] != '!')
        return false;
    const char *at = head + 2 + strspn(head + 2, " \t");
    size_t name = strcspn(at, " \t\n");
    if (name == 0 || name >= size)
        return false;
    memcpy(interpreter, at, name);
    interpreter[name] = 0;
    return true;
}

/* AT_SECURE as the kernel will compute it: identities that differ, or capabilities gained by somebody but root. */
static bool look_privileges(int fd, struct cai_elf_look *look)
{
    struct stat status;
    struct statvfs filesystem;
    if (fstat(fd, &status) != 0)
        return false;
    bool ignored = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
                   (fstatvfs(fd, &filesystem) == 0 && (filesystem.f_flag & ST_NOSUID) != 0);
    if (ignored)
        return false;
    const char *consequence = "so the loader runs in secure mode and ignores LD_PRELOAD";
    if ((status.st_mode & S_ISUID) != 0 && status.st_uid != getuid()) {
        look_found(look, CAI_OBSTACLE_SET_ID, "it is set-user-ID (to user %u), %s", (unsigned)status.st_uid,
                   consequence);
        return true;
    }
    if ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && status.st_gid != getgid()) {
        look_found(look, CAI_OBSTACLE_SET_ID, "it is set-group-ID (to group %u), %s", (unsigned)status.st_gid,
                   consequence);
        return true;
    }
    if (getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0) {
        look_found(look, CAI_OBSTACLE_CAPABILITIES, "it has file capabilities, %s", consequence);
        return true;
    }
    return false;
}

/* Reads PT_INTERP into loader (empty: the program has none). False when the headers cannot be read. */
static bool elf_loader(int fd, const ElfW(Ehdr) * header, char *loader, size_t size)
{
    loader[0] = 0;
    unsigned count = header->e_phnum < PROGRAM_HEADERS_MAX ? header->e_phnum : PROGRAM_HEADERS_MAX;
    for (unsigned i = 0; i < count; i++) {
        ElfW(Phdr) segment;
        off_t at = (off_t)(header->e_phoff + (uint64_t)i * header->e_phentsize);
        if (pread(fd, &segment, sizeof segment, at) != (ssize_t)sizeof segment)
            return false;
        if (segment.p_type == PT_INTERP) {
            size_t length = segment.p_filesz < size - 1 ? segment.p_filesz : size - 1;
            ssize_t got = pread(fd, loader, length, (off_t)segment.p_offset);
            loader[got > 0 ? got : 0] = 0;
            return got > 0;
        }
    }
    return true;
}

static bool elf_header(int fd, ElfW(Ehdr) * header)
{
    return pread(fd, header, sizeof *header, 0) == (ssize_t)sizeof *header &&
           memcmp(header->e_ident, ELFMAG, SELFMAG) == 0;
}

static void look_elf(int fd, const ElfW(Ehdr) * header, const char *library, struct cai_elf_look *look)
{
    ElfW(Ehdr) ours;
    int library_fd = open(library, O_RDONLY | O_CLOEXEC);
    bool known = library_fd >= 0 && elf_header(library_fd, &ours);
    if (library_fd >= 0)
        close(library_fd);
    if (known && (ours.e_machine != header->e_machine || ours.e_ident[EI_CLASS] != header->e_ident[EI_CLASS] ||
                  ours.e_ident[EI_DATA] != header->e_ident[EI_DATA])) {
        char its[48];
        char mine[48];
        look_found(look, CAI_OBSTACLE_MACHINE, "it is a program for %s and the library is for %s",
                   machine_name(header->e_machine, header->e_ident[EI_CLASS], its, sizeof its),
                   machine_name(ours.e_machine, ours.e_ident[EI_CLASS], mine, sizeof mine));
        return;
    }
    char loader[256];
    if (!elf_loader(fd, header, loader, sizeof loader))
        look_found(look, CAI_OBSTACLE_UNKNOWN, "its program headers cannot be read");
    else if (loader[0] == 0)
        look_found(look, CAI_OBSTACLE_STATIC, "it is statically linked, so no loader is there to read LD_PRELOAD");
    else if (strstr(loader, "ld-musl") != NULL || strstr(loader, "/linker64") != NULL)
        look_found(look, CAI_OBSTACLE_LOADER, "its loader is %s and the library needs glibc's", loader);
}

void cai_elf_look(const char *program, const char *library, struct cai_elf_look *look)
{
    memset(look, 0, sizeof *look);
    snprintf(look->file, sizeof look->file, "%s", program);
    for (int depth = 0; depth < SCRIPT_DEPTH_MAX; depth++) {
        int fd = open(look->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0) {
            look_found(look, CAI_OBSTACLE_UNKNOWN, "its file %s cannot be read", look->file);
            return;
        }
        char head[SCRIPT_LINE_MAX + 1] = {0};
        char interpreter[SCRIPT_LINE_MAX];
        ElfW(Ehdr) header;
        ssize_t length = pread(fd, head, SCRIPT_LINE_MAX, 0);
        bool again = false;
        if (script_interpreter(head, length, interpreter, sizeof interpreter)) {
            snprintf(look->file, sizeof look->file, "%s", interpreter);
            again = true;
        } else if (!elf_header(fd, &header)) {
            /* A text file without #! is run by the shell, as every shell and execvp do. */
            again = depth == 0 && length >= 0 && memchr(head, 0, (size_t)length) == NULL;
            if (again) {
                look->shell_text = true;
                snprintf(look->file, sizeof look->file, "/bin/sh");
            } else {
                look_found(look, CAI_OBSTACLE_UNKNOWN, "%s is not an ELF file", look->file);
            }
        } else if (!look_privileges(fd, look)) {
            look_elf(fd, &header, library, look);
        }
        close(fd);
        if (!again)
            return;
    }
    look_found(look, CAI_OBSTACLE_UNKNOWN, "its chain of interpreters is too long");
}

bool cai_obstacle_is_certain(enum cai_obstacle obstacle)
{
    return obstacle != CAI_OBSTACLE_NONE && obstacle != CAI_OBSTACLE_UNKNOWN;
}
