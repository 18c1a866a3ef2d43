/* See origin.h. */
#include "stack/origin.h"

#include "base/bits.h"
#include "stack/module.h"

#include <elf.h>
#include <link.h>
#include <string.h>

bool cai_origin_look(struct cai_origin *origin, uintptr_t address)
{
    struct cai_module module;

    if (!cai_module_find(&module, address))
        return false;
    origin->low = module.low;
    origin->high = module.high;
    origin->build_id_bytes = 0;
    return cai_module_name(&module, origin->path, sizeof origin->path, &origin->bias);
}

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
            origin->build_id_bytes = cai_min(note->n_descsz, sizeof origin->build_id);
            memcpy(origin->build_id, (const void *)(notes + content), origin->build_id_bytes);
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
