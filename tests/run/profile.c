/* Writes a profile that is made up, of functions of this program: `profile FILE` writes the form of pprof to FILE and
 * folded stacks, of all three kinds, to standard output.
 */
#include "run/profile.h"

#include <inttypes.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

static struct cai_sites sites;

/* Each returns where its caller goes on. */
__attribute__((noinline)) static uint64_t here(void)
{
    return (uint64_t)(uintptr_t)__builtin_return_address(0);
}

static inline __attribute__((always_inline)) uint64_t merged(void)
{
    return here();
}

__attribute__((noinline)) static uint64_t inner(void)
{
    uint64_t address = merged();

    __asm__ volatile("");
    return address;
}

__attribute__((noinline)) static uint64_t outer(void)
{
    uint64_t address = here();

    __asm__ volatile("" : : "r"(&sites)); /* not the same as the other one */
    return address;
}

static int describe(struct dl_phdr_info *info, size_t size, void *context)
{
    struct cai_site_module *module = context;

    (void)size;
    module->bias = info->dlpi_addr;
    module->low = info->dlpi_addr;
    module->high = info->dlpi_addr + (16 << 20);
    memcpy(module->build_id, "\x12\x34\xab", 3);
    module->build_id_bytes = 3;
    return 1; /* the first is the program */
}

static void add_site(size_t index, uint32_t frames, const uint64_t *frame, const uint16_t *module, uint64_t blocks,
                     uint64_t bytes)
{
    struct cai_site *site = &sites.site[index];

    site->key = 1;
    site->frames = frames;
    for (uint32_t i = 0; i < frames && i < CAI_SITE_FRAMES; i++) {
        site->frame[i] = frame[i];
        site->module[i] = module[i];
    }
    site->live_blocks = blocks * CAI_SITE_BLOCK;
    site->live_bytes = bytes;
    site->peak_blocks = 2 * site->live_blocks;
    site->peak_bytes = 2 * bytes;
    site->all_blocks = 10 * site->live_blocks;
    site->all_bytes = 10 * bytes;
}

int main(int count, char **arguments)
{
    const uint64_t deep[] = {inner(), outer()};
    const uint64_t other[] = {outer(), 0x4242, outer()};
    const uint16_t own[] = {1, 1};
    const uint16_t mixed[] = {1, 0, CAI_SITE_MODULES + 1};
    struct cai_profile profile;

    if (count != 2 || realpath(arguments[0], sites.module[0].path) == NULL)
        return 2;
    dl_iterate_phdr(describe, &sites.module[0]);
    sites.module[0].is_whole = 1;
    sites.modules = 1;
    sites.rate = 512 << 10;
    add_site(5, 2, deep, own, 3, 3000);
    add_site(CAI_SITES_MAX - 1, 3, other, mixed, 1, 4000000);
    add_site(0, 0, NULL, NULL, 7, 77); /* what there was no room for */
    if (!cai_profile_open(&profile, &sites))
        return 3;
    for (enum cai_profile_kind kind = CAI_PROFILE_LIVE; kind <= CAI_PROFILE_ALL; kind++) {
        cai_profile_folded(&profile, kind, stdout);
        puts("");
    }
    FILE *to = fopen(arguments[1], "w");
    bool written = to != NULL && cai_profile_pprof(&profile, UINT64_C(1700000000000000000), to) && fclose(to) == 0;
    cai_profile_close(&profile);
    return written ? 0 : 4;
}
