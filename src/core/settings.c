/* Settings: defaults, the parser of CAPALLOC_OPTIONS, and the sealed page they live in. */
#include "core/settings.h"

#include "base/bits.h"
#include "os/os.h"
#include "os/sealed.h"

#include <stdlib.h>
#include <string.h>

/* How long free memory is kept by default: longer than the phases of a busy program, short for a person. */
enum { DECAY_MS_DEFAULT = 200, DECAY_MS_MAX = 3600 * 1000 };

/* Tokens that are part of a function's name are few: at least one for each half. */
enum { TOKENS_FAST_DEFAULT = 2 };

/* In a larger space than this, a token below it is no hash of a type's name but what the compiler says when it does not
 * know the type; in a smaller one, that is 0 alone. */
#define TOKEN_HASH_MIN ((size_t)1 << 32)

static struct {
    struct cai_settings settings;
} CAI_SEALED sealed;

const struct cai_settings *const cai_settings = &sealed.settings;

static bool word_is(const char *word, size_t length, const char *name)
{
    return length == strlen(name) && memcmp(word, name, length) == 0;
}

/* "123", "64K", "2M", "1G", "1T": false when there is anything else or it does not fit. */
static bool parse_size(const char *text, size_t length, size_t *out)
{
    size_t n = 0;
    size_t i = 0;
    unsigned shift = 0;

    for (; i < length && text[i] >= '0' && text[i] <= '9'; i++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (size_t)(text[i] - '0'), &n))
            return false;
    if (i == 0)
        return false;
    if (i + 1 == length) {
        const char *units = "KMGT";
        const char *unit = strchr(units, text[i] & ~0x20);
        if (unit == NULL || *unit == '\0')
            return false;
        shift = 10 * (unsigned)(unit - units + 1);
        i++;
    }
    if (i != length || n > SIZE_MAX >> shift)
        return false;
    *out = n << shift;
    return true;
}

static bool parse_word(struct cai_settings *settings, const char *word, size_t length)
{
    const char *equals = memchr(word, '=', length);
    size_t value;

    if (equals == NULL) {
        if (word_is(word, length, "helper"))
            settings->helper = true;
        else if (word_is(word, length, "strict"))
            settings->strict = true;
        else if (word_is(word, length, "audit"))
            settings->audit = true;
        else if (word_is(word, length, "trust-tokens"))
            settings->trust_tokens = true;
        else if (word_is(word, length, "names"))
            settings->names = true;
        else if (word_is(word, length, "no-deepbind"))
            settings->no_deepbind = true;
        else
            return false;
        return true;
    }
    size_t name_length = (size_t)(equals - word);
    if (!parse_size(equals + 1, length - name_length - 1, &value))
        return false;
    if (word_is(word, name_length, "limit") && value > 0)
        settings->limit_bytes = value;
    else if (word_is(word, name_length, "decay") && value <= DECAY_MS_MAX)
        settings->decay_ms = (uint32_t)value;
    else if (word_is(word, name_length, "tokens"))
        settings->tokens = value;
    else
        return false;
    return true;
}

void cai_settings_parse(struct cai_settings *settings, const char *text,
                        void (*complain)(const char *word, size_t length))
{
    while (*text != '\0') {
        size_t length = strcspn(text, ",");

        if (length > 0 && !parse_word(settings, text, length))
            complain(text, length);
        text += length;
        text += *text == ',';
    }
}

void cai_settings_derive(struct cai_settings *settings)
{
    size_t space = settings->tokens != 0 ? settings->tokens : SIZE_MAX;

    settings->token_half = space / 2;
    settings->token_half_fast = settings->tokens != 0 ? settings->tokens / 2 : TOKENS_FAST_DEFAULT / 2;
    settings->token_trusted = !settings->trust_tokens ? SIZE_MAX : space > TOKEN_HASH_MIN ? TOKEN_HASH_MIN : 1;
}

static void complain_on_stderr(const char *word, size_t length)
{
    static const char before[] = "capalloc: setting ignored, unknown or malformed: ";

    cai_os_write_error(before, sizeof before - 1);
    cai_os_write_error(word, cai_min(length, 100));
    cai_os_write_error("\n", 1);
}

void cai_settings_start(void)
{
    struct cai_settings *settings = &sealed.settings;

    settings->page_bytes = cai_os_page_size();
    settings->limit_bytes = SIZE_MAX;
    settings->decay_ms = DECAY_MS_DEFAULT;
    const char *text = cai_os_is_privileged() ? NULL : getenv(CAI_SETTINGS_ENV);
    if (text != NULL)
        cai_settings_parse(settings, text, complain_on_stderr);
    cai_settings_derive(settings);
    if (settings->names)
        cai_os_names_start();
    cai_sealed_close(&sealed);
}

void cai_settings_reopen(void)
{
    cai_sealed_open(&sealed);
}
