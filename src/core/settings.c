/* Settings: defaults, the parser of CAPALLOC_OPTIONS, and the sealed page they live in. */
#include "core/settings.h"

#include "base/bits.h"
#include "base/compiler.h"
#include "core/amount.h"
#include "core/chance.h"
#include "core/checks.h"
#include "core/mode.h"
#include "os/mte.h"
#include "os/os.h"
#include "os/sealed.h"

#include <stdlib.h>
#include <string.h>

/* How long free memory is kept by default: longer than the phases of a busy program, short for a person. */
enum { DECAY_MS_DEFAULT = 200 };

/* Of the heap profile: what other profilers of heaps take. */
enum { PROFILE_BYTES_DEFAULT = 512 * 1024 };

/* Of guarded samples, where their pace bounds what they cost. */
enum { GUARD_SAMPLE_DEFAULT = 5000 };

/* Tokens that are part of a function's name are few: at least one for each half. */
enum { TOKENS_FAST_DEFAULT = 2 };

/* In a larger space than this, a token below it is no hash of a type's name but what the compiler says when it does not
 * know the type; in a smaller one, that is 0 alone. */
#define TOKEN_HASH_MIN ((size_t)1 << 32)

static struct {
    struct cai_settings settings;
} CAI_SEALED sealed;

const struct cai_settings *const cai_settings = &sealed.settings;

__attribute__((weak)) bool cai_is_drop_in;

/* A freed block waits until so much of the heap was freed after it, where that is done at all. In the hardened library
 * less: it costs memory, and the faults that bring it in. */
enum { DELAY_PERCENT_DEFAULT = CAI_HARDENS ? 3 : 6, REVOKE_PERCENT_DEFAULT = 12, DELAY_PERCENT_MAX = 1000 };

static bool word_is(const char *word, size_t length, const char *name)
{
    return length == strlen(name) && memcmp(word, name, length) == 0;
}

/* Percent, with their sign or without. The standard library cannot keep it. */
static bool parse_delay(struct cai_settings *settings, const char *text, size_t length)
{
    uint64_t percent = 0;

    length -= length > 1 && text[length - 1] == '%';
    for (size_t i = 0; i < length; i++)
        if (text[i] < '0' || text[i] > '9' || (percent = percent * 10 + (uint64_t)(text[i] - '0')) > DELAY_PERCENT_MAX)
            return false;
    if (percent == 0 || !CAI_QUARANTINES)
        return false;
    settings->delay_percent = (uint32_t)percent;
    return true;
}

static bool parse_word(struct cai_settings *settings, const char *word, size_t length)
{
    const char *equals = memchr(word, '=', length);
    uint64_t value;

    if (equals == NULL) {
        if (word_is(word, length, "helper"))
            settings->helper = true;
        else if (word_is(word, length, "strict"))
            settings->strict = true;
        else if (cai_is_drop_in && word_is(word, length, "audit"))
            settings->audit = true;
        else if (word_is(word, length, "trust-tokens"))
            settings->trust_tokens = true;
        else if (CAI_QUARANTINES && !CAI_HARDENS && word_is(word, length, "revoke"))
            settings->revoke = true;
        else if (CAI_QUARANTINES && !CAI_HARDENS && word_is(word, length, "trace-sweeps"))
            settings->trace_sweeps = true;
        else if (word_is(word, length, "names"))
            settings->names = true;
        else if (word_is(word, length, "pagemap"))
            settings->pagemap = true;
        else if (cai_is_drop_in && word_is(word, length, "visible"))
            settings->visible = true;
        else if (word_is(word, length, "backtrace"))
            settings->backtrace = true;
        else if (cai_is_drop_in && !CAI_HARDENS && word_is(word, length, "profile"))
            settings->profile_bytes = PROFILE_BYTES_DEFAULT;
        else if (word_is(word, length, "guard-sample")) {
            settings->guard_sample = GUARD_SAMPLE_DEFAULT;
            settings->guard_paced = true;
        } else if (cai_is_drop_in && word_is(word, length, "no-deepbind"))
            settings->no_deepbind = true;
        else
            return false;
        return true;
    }
    size_t name_length = (size_t)(equals - word);
    bool is_time = word_is(word, name_length, "decay");
    const char *text = equals + 1;
    size_t text_length = length - name_length - 1;
    if (word_is(word, name_length, "delay"))
        return parse_delay(settings, text, text_length);
    if (word_is(word, name_length, "harden"))
        return CAI_HARDENS && cai_checks_parse(text, text_length, &settings->checks);
    if (!(is_time ? cai_amount_time(text, text_length, &value) : cai_amount_size(text, text_length, &value)))
        return false;
    if (is_time && value <= CAI_DECAY_MS_MAX)
        settings->decay_ms = (uint32_t)value;
    else if (word_is(word, name_length, "limit") && value > 0)
        settings->limit_bytes = value;
    else if (cai_is_drop_in && !CAI_HARDENS && word_is(word, name_length, "profile") && value > 0)
        settings->profile_bytes = value;
    else if (word_is(word, name_length, "guard-sample") && value <= UINT32_MAX) {
        settings->guard_sample = (uint32_t)value;
        settings->guard_paced = false;
    } else if (word_is(word, name_length, "tokens"))
        settings->tokens = value;
    else if (word_is(word, name_length, "mappings") && value > 0)
        settings->mappings_max = (uint32_t)cai_min(value, UINT32_MAX);
    else
        return false;
    return true;
}

void cai_settings_parse(struct cai_settings *settings, const char *text,
                        void (*complain)(const char *word, size_t length))
{
    static const char spaces[] = " \t\n"; /* allowed around a word, for those who write lists so */

    while (*text != '\0') {
        size_t next = strcspn(text, ",");
        size_t before = cai_min(strspn(text, spaces), next);
        size_t length = next;

        while (length > before && strchr(spaces, text[length - 1]) != NULL)
            length--;
        if (length > before && !parse_word(settings, text + before, length - before))
            complain(text + before, length - before);
        text += next;
        text += *text == ',';
    }
    if (settings->trace_sweeps && !settings->revoke) {
        static const char why[] = "trace-sweeps: nothing is swept without revoke";
        settings->trace_sweeps = false;
        complain(why, sizeof why - 1);
    }
}

void cai_settings_derive(struct cai_settings *settings)
{
    size_t space = settings->tokens != 0 ? settings->tokens : SIZE_MAX;

    bool delays = CAI_QUARANTINES && (!CAI_HARDENS || (settings->checks & CAI_CHECK_delay) != 0);

    if (!delays)
        settings->delay_percent = 0;
    else if (settings->delay_percent == 0)
        settings->delay_percent = settings->revoke ? REVOKE_PERCENT_DEFAULT : DELAY_PERCENT_DEFAULT;
    settings->token_half = space / 2;
    settings->token_half_fast = settings->tokens != 0 ? settings->tokens / 2 : TOKENS_FAST_DEFAULT / 2;
    settings->token_trusted = !settings->trust_tokens ? SIZE_MAX : space > TOKEN_HASH_MIN ? TOKEN_HASH_MIN : 1;
}

static void complain_on_stderr(const char *word, size_t length)
{
    static const char before[] = "capalloc: setting ignored, unknown, malformed or of another mode: ";
    char *kept = sealed.settings.ignored;

    if (kept[0] == '\0')
        memcpy(kept, word, cai_min(length, sizeof sealed.settings.ignored - 1));
    cai_os_write_error(before, sizeof before - 1);
    cai_os_write_error(word, cai_min(length, 100));
    cai_os_write_error("\n", 1);
}

/* A check that cannot be is off, and it is said why. */
static void start_tagging(struct cai_settings *settings)
{
    static const uint8_t became[] = {[CAI_MTE_ABSENT] = CAI_TAGGING_ABSENT,
                                     [CAI_MTE_REFUSED] = CAI_TAGGING_REFUSED,
                                     [CAI_MTE_STARTED] = CAI_TAGGING_ON};

    settings->tagging = CAI_TAGGING_OFF;
    if ((settings->checks & CAI_CHECK_mte) == 0)
        return;
    settings->tagging = became[cai_os_mte_start()];
    if (settings->tagging != CAI_TAGGING_ON)
        settings->checks &= ~(uint32_t)CAI_CHECK_mte;
}

CAI_COLD void cai_settings_start(void)
{
    struct cai_settings *settings = &sealed.settings;

    settings->page_bytes = cai_os_page_size();
    settings->limit_bytes = SIZE_MAX;
    settings->decay_ms = DECAY_MS_DEFAULT;
    settings->mappings_max = CAI_OS_MAPPINGS_MAX;
    settings->secret = CAI_HARDENS ? cai_os_random() : 0;
    if (CAI_HARDENS)
        cai_chance_seed(cai_os_random());
    settings->checks = CAI_HARDENS ? CAI_CHECKS_DEFAULT : 0;
    settings->no_deepbind = CAI_HARDENS; /* what the C library hands out is not looked at */
    const char *text = cai_os_is_privileged() ? NULL : getenv(CAI_SETTINGS_ENV);
    if (text != NULL)
        cai_settings_parse(settings, text, complain_on_stderr);
    cai_settings_derive(settings);
    if (CAI_HARDENS)
        start_tagging(settings);
    if (settings->names)
        cai_os_names_start();
}

void cai_settings_seal(void)
{
    cai_sealed_close(&sealed);
}

void cai_settings_reopen(void)
{
    cai_sealed_open(&sealed);
}
