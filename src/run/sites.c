/* See sites.h. Whatever stands in the table, another process could have written: it is copied once, and what is read of
 * the copy is checked in profile.c. Called by run and watch. */
#include "run/sites.h"

#include "run/live.h"
#include "run/message.h"
#include "run/profile.h"
#include "run/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Rows for people, and functions in each. */
enum { ROWS_MAX = 8, PEAK_ROWS_MAX = 3, FUNCTIONS_MAX = 6 };

static uint64_t since_1970(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* --- rows for people --- */

struct row {
    const struct cai_site *site;
    uint64_t bytes;
};

static int by_bytes(const void *left, const void *right)
{
    uint64_t a = ((const struct row *)left)->bytes;
    uint64_t b = ((const struct row *)right)->bytes;

    return (a < b) - (a > b);
}

/* The innermost functions, each called by the next. */
static void print_calls(FILE *to, const struct cai_profile *profile, const struct cai_site *site)
{
    unsigned printed = 0;

    for (uint32_t frame = 0; frame < cai_profile_frames(site); frame++) {
        const struct cai_location *location = cai_profile_location(profile, site, frame);
        for (size_t i = 0; i < location->count && printed < FUNCTIONS_MAX; i++) {
            const struct cai_call *call = &profile->calls.call[location->first + i];
            const char *slash = call->module != NULL ? strrchr(call->module, '/') : NULL;
            fputs(printed++ != 0 ? " < " : "  ", to);
            if (call->function != NULL)
                fprintf(to, "%.60s", call->function);
            else
                fprintf(to, "%s+0x%llx", slash != NULL ? slash + 1 : "", (unsigned long long)call->offset);
        }
    }
    fputs(printed == 0 ? "  other\n" : "\n", to);
}

/* Those that hold most, and how many there are beyond. */
static void print_rows(FILE *to, const struct cai_profile *profile, enum cai_profile_kind kind, size_t most)
{
    struct row *rows = malloc(CAI_SITES_MAX * sizeof *rows);
    size_t count = 0;

    for (size_t i = 0; rows != NULL && i < CAI_SITES_MAX; i++) {
        const struct cai_site *site = &profile->sites->site[i];
        uint64_t bytes = cai_profile_bytes(site, kind);
        if (site->key != 0 && bytes != 0)
            rows[count++] = (struct row){site, bytes};
    }
    if (count != 0)
        qsort(rows, count, sizeof *rows, by_bytes);
    for (size_t i = 0; i < count && i < most; i++) {
        fprintf(to, "  %10s", cai_size_text(rows[i].bytes).text);
        print_calls(to, profile, rows[i].site);
    }
    if (count > most)
        fprintf(to, "  and %s more that hold less\n", cai_count_text(count - most).text);
    free(rows);
}

/* --- files --- */

static bool write_one(const struct cai_profile *profile, const char *prefix, int pid, const char *kind)
{
    char name[4096];
    int length = snprintf(name, sizeof name, "%s.%d.%s", prefix, pid, kind);
    FILE *file = length < (int)sizeof name ? fopen(name, "we") : NULL;
    bool written = file != NULL;

    if (written && strcmp(kind, "pb.gz") == 0)
        written = cai_profile_pprof(profile, since_1970(), file);
    else if (written)
        cai_profile_folded(profile,
                           kind[0] == 'l'   ? CAI_PROFILE_LIVE
                           : kind[0] == 'p' ? CAI_PROFILE_PEAK
                                            : CAI_PROFILE_ALL,
                           file);
    written = written && ferror(file) == 0;
    if (file != NULL && fclose(file) != 0)
        written = false;
    if (!written)
        cai_say("cannot-write", "%s: %s", name, errno != 0 ? strerror(errno) : "out of memory");
    return written;
}

bool cai_sites_can_write(const char *prefix)
{
    const char *slash = strrchr(prefix, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(prefix, slash == prefix ? 1 : (size_t)(slash - prefix));
    bool can = folder != NULL && access(folder, W_OK | X_OK) == 0;
    int error = errno;

    free(folder);
    errno = error;
    return can;
}

/* False: not all could be written, which was said. */
static bool write_all(const struct cai_profile *profile, const char *prefix, const struct cai_channel *page)
{
    static const char *const kinds[] = {"pb.gz", "live.folded", "peak.folded", "all.folded"};
    bool written = true;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && written; i++) {
        errno = 0;
        written = write_one(profile, prefix, page->pid, kinds[i]);
    }
    return written;
}

static void say(const struct cai_profile *profile, const char *prefix, const struct cai_channel *page)
{
    const struct cai_sites *sites = profile->sites;
    uint64_t count = 0;

    for (size_t i = 0; i < CAI_SITES_MAX; i++)
        count += sites->site[i].live_bytes != 0;
    cai_say("profile", "%s (pid %d): at the end %s from %s site%s, at most %s; %s.%d.pb.gz and .*.folded",
            page->program, page->pid, cai_size_text(sites->live_bytes).text, cai_count_text(count).text,
            cai_plural(count), cai_size_text(sites->peak_bytes).text, prefix, page->pid);
    print_rows(stderr, profile, CAI_PROFILE_PEAK, PEAK_ROWS_MAX);
    if (sites->lost != 0)
        cai_say("profile", "%s (pid %d): %s samples are missing, there was no room for their records", page->program,
                page->pid, cai_count_text(sites->lost).text);
}

/* The process that held most at its peak. */
static uint32_t largest(const struct cai_channel_host *host, uint32_t count, struct cai_sites *sites)
{
    uint64_t most = 0;
    uint32_t largest = 0;

    for (uint32_t i = 0; i < count; i++)
        if (cai_channel_sites(host, i, sites) && sites->peak_bytes > most) {
            most = sites->peak_bytes;
            largest = i;
        }
    return largest;
}

void cai_sites_write(const struct cai_channel_host *host, const char *prefix)
{
    struct cai_sites *sites = malloc(sizeof *sites);
    static struct cai_channel page;
    struct cai_profile profile;
    uint32_t missed;
    uint32_t count = cai_channel_count(host, &missed);
    uint32_t told = sites != NULL ? largest(host, count, sites) : 0;
    uint64_t others = 0;
    bool written = true, any = false;

    for (uint32_t i = 0; sites != NULL && written && i < count; i++) {
        cai_channel_snapshot(host, i, &page);
        if (!cai_channel_sites(host, i, sites) || sites->peak_bytes == 0)
            continue;
        any = true;
        written = cai_profile_open(&profile, sites) && write_all(&profile, prefix, &page);
        if (written && i == told)
            say(&profile, prefix, &page);
        cai_profile_close(&profile);
        others += written && i != told;
    }
    if (!any)
        cai_say("profile", "no block was sampled; --profile=SIZE with a smaller SIZE samples more");
    if (others != 0)
        cai_say("profile", "%s more process%s: %s.PID.pb.gz and .*.folded", cai_count_text(others).text,
                others == 1 ? "" : "es", prefix);
    if (missed != 0)
        cai_say("profile", "%s more processes have none: there was no room for their sites",
                cai_count_text(missed).text);
    free(sites);
}

static void print_sites(FILE *to, const struct cai_profile *profile)
{
    const struct cai_sites *sites = profile->sites;

    fprintf(to, "\n  sites, estimated from %s samples: %s live, at most %s\n", cai_count_text(sites->samples).text,
            cai_size_text(sites->live_bytes).text,
            cai_size_text(sites->live_bytes > sites->peak_bytes ? sites->live_bytes : sites->peak_bytes).text);
    print_rows(to, profile, CAI_PROFILE_LIVE, ROWS_MAX);
}

void cai_sites_text(FILE *to, pid_t pid)
{
    struct cai_sites *sites = malloc(sizeof *sites);
    struct cai_profile profile;

    if (sites != NULL && cai_live_sites(pid, sites)) {
        if (cai_profile_open(&profile, sites))
            print_sites(to, &profile);
        cai_profile_close(&profile);
    }
    free(sites);
}
