/* See site.h. Sites are taken one after the other, so that few pages are touched, and found by an index of the
 * process's own, which a forked child has as its parent had it. */
#include "heaps/site.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "os/os.h"
#include "stack/origin.h"
#include "stack/stack.h"

#include <string.h>

/* Entries of the index, and those in which one site may stand; frames of the library's own that a stack may begin
 * with. */
enum { INDEX = 16384, PROBES = 64, OWN_FRAMES = 16 };

/* The peak is written down when it has grown by a thirty-second: that costs a look at all sites. */
enum { PEAK_STEP = 32 };

_Static_assert(sizeof((struct cai_site_module *)0)->build_id == CAI_ORIGIN_ID_BYTES, "");

static char program_path[sizeof((struct cai_site_module *)0)->path];
static uintptr_t own_low, own_high; /* the library, where it is one that is loaded: its frames are left out */
static uint16_t index_of[INDEX];    /* atomic: numbers of sites by their keys; 0: none */
static uint32_t is_peaking;         /* atomic */

void cai_site_start(void)
{
    struct cai_origin own;

    cai_os_process_file(program_path, sizeof program_path);
    if (cai_origin_look(&own, (uintptr_t)&own_low) && own.path[0] != '\0') {
        own_low = own.low;
        own_high = own.high;
    }
}

/* --- modules --- */

static void write_module(struct cai_site_module *module, const struct cai_origin *origin)
{
    const char *path = origin->path[0] != '\0' ? origin->path : program_path;

    module->low = origin->low;
    module->high = origin->high;
    module->bias = origin->bias;
    module->build_id_bytes = (uint32_t)origin->build_id_bytes;
    memcpy(module->build_id, origin->build_id, origin->build_id_bytes);
    memcpy(module->path, path, strnlen(path, sizeof module->path - 1));
    cai_store_release(&module->is_whole, 1);
}

/* Another one may lie where one was unloaded. */
static bool is_of(const struct cai_site_module *module, const struct cai_origin *origin)
{
    const char *path = origin->path[0] != '\0' ? origin->path : program_path;

    return cai_load_acquire(&module->is_whole) != 0 && module->low == origin->low && module->high == origin->high &&
           module->bias == origin->bias && strncmp(module->path, path, sizeof module->path - 1) == 0;
}

/* Number and 1; 0: none. */
static uint16_t module_of(struct cai_sites *sites, uintptr_t address)
{
    struct cai_origin origin;

    if (!cai_origin_look(&origin, address))
        return 0;
    uint32_t count = (uint32_t)cai_min(cai_load_relaxed(&sites->modules), CAI_SITE_MODULES);
    for (uint32_t i = 0; i < count; i++)
        if (is_of(&sites->module[i], &origin))
            return (uint16_t)(i + 1);
    if (count == CAI_SITE_MODULES || !cai_origin_find(&origin, address))
        return 0;
    count = cai_add_relaxed(&sites->modules, 1);
    if (count >= CAI_SITE_MODULES)
        return 0;
    write_module(&sites->module[count], &origin);
    return (uint16_t)(count + 1);
}

/* --- sites --- */

static uint64_t key_of(const uintptr_t *frames, size_t count)
{
    uint64_t key = count;

    for (size_t i = 0; i < count; i++) {
        key = (key ^ frames[i]) * UINT64_C(0x9e3779b97f4a7c15);
        key ^= key >> 32;
    }
    return key != 0 ? key : 1;
}

static void write_site(struct cai_sites *sites, struct cai_site *site, uint64_t key, const uintptr_t *frames,
                       size_t count)
{
    site->frames = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        site->frame[i] = frames[i];
        site->module[i] = module_of(sites, frames[i] - 1);
    }
    cai_store_release(&site->key, key);
}

static uint32_t sites_of(const struct cai_sites *sites)
{
    return 1 + (uint32_t)cai_min(cai_load_relaxed(&sites->sites), CAI_SITES_MAX - 1);
}

static uint32_t add(struct cai_sites *sites, uint64_t key, const uintptr_t *frames, size_t count)
{
    uint32_t number = sites_of(sites) < CAI_SITES_MAX ? cai_add_relaxed(&sites->sites, 1) + 1 : CAI_SITES_MAX;

    if (number >= CAI_SITES_MAX)
        return 0;
    write_site(sites, &sites->site[number], key, frames, count);
    return number;
}

/* Two that write the same stack at once may write two sites, which readers add up. */
static uint32_t find(struct cai_sites *sites, const uintptr_t *frames, size_t count)
{
    uint64_t key = key_of(frames, count);
    uint32_t added = 0;

    for (uint32_t i = 0; i < PROBES; i++) {
        uint16_t *entry = &index_of[(key + i) % INDEX];
        uint16_t number = cai_load_acquire(entry);
        if (number == 0) {
            added = added != 0 ? added : add(sites, key, frames, count);
            if (added == 0 || cai_swap_strong_acq_rel(entry, &number, (uint16_t)added))
                return added;
        }
        if (cai_load_acquire(&sites->site[number].key) == key)
            return number;
    }
    return added;
}

uint32_t cai_site_find(struct cai_sites *sites)
{
    uintptr_t frames[CAI_SITE_FRAMES + OWN_FRAMES];
    size_t count = cai_stack_read(frames, CAI_SITE_FRAMES + OWN_FRAMES, 0);
    size_t own = 0;

    while (own < count && frames[own] - own_low < own_high - own_low)
        own++;
    return find(sites, frames + own, cai_min(count - own, CAI_SITE_FRAMES));
}

static void write_peak(struct cai_sites *sites, uint64_t bytes)
{
    uint32_t nobody = 0;

    if (!cai_swap_strong_acq_rel(&is_peaking, &nobody, 1))
        return;
    for (uint32_t i = 0; i < sites_of(sites); i++) {
        struct cai_site *site = &sites->site[i];
        cai_store_relaxed(&site->peak_blocks, cai_load_relaxed(&site->live_blocks));
        cai_store_relaxed(&site->peak_bytes, cai_load_relaxed(&site->live_bytes));
    }
    cai_store_relaxed(&sites->peak_bytes, bytes);
    cai_store_release(&is_peaking, 0);
}

void cai_site_gain(struct cai_sites *sites, uint32_t number, struct cai_weight weight)
{
    struct cai_site *site = &sites->site[number];

    cai_add_relaxed(&site->all_blocks, weight.blocks);
    cai_add_relaxed(&site->all_bytes, weight.bytes);
    cai_add_relaxed(&site->live_blocks, weight.blocks);
    cai_add_relaxed(&site->live_bytes, weight.bytes);
    uint64_t bytes = cai_add_relaxed(&sites->live_bytes, weight.bytes) + weight.bytes;
    uint64_t peak = cai_load_relaxed(&sites->peak_bytes);
    if (bytes > peak + peak / PEAK_STEP)
        write_peak(sites, bytes);
}

void cai_site_lose(struct cai_sites *sites, uint32_t number, struct cai_weight weight)
{
    struct cai_site *site = &sites->site[number];

    cai_sub_relaxed(&site->live_blocks, weight.blocks);
    cai_sub_relaxed(&site->live_bytes, weight.bytes);
    cai_sub_relaxed(&sites->live_bytes, weight.bytes);
}

void cai_site_forget(struct cai_sites *sites, uint32_t number, struct cai_weight weight)
{
    struct cai_site *site = &sites->site[number];

    cai_site_lose(sites, number, weight);
    cai_sub_relaxed(&site->all_blocks, weight.blocks);
    cai_sub_relaxed(&site->all_bytes, weight.bytes);
}

void cai_site_inherit(struct cai_sites *sites, const struct cai_sites *parents)
{
    cai_store_relaxed(&is_peaking, 0);
    sites->rate = parents->rate;
    sites->modules = (uint32_t)cai_min(cai_load_relaxed(&parents->modules), CAI_SITE_MODULES);
    for (uint32_t i = 0; i < sites->modules; i++)
        if (cai_load_acquire(&parents->module[i].is_whole) != 0)
            memcpy(&sites->module[i], &parents->module[i], sizeof sites->module[i]);
    sites->sites = sites_of(parents) - 1;
    for (uint32_t i = 0; i <= sites->sites; i++) {
        const struct cai_site *from = &parents->site[i];
        struct cai_site *site = &sites->site[i];
        uint64_t key = cai_load_acquire(&from->key);
        if (key == 0)
            continue;
        site->frames = from->frames;
        memcpy(site->frame, from->frame, sizeof site->frame);
        memcpy(site->module, from->module, sizeof site->module);
        cai_store_release(&site->key, key);
    }
}
