/* The audit of what was promised to hold no pointers: words that look like some, told one by one without any lock.
 */
#include <capalloc/audit.h>

#include "heaps/heaps.h"

/* Words taken at a time, before what they point to is looked up. */
enum { WORDS = 64 };

static bool tell(ca_audit_handler handler, void *context, const struct cai_word *word, const struct cai_target *target)
{
    ca_audit_finding finding = {
        .struct_size = sizeof finding,
        .block = (const void *)word->block,
        .block_size = word->bytes,
        .offset = word->offset,
        .value = word->value,
        .target = (const void *)target->block,
        .target_size = target->bytes,
        .place = cai_place_name(word->place),
        .target_place = cai_place_name(target->place),
    };

    return handler == NULL || handler(&finding, context);
}

CAI_EXPORT size_t ca_audit_nocaps(ca_audit_handler handler, void *context)
{
    struct cai_words_at at = {0, 0};
    struct cai_word words[WORDS];
    struct cai_target target;
    size_t found = 0;

    if (!cai_life_start())
        return 0;
    for (size_t count; (count = cai_words_next(&at, words, WORDS)) != 0;)
        for (size_t i = 0; i < count; i++) {
            if (!cai_words_target(words[i].value, &target))
                continue;
            found++;
            if (!tell(handler, context, &words[i], &target))
                return found;
        }
    return found;
}
