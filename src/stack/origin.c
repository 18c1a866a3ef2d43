/* See origin.h. The same table as module.c asks. */
#include "stack/origin.h"

#include "base/bits.h"
#include "stack/reader.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#ifdef DLFO_STRUCT_HAS_EH_DBASE
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

bool cai_origin_look(struct cai_origin *origin, uintptr_t address)
{
    struct dl_find_object found;

    if (_dl_find_object == NULL || _dl_find_object((void *)address, &found) != 0 || found.dlfo_link_map == NULL)
        return false;
    const char *path = found.dlfo_link_map->l_name;
    *origin = (struct cai_origin){.low = (uintptr_t)found.dlfo_map_start,
                                  .high = (uintptr_t)found.dlfo_map_end,
                                  .bias = (uintptr_t)found.dlfo_link_map->l_addr,
                                  .path = path != NULL ? path : ""};
    return true;
}
#else
bool cai_origin_look(struct cai_origin *origin, uintptr_t address)
{
    (void)origin;
    (void)address;
    return false;
}
#endif

/* The build-id among the notes of one segment. */
static void find_in_notes(struct cai_origin *origin, uintptr_t notes, size_t bytes)
{
    for (size_t at = 0; at + sizeof(ElfW(Nhdr)) <= bytes;) {
        const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)(notes + at);
        size_t name = at + sizeof *note;
        size_t content = name + cai_round_up((size_t)note->n_namesz, 4);
        size_t end = content + cai_round_up((size_t)note->n_descsz, 4);
        if (end < content || content < name || end > bytes)
            return;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof ELF_NOTE_GNU &&
            memcmp((const void *)(notes + name), ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0) {
            origin->build_id = (const uint8_t *)(notes + content);
            origin->build_id_bytes = note->n_descsz;
            return;
        }
        at = end;
    }
}

bool cai_origin_find(struct cai_origin *origin, uintptr_t address)
{
    struct cai_reader reader;

    if (!cai_origin_look(origin, address))
        return false;
    cai_reader_start(&reader);
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)origin->low;
    if (!cai_reader_may(&reader, origin->low, sizeof *header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phentsize != sizeof(ElfW(Phdr)) ||
        !cai_reader_may(&reader, origin->low + header->e_phoff, header->e_phnum * sizeof(ElfW(Phdr))))
        return true;
    const ElfW(Phdr) *segments = (const ElfW(Phdr) *)(origin->low + header->e_phoff);
    for (size_t i = 0; i < header->e_phnum && origin->build_id_bytes == 0; i++) {
        uintptr_t at = origin->bias + segments[i].p_vaddr;
        if (segments[i].p_type == PT_NOTE && cai_reader_may(&reader, at, segments[i].p_memsz))
            find_in_notes(origin, at, segments[i].p_memsz);
    }
    return true;
}
