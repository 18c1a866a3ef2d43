/* See json.h. Called by the reports. */
#include "run/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_object *cai_json_object(const struct member *members, size_t count)
{
    json_object *out = json_object_new_object();

    for (size_t i = 0; out != NULL && i < count; i++)
        json_object_object_add(out, members[i].name, members[i].value);
    return out;
}

json_object *cai_json_address(uint64_t value)
{
    char digits[2 + 16 + 1];

    snprintf(digits, sizeof digits, "0x%" PRIx64, value);
    return json_object_new_string(digits);
}

/* The length of the UTF-8 sequence at bytes, 0 when there is none: iconv and the locales let more pass than Unicode. */
static size_t utf8_length(const unsigned char *bytes)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length; what is below has a shorter form */
    unsigned first = bytes[0];
    size_t length = first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
    uint32_t code = first & (0x7fU >> length);

    if (first < 0x80)
        return 1;
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (bytes[i] & 0x3f);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least[length] || code > 0x10ffff || surrogate ? 0 : length;
}

json_object *cai_json_text(const char *bytes)
{
    char *clean = malloc(strlen(bytes) * 3 + 1); /* U+FFFD takes three bytes */
    char *end = clean;

    if (clean == NULL)
        return NULL;
    while (*bytes != 0) {
        size_t length = utf8_length((const unsigned char *)bytes);
        end = length != 0 ? mempcpy(end, bytes, length) : stpcpy(end, "\xef\xbf\xbd");
        bytes += length != 0 ? length : 1;
    }
    *end = 0;
    json_object *out = json_object_new_string(clean);
    free(clean);
    return out;
}
