/* Making objects for programs. Values are json-c's; a NULL becomes null. */
#ifndef CAI_RUN_JSON_H
#define CAI_RUN_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct member {
    const char *name;
    json_object *value;
};

json_object *cai_json_object(const struct member *members, size_t count);

/* Bytes that are not UTF-8 become U+FFFD, so that the text always parses. */
json_object *cai_json_text(const char *bytes);

/* "0x285c56e043f0" */
json_object *cai_json_address(uint64_t value);

/* Short names: the reports are made of little else. OBJECT: what an array of members makes. */
#define OBJECT(members) cai_json_object(members, sizeof(members) / sizeof(members)[0])

static inline json_object *text(const char *bytes)
{
    return cai_json_text(bytes);
}

static inline json_object *address(uint64_t value)
{
    return cai_json_address(value);
}

static inline json_object *number(uint64_t value)
{
    return json_object_new_uint64(value);
}

static inline json_object *flag(bool value)
{
    return json_object_new_boolean(value);
}

#endif
