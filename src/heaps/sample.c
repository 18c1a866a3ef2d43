/* See sample.h. The records are a table of open addressing in the metadata: which sampled block, its site, and what it
 * stands for. Its size is fixed, and only what is used takes memory. */
#include "heaps/sample.h"

#include "blocks/exact.h"
#include "core/chance.h"
#include "core/settings.h"
#include "heaps/registry.h"
#include "heaps/site.h"
#include "heaps/stray.h"
#include "os/os.h"
#include "os/process.h"
#include "pages/meta.h"

/* At the default rate enough for 16 GiB. The first lie in the first pages of the table, so that a process with few
 * samples touches no others: a record stands in one of so many places of the first part, else of the next. Of blocks
 * that were given back the last are remembered, each in the one place that its address has. */
enum { FEW = 256, SOME = 2048, RECORDS = 32768, PROBES_FEW = 8, PROBES_SOME = 16, PROBES = 48, GONE = 4096 };

/* Instead of an address. */
enum { BUSY = 1 };

struct record {
    uint64_t address; /* atomic, stored with release when the rest stands here; 0: free */
    uint64_t site;
    struct cai_weight weight;
};

struct gone {
    uint64_t address; /* atomic, stored with release when the rest stands here; BUSY: it is being written */
    struct cai_sampled sampled;
};

uint64_t cai_sample_rate;

static struct record *records;
static struct gone *gone;      /* there when the records are */
static struct cai_sites *kept; /* atomic: where the sites are; NULL: nowhere */

/* --- a sample is due --- */

bool cai_sample_count(struct cai_bin *bin, uint32_t *left, uint64_t passed, uint64_t rate, uint64_t bytes)
{
    if (*left == 0) { /* from this allocation on */
        *left = cai_chance_blocks(rate, bytes);
        passed = 1;
    }
    bool due = passed >= *left;
    *left = due ? cai_chance_blocks(rate, bytes) : (uint32_t)(*left - passed);
    if (bin->countdown > 0 && (uint32_t)bin->countdown >= *left)
        bin->countdown = bin->period = (int32_t)(*left - 1);
    return due;
}

bool cai_sample_is_due(struct cai_heap *heap, enum cai_place place, unsigned size_class, uint64_t passed)
{
    return cai_sample_count(&heap->bins[place][size_class], &heap->sample_blocks[place][size_class], passed,
                            cai_load_relaxed(&cai_sample_rate), cai_class_bytes(size_class));
}

bool cai_sample_is_due_large(struct cai_heap *heap, uint64_t bytes)
{
    uint64_t rate = cai_load_relaxed(&cai_sample_rate);
    uint64_t *left = &heap->sample_bytes;

    if (*left == 0)
        *left = cai_chance_bytes(rate);
    bool due = bytes >= *left;
    *left = due ? cai_chance_bytes(rate) : *left - bytes;
    return due;
}

/* --- records --- */

static uint64_t hash_of(uint64_t address)
{
    return (address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 40;
}

static struct record *record_at(uint64_t address, uint32_t probe)
{
    uint64_t place = hash_of(address) + probe;

    if (probe < PROBES_FEW)
        return &records[place % FEW];
    if (probe < PROBES_SOME)
        return &records[FEW + place % (SOME - FEW)];
    return &records[SOME + place % (RECORDS - SOME)];
}

static struct record *record_new(uint64_t address)
{
    for (uint32_t i = 0; i < PROBES; i++) {
        struct record *record = record_at(address, i);
        uint64_t nobody = 0;
        if (cai_load_relaxed(&record->address) == 0 && cai_swap_strong_acq_rel(&record->address, &nobody, BUSY))
            return record;
    }
    return NULL;
}

/* The record of a block that is the caller's to change; NULL: it has none. */
static struct record *record_of(uint64_t address)
{
    for (uint32_t i = 0; i < PROBES && records != NULL && address > BUSY; i++) {
        struct record *record = record_at(address, i);
        if (cai_load_acquire(&record->address) == address)
            return record;
    }
    return NULL;
}

static void end(uint64_t address, void (*lose)(struct cai_sites *, uint32_t, struct cai_weight))
{
    struct cai_sites *sites = cai_load_acquire(&kept);
    struct record *record = record_of(address);

    if (record == NULL)
        return;
    if (sites != NULL)
        lose(sites, (uint32_t)record->site, record->weight);
    cai_store_release(&record->address, 0);
}

/* --- what was given back --- */

/* A place that somebody else is writing at this moment is left alone. */
static void remember(uint64_t address)
{
    const struct record *record = record_of(address);
    struct cai_sites *sites = cai_load_acquire(&kept);

    if (record == NULL || sites == NULL)
        return;
    struct gone *at = &gone[hash_of(address) % GONE];
    uint64_t before = cai_load_relaxed(&at->address);
    if (before == BUSY || !cai_swap_strong_acq_rel(&at->address, &before, BUSY))
        return;
    at->sampled.allocated_at = (uint32_t)record->site;
    at->sampled.freed_at = cai_settings->backtrace ? cai_site_find(sites) : 0;
    cai_store_release(&at->address, address);
}

struct cai_sampled cai_sample_find(uint64_t address)
{
    const struct record *record = record_of(address);

    if (record != NULL)
        return (struct cai_sampled){.allocated_at = (uint32_t)record->site};
    if (gone != NULL && address > BUSY && cai_load_acquire(&gone[hash_of(address) % GONE].address) == address)
        return gone[hash_of(address) % GONE].sampled;
    return (struct cai_sampled){0};
}

/* --- the life of a sampled block --- */

static struct cai_weight weight_of(uint64_t bytes)
{
    double chance = cai_chance_of(cai_load_relaxed(&cai_sample_rate), bytes);

    return (struct cai_weight){.blocks = (uint64_t)((double)CAI_SITE_BLOCK / chance + 0.5),
                               .bytes = (uint64_t)((double)bytes / chance + 0.5)};
}

/* False: there is no room for a record. */
static bool begin(uint64_t address, uint64_t bytes)
{
    cai_process_notice(); /* what the parent has is the parent's */
    struct cai_sites *sites = cai_load_acquire(&kept);
    struct record *record = sites != NULL ? record_new(address) : NULL;

    if (record == NULL) {
        if (sites != NULL)
            cai_add_relaxed(&sites->lost, 1);
        return false;
    }
    record->site = cai_site_find(sites);
    record->weight = weight_of(bytes);
    cai_site_gain(sites, (uint32_t)record->site, record->weight);
    cai_add_relaxed(&sites->samples, 1);
    cai_store_release(&record->address, address);
    return true;
}

void cai_sample_begin(enum cai_place place, void *address)
{
    struct cai_live live = cai_find_live(place, address);

    if (live.state != NULL && begin((uint64_t)address, cai_usable_bytes(live)))
        cai_store_release(live.state, CAI_STATE_SAMPLED);
}

void cai_sample_look_at_large(struct cai_heap *heap, enum cai_place place, void *block)
{
    struct cai_live live = cai_find_live(place, block);

    if (block != NULL && live.state != NULL && cai_sample_is_due_large(heap, cai_usable_bytes(live)))
        cai_sample_begin(place, block);
}

static uint8_t without_record(struct cai_live live)
{
    return live.size_class != 0 ? live.size_class : CAI_STATE_LARGE;
}

bool cai_sample_end(struct cai_live *live)
{
    uint8_t byte = CAI_STATE_SAMPLED;

    if (live->byte == CAI_STATE_CLAIMED) {
        const struct cai_claim *claim = cai_claim_record(); /* what it was when it was found */
        if (claim != NULL && cai_claim_state(claim) == live->state && cai_claim_byte(claim) != CAI_STATE_SAMPLED)
            return true;
        remember(cai_live_address(*live));
        end(cai_live_address(*live), cai_site_lose);
        return true;
    }
    if (live->byte != CAI_STATE_SAMPLED)
        return true;
    if (!cai_swap_strong_acq_rel(live->state, &byte, without_record(*live)))
        return false;
    live->byte = without_record(*live);
    remember(cai_live_address(*live));
    end(cai_live_address(*live), cai_site_lose);
    return true;
}

void cai_sample_drop(struct cai_live *live)
{
    if (live->byte != CAI_STATE_SAMPLED)
        return;
    live->byte = without_record(*live);
    end(cai_live_address(*live), cai_site_lose);
}

void cai_sample_restore(struct cai_live live)
{
    if (live.byte == CAI_STATE_SAMPLED)
        begin(cai_live_address(live), cai_usable_bytes(live));
}

void cai_sample_redraw(struct cai_live *live)
{
    struct cai_thread *thread = cai_self;

    if (!cai_sample_is_on() || !cai_thread_has_heap(thread) || live->byte != CAI_STATE_LARGE)
        return;
    uint64_t bytes = cai_usable_bytes(*live);
    if (cai_sample_is_due_large(&thread->owner.heap, bytes) && begin(cai_live_address(*live), bytes))
        live->byte = CAI_STATE_SAMPLED;
}

void cai_sample_set_exact(struct cai_live *live, size_t bytes)
{
    if (live->byte == CAI_STATE_SAMPLED && live->size_class == 1) {
        if (bytes == cai_class_bytes(1))
            return;
        live->byte = without_record(*live);
        end(cai_live_address(*live), cai_site_forget);
    }
    cai_exact_set(*live, bytes);
}

void cai_sample_end_heap(const struct cai_heap *heap)
{
    if (records == NULL)
        return;
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint64_t address = cai_load_acquire(&records[i].address);
        if (address > BUSY && cai_find_owner(cai_place_of((void *)address), (void *)address) == heap->id)
            end(address, cai_site_lose);
    }
}

/* --- start and fork --- */

/* The next allocation of each of its bins looks whether it is due. */
static void begin_anew(struct cai_heap *heap)
{
    for (unsigned place = 0; place < CAI_PLACES; place++)
        for (unsigned size_class = 1; size_class < CAI_CLASSES; size_class++) {
            struct cai_bin *bin = &heap->bins[place][size_class];
            if (bin->countdown > 0) {
                bin->period -= bin->countdown;
                bin->countdown = 0;
            }
        }
}

bool cai_sample_start(struct cai_sites *sites, uint64_t rate)
{
    gone = cai_meta_allocate(GONE * sizeof *gone);
    records = gone != NULL ? cai_meta_allocate(RECORDS * sizeof *records) : NULL;
    if (records == NULL)
        return false;
    cai_site_start();
    cai_chance_seed(cai_os_random());
    sites->rate = rate;
    sites->site[0].key = 1;
    cai_store_release(&kept, sites);
    cai_store_release(&cai_sample_rate, rate);
    if (cai_thread_has_heap(cai_self))
        begin_anew(cai_self_heap());
    return true;
}

/* A record that another thread was about to make or to end, and whose block does not say so: of a thread that is not
 * there. */
static bool is_in_order(const struct record *record)
{
    struct cai_live live = record->address > BUSY
                               ? cai_find_live(cai_place_of((void *)record->address), (void *)record->address)
                               : (struct cai_live){.state = NULL};

    return live.state != NULL && live.byte == CAI_STATE_SAMPLED;
}

void cai_sample_child(struct cai_sites *sites)
{
    const struct cai_sites *parents = cai_load_relaxed(&kept);

    if (records == NULL || parents == NULL)
        return;
    if (sites != NULL)
        cai_site_inherit(sites, parents);
    cai_store_release(&kept, sites);
    cai_chance_seed(cai_os_random());
    for (uint32_t i = 0; i < RECORDS; i++)
        if (!is_in_order(&records[i]))
            records[i].address = 0;
        else if (sites != NULL)
            cai_site_gain(sites, (uint32_t)records[i].site, records[i].weight);
    if (sites == NULL)
        cai_store_relaxed(&cai_sample_rate, 0);
}
