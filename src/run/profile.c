/* See profile.h. Called by those that write profiles, in whatever form. */
#include "run/profile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

uint32_t cai_profile_frames(const struct cai_site *site)
{
    return site->key == 0 ? 0 : site->frames < CAI_SITE_FRAMES ? site->frames : CAI_SITE_FRAMES;
}

static uint32_t module_of(const struct cai_site *site, uint32_t frame)
{
    return site->module[frame] <= CAI_SITE_MODULES ? site->module[frame] : 0;
}

static int compare(const void *left, const void *right)
{
    const struct cai_location *a = left;
    const struct cai_location *b = right;

    return a->address != b->address ? (a->address < b->address ? -1 : 1)
                                    : (a->module > b->module) - (a->module < b->module);
}

const struct cai_location *cai_profile_location(const struct cai_profile *profile, const struct cai_site *site,
                                                uint32_t frame)
{
    const struct cai_location wanted = {.address = site->frame[frame], .module = module_of(site, frame)};

    return bsearch(&wanted, profile->location, profile->locations, sizeof wanted, compare);
}

/* One of each, sorted. */
static bool collect(struct cai_profile *profile)
{
    size_t total = 0;
    size_t kept = 0;

    for (size_t i = 0; i < CAI_SITES_MAX; i++)
        total += cai_profile_frames(&profile->sites->site[i]);
    struct cai_location *all = calloc(total + 1, sizeof *all);
    if (all == NULL)
        return false;
    total = 0;
    for (size_t i = 0; i < CAI_SITES_MAX; i++) {
        const struct cai_site *site = &profile->sites->site[i];
        for (uint32_t frame = 0; frame < cai_profile_frames(site); frame++)
            all[total++] = (struct cai_location){.address = site->frame[frame], .module = module_of(site, frame)};
    }
    qsort(all, total, sizeof *all, compare);
    for (size_t i = 0; i < total; i++)
        if (kept == 0 || compare(&all[i], &all[kept - 1]) != 0)
            all[kept++] = all[i];
    profile->location = all;
    profile->locations = kept;
    return true;
}

static void add(const struct cai_sites *sites, struct cai_symbols *symbols, uint64_t address, uint32_t number,
                struct cai_calls *calls)
{
    char path[sizeof sites->module[0].path + 1] = "";
    uint64_t bias = 0;

    if (number != 0) {
        const struct cai_site_module *module = &sites->module[number - 1];
        memcpy(path, module->path, sizeof module->path);
        bias = module->bias;
    }
    cai_calls_add(calls, symbols, path[0] != 0 ? path : NULL, address - bias);
}

void cai_profile_site(const struct cai_sites *sites, uint32_t number, struct cai_calls *calls)
{
    const struct cai_site *site = &sites->site[number < CAI_SITES_MAX ? number : 0];
    struct cai_symbols *symbols = cai_symbols_open();

    for (uint32_t frame = 0; frame < cai_profile_frames(site); frame++)
        add(sites, symbols, site->frame[frame], module_of(site, frame), calls);
    cai_symbols_free(symbols);
}

bool cai_profile_open(struct cai_profile *profile, const struct cai_sites *sites)
{
    *profile = (struct cai_profile){.sites = sites};
    if (!collect(profile))
        return false;
    struct cai_symbols *symbols = cai_symbols_open();
    for (size_t i = 0; i < profile->locations; i++) {
        struct cai_location *location = &profile->location[i];
        location->first = profile->calls.count;
        add(sites, symbols, location->address, location->module, &profile->calls);
        location->count = (uint32_t)(profile->calls.count - location->first);
    }
    cai_symbols_free(symbols);
    return true;
}

void cai_profile_close(struct cai_profile *profile)
{
    free(profile->location);
    cai_calls_free(&profile->calls);
}

uint64_t cai_profile_bytes(const struct cai_site *site, enum cai_profile_kind kind)
{
    return kind == CAI_PROFILE_LIVE ? site->live_bytes : kind == CAI_PROFILE_PEAK ? site->peak_bytes : site->all_bytes;
}

uint64_t cai_profile_blocks(const struct cai_site *site, enum cai_profile_kind kind)
{
    uint64_t parts = kind == CAI_PROFILE_LIVE   ? site->live_blocks
                     : kind == CAI_PROFILE_PEAK ? site->peak_blocks
                                                : site->all_blocks;

    return parts / CAI_SITE_BLOCK + (parts % CAI_SITE_BLOCK >= CAI_SITE_BLOCK / 2);
}

char *cai_profile_name(const struct cai_call *call)
{
    const char *slash = call->module != NULL ? strrchr(call->module, '/') : NULL;
    const char *module = slash != NULL ? slash + 1 : call->module;
    char *name = NULL;

    if (call->function != NULL)
        return strdup(call->function);
    if (asprintf(&name, module != NULL ? "%s+0x%" PRIx64 : "%s0x%" PRIx64, module != NULL ? module : "", call->offset) <
        0)
        return NULL;
    return name;
}

/* What separates functions must not be in it. */
static void print_name(FILE *to, const struct cai_call *call)
{
    char *name = cai_profile_name(call);

    for (const char *letter = name != NULL ? name : "?"; *letter != 0; letter++)
        fputc(*letter == ';' ? ':' : *letter, to);
    free(name);
}

void cai_profile_names(const struct cai_profile *profile, const struct cai_site *site, FILE *to)
{
    const char *separator = "";

    for (uint32_t frame = cai_profile_frames(site); frame-- > 0;) {
        const struct cai_location *location = cai_profile_location(profile, site, frame);
        for (size_t call = location->count; call-- > 0; separator = ";") {
            fputs(separator, to);
            print_name(to, &profile->calls.call[location->first + call]);
        }
    }
    if (separator[0] == 0)
        fputs(CAI_PROFILE_OTHER, to);
}

void cai_profile_folded(const struct cai_profile *profile, enum cai_profile_kind kind, FILE *to)
{
    for (size_t i = 0; i < CAI_SITES_MAX; i++) {
        const struct cai_site *site = &profile->sites->site[i];
        uint64_t bytes = cai_profile_bytes(site, kind);
        if (site->key == 0 || bytes == 0)
            continue;
        cai_profile_names(profile, site, to);
        fprintf(to, " %" PRIu64 "\n", bytes);
    }
}
