/* The C library keeps a table for unwinders that can be read at any time, without a lock, in signal handlers too
 * (glibc 2.35 and later). dl_iterate_phdr takes a lock that dlopen holds while it allocates. */
#include "stack/module.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stddef.h>

#ifdef DLFO_STRUCT_HAS_EH_DBASE
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

bool cai_module_find(struct cai_module *module, uintptr_t address)
{
    struct dl_find_object found;

    if (_dl_find_object == NULL || _dl_find_object((void *)address, &found) != 0)
        return false;
    *module = (struct cai_module){.low = (uintptr_t)found.dlfo_map_start,
                                  .high = (uintptr_t)found.dlfo_map_end,
                                  .index = (uintptr_t)found.dlfo_eh_frame,
                                  .record = (uintptr_t)found.dlfo_link_map};
    return true;
}
#else
bool cai_module_find(struct cai_module *module, uintptr_t address)
{
    (void)module;
    (void)address;
    return false;
}
#endif

/* True: all of it was copied, and each page could be read. */
static bool copy_name(struct cai_reader *reader, uintptr_t from, char *name, size_t room)
{
    struct cai_cursor cursor;

    for (size_t i = 0; i < room; i++) {
        if (!cai_cursor_open(&cursor, reader, from + i, 1))
            return false;
        name[i] = (char)(i + 1 < room ? cai_cursor_number(&cursor, 1) : 0);
        if (name[i] == '\0')
            return true;
    }
    return false;
}

/* The record is the C library's, on its heap. Of a module on the calling thread's stack it stands, but an address may
 * be an old one, or none: another thread may be unloading what lies there, and the record becomes free memory, and
 * anybody's. So each page is asked for before it is read, and the copy believed only if the module is there still. */
bool cai_module_name(const struct cai_module *module, char *name, size_t room, uintptr_t *bias)
{
    struct cai_reader reader;
    struct cai_module again;
    uintptr_t text;

    cai_reader_start(&reader);
    return cai_reader_word(&reader, module->record + offsetof(struct link_map, l_addr), bias) &&
           cai_reader_word(&reader, module->record + offsetof(struct link_map, l_name), &text) &&
           copy_name(&reader, text, name, room) && cai_module_find(&again, module->low) &&
           again.record == module->record && again.low == module->low && again.high == module->high;
}

/* Between the segments of a module there may be holes, so its headers are read, where they lie at its start. Of a
 * module where they do not, the kernel is asked for each page. */
void cai_module_open(const struct cai_module *module, struct cai_reader *reader)
{
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)module->low;
    uintptr_t bias = module->low;

    reader->low = reader->high = 0;
    if (!cai_reader_may(reader, module->low, sizeof *header) || header->e_ident[EI_MAG0] != ELFMAG0 ||
        header->e_ident[EI_MAG1] != ELFMAG1 || header->e_ident[EI_MAG2] != ELFMAG2 ||
        header->e_ident[EI_MAG3] != ELFMAG3 || header->e_phentsize != sizeof(ElfW(Phdr)) ||
        header->e_phoff > reader->page_bytes ||
        header->e_phoff + header->e_phnum * sizeof(ElfW(Phdr)) > reader->page_bytes)
        return;
    const ElfW(Phdr) *segments = (const ElfW(Phdr) *)(module->low + header->e_phoff);
    for (size_t i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD) {
            bias = module->low - (segments[i].p_vaddr & -reader->page_bytes);
            break;
        }
    for (size_t i = 0; i < header->e_phnum; i++) {
        uintptr_t low = bias + segments[i].p_vaddr;
        if (segments[i].p_type == PT_LOAD && (segments[i].p_flags & PF_R) != 0 && module->index >= low &&
            module->index - low < segments[i].p_filesz) {
            reader->low = low;
            reader->high = low + segments[i].p_filesz;
        }
    }
}
