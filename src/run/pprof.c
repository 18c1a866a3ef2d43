/* The form that pprof reads (its profile.proto): a protocol buffer is numbers in groups of seven bits and texts with
 * their length, so it is written by hand. Texts are not shared between the entries; gzip sees to that.
 */
#include "run/profile.h"

#include <stdlib.h>
#include <string.h>

#ifdef CAI_HAVE_ZLIB
#include <zlib.h>
#endif

/* Numbers of fields, by message. */
enum {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING = 6,
    PROFILE_TIME = 9,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_DEFAULT_TYPE = 14,
};
enum { TYPE_TYPE = 1, TYPE_UNIT = 2 };
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2 };
enum { MAPPING_ID = 1, MAPPING_START = 2, MAPPING_LIMIT = 3, MAPPING_FILE = 5, MAPPING_BUILD_ID = 6, MAPPING_HAS = 7 };
enum { LOCATION_ID = 1, LOCATION_MAPPING = 2, LOCATION_ADDRESS = 3, LOCATION_LINE = 4 };
enum { LINE_FUNCTION = 1, LINE_LINE = 2 };
enum { FUNCTION_ID = 1, FUNCTION_NAME = 2, FUNCTION_SYSTEM_NAME = 3, FUNCTION_FILE = 4 };

enum { WIRE_NUMBER = 0, WIRE_BYTES = 2 };

struct message {
    unsigned char *bytes;
    size_t length, room;
    bool failed;
};

static void put(struct message *message, const void *bytes, size_t length)
{
    if (message->failed || length == 0)
        return;
    if (length > message->room - message->length) {
        size_t room = 2 * message->room + length + 256;
        unsigned char *grown = realloc(message->bytes, room);
        if (grown == NULL) {
            message->failed = true;
            return;
        }
        message->bytes = grown;
        message->room = room;
    }
    memcpy(message->bytes + message->length, bytes, length);
    message->length += length;
}

static void put_varint(struct message *message, uint64_t value)
{
    do {
        unsigned char byte = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        put(message, &byte, 1);
    } while ((value >>= 7) != 0);
}

static void put_number(struct message *message, unsigned field, uint64_t value)
{
    put_varint(message, field << 3 | WIRE_NUMBER);
    put_varint(message, value);
}

/* Signed in the form: what does not fit is the most that does. */
static void put_signed(struct message *message, unsigned field, uint64_t value)
{
    put_number(message, field, value < INT64_MAX ? value : INT64_MAX);
}

static void put_bytes(struct message *message, unsigned field, const void *bytes, size_t length)
{
    put_varint(message, field << 3 | WIRE_BYTES);
    put_varint(message, length);
    put(message, bytes, length);
}

/* A message in another; it is empty afterwards. */
static void put_message(struct message *message, unsigned field, struct message *inner)
{
    message->failed |= inner->failed;
    put_bytes(message, field, inner->bytes, inner->length);
    inner->length = 0;
}

struct writer {
    const struct cai_profile *profile;
    struct message whole, part, piece;
    uint64_t strings; /* that were put so far */
};

/* The number of the text, which is put right away: entries of the table may stand anywhere. */
static uint64_t string(struct writer *writer, const char *text)
{
    put_bytes(&writer->whole, PROFILE_STRING, text, strlen(text));
    return writer->strings++;
}

static void put_type(struct writer *writer, unsigned field, const char *type, const char *unit)
{
    put_number(&writer->part, TYPE_TYPE, string(writer, type));
    put_number(&writer->part, TYPE_UNIT, string(writer, unit));
    put_message(&writer->whole, field, &writer->part);
}

static void put_mappings(struct writer *writer)
{
    static const char digits[] = "0123456789abcdef";
    const struct cai_sites *sites = writer->profile->sites;

    for (uint32_t i = 0; i < CAI_SITE_MODULES; i++) {
        const struct cai_site_module *module = &sites->module[i];
        char path[sizeof module->path + 1] = "";
        char build_id[2 * sizeof module->build_id + 1] = "";
        if (module->is_whole == 0)
            continue;
        memcpy(path, module->path, sizeof module->path);
        for (size_t at = 0; at < module->build_id_bytes && at < sizeof module->build_id; at++) {
            build_id[2 * at] = digits[module->build_id[at] >> 4];
            build_id[2 * at + 1] = digits[module->build_id[at] & 15];
        }
        put_number(&writer->part, MAPPING_ID, i + 1);
        put_number(&writer->part, MAPPING_START, module->low);
        put_number(&writer->part, MAPPING_LIMIT, module->high);
        put_number(&writer->part, MAPPING_FILE, string(writer, path));
        put_number(&writer->part, MAPPING_BUILD_ID, string(writer, build_id));
        for (unsigned has = 0; has < 4; has++) /* functions, files, lines, inlined frames: nobody else need look */
            put_number(&writer->part, MAPPING_HAS + has, 1);
        put_message(&writer->whole, PROFILE_MAPPING, &writer->part);
    }
}

/* Functions are numbered as their calls are, from 1 on, and locations likewise. */
static void put_locations(struct writer *writer)
{
    const struct cai_profile *profile = writer->profile;

    for (size_t i = 0; i < profile->locations; i++) {
        const struct cai_location *location = &profile->location[i];
        put_number(&writer->part, LOCATION_ID, i + 1);
        if (location->module != 0 && profile->sites->module[location->module - 1].is_whole != 0)
            put_number(&writer->part, LOCATION_MAPPING, location->module);
        put_number(&writer->part, LOCATION_ADDRESS, location->address - 1);
        for (size_t call = location->first; call < location->first + location->count; call++) {
            if (profile->calls.call[call].function == NULL)
                continue;
            put_number(&writer->piece, LINE_FUNCTION, call + 1);
            put_number(&writer->piece, LINE_LINE, (uint64_t)profile->calls.call[call].line);
            put_message(&writer->part, LOCATION_LINE, &writer->piece);
        }
        put_message(&writer->whole, PROFILE_LOCATION, &writer->part);
    }
    for (size_t i = 0; i < profile->calls.count; i++) {
        const struct cai_call *call = &profile->calls.call[i];
        if (call->function == NULL)
            continue;
        uint64_t name = string(writer, call->function);
        put_number(&writer->part, FUNCTION_ID, i + 1);
        put_number(&writer->part, FUNCTION_NAME, name);
        put_number(&writer->part, FUNCTION_SYSTEM_NAME, name);
        put_number(&writer->part, FUNCTION_FILE, string(writer, call->file != NULL ? call->file : ""));
        put_message(&writer->whole, PROFILE_FUNCTION, &writer->part);
    }
}

/* What is known of sites that have no frames, as pprof shows no sample without a location. */
static void put_other(struct writer *writer)
{
    uint64_t function = writer->profile->calls.count + 1;
    uint64_t name = string(writer, CAI_PROFILE_OTHER);

    put_number(&writer->part, FUNCTION_ID, function);
    put_number(&writer->part, FUNCTION_NAME, name);
    put_number(&writer->part, FUNCTION_SYSTEM_NAME, name);
    put_message(&writer->whole, PROFILE_FUNCTION, &writer->part);
    put_number(&writer->part, LOCATION_ID, writer->profile->locations + 1);
    put_number(&writer->piece, LINE_FUNCTION, function);
    put_message(&writer->part, LOCATION_LINE, &writer->piece);
    put_message(&writer->whole, PROFILE_LOCATION, &writer->part);
}

static void put_samples(struct writer *writer)
{
    const struct cai_profile *profile = writer->profile;

    for (size_t i = 0; i < CAI_SITES_MAX; i++) {
        const struct cai_site *site = &profile->sites->site[i];
        if (site->key == 0 || site->all_blocks == 0)
            continue;
        if (cai_profile_frames(site) == 0)
            put_number(&writer->part, SAMPLE_LOCATION, profile->locations + 1);
        for (uint32_t frame = 0; frame < cai_profile_frames(site); frame++)
            put_number(&writer->part, SAMPLE_LOCATION,
                       (uint64_t)(cai_profile_location(profile, site, frame) - profile->location) + 1);
        for (unsigned kind = CAI_PROFILE_ALL + 1; kind-- > 0;) { /* in the order of the types: all, peak, live */
            put_signed(&writer->part, SAMPLE_VALUE, cai_profile_blocks(site, kind));
            put_signed(&writer->part, SAMPLE_VALUE, cai_profile_bytes(site, kind));
        }
        put_message(&writer->whole, PROFILE_SAMPLE, &writer->part);
    }
}

/* Compressed where that was built in; pprof reads the other as well. */
static bool write_out(const struct message *message, FILE *to)
{
#ifdef CAI_HAVE_ZLIB
    unsigned char out[16384];
    z_stream stream = {.next_in = message->bytes, .avail_in = (unsigned)message->length};
    const int window_of_gzip = 15 + 16;
    int state = Z_OK;

    if (message->length > UINT32_MAX ||
        deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_of_gzip, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    while (state == Z_OK) {
        stream.next_out = out;
        stream.avail_out = sizeof out;
        state = deflate(&stream, Z_FINISH);
        fwrite(out, 1, sizeof out - stream.avail_out, to);
    }
    deflateEnd(&stream);
    return state == Z_STREAM_END && ferror(to) == 0;
#else
    return fwrite(message->bytes, 1, message->length, to) == message->length;
#endif
}

bool cai_profile_pprof(const struct cai_profile *profile, uint64_t ns, FILE *to)
{
    struct writer writer = {.profile = profile};

    string(&writer, ""); /* the first has to be */
    put_type(&writer, PROFILE_SAMPLE_TYPE, "alloc_objects", "count");
    put_type(&writer, PROFILE_SAMPLE_TYPE, "alloc_space", "bytes");
    put_type(&writer, PROFILE_SAMPLE_TYPE, "peak_objects", "count");
    put_type(&writer, PROFILE_SAMPLE_TYPE, "peak_space", "bytes");
    put_type(&writer, PROFILE_SAMPLE_TYPE, "inuse_objects", "count");
    put_type(&writer, PROFILE_SAMPLE_TYPE, "inuse_space", "bytes");
    put_type(&writer, PROFILE_PERIOD_TYPE, "space", "bytes");
    put_signed(&writer.whole, PROFILE_PERIOD, profile->sites->rate);
    put_signed(&writer.whole, PROFILE_TIME, ns);
    put_number(&writer.whole, PROFILE_DEFAULT_TYPE, string(&writer, "inuse_space"));
    put_samples(&writer);
    put_mappings(&writer);
    put_locations(&writer);
    put_other(&writer);
    bool made = !writer.whole.failed && write_out(&writer.whole, to);
    free(writer.whole.bytes);
    free(writer.part.bytes);
    free(writer.piece.bytes);
    return made;
}
