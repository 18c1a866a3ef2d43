/* What the rules of the suite share: taking blocks and giving them back with every check that always holds, content by
 * which bytes are known again, and findings. A rule is a function; nothing is out when it begins and when it ends.
 */
#ifndef TESTS_CONFORMANCE_SUITE_H
#define TESTS_CONFORMANCE_SUITE_H

#include <capalloc/conformance.h>

#include <stdbool.h>

enum { FINDINGS_MAX = 32 };

struct suite {
    ca_allocator allocator;
    ca_conformance_options options;
    uint64_t random;
    const char *rule;      /* what take and give blame */
    uint64_t next_content; /* so that no two blocks have the same */
    unsigned findings;
    struct {
        const char *rule;
        const char *sentence;
    } finding[FINDINGS_MAX];
};

enum intention { PLAIN, ZEROED, ROOMY, NOCAPS, MUSTZERO, CONFIDENTIAL, INTENTIONS };

/* A block that is out. */
struct held {
    ca_block block;
    ca_layout layout;
    enum intention intention;
    uint64_t content;
    size_t filled; /* bytes that hold the content */
};

/* Notes a finding, each once. */
void cai_suite_finding(struct suite *suite, const char *rule, const char *sentence);
#define expect(suite, condition, rule, sentence)                                                                       \
    ((condition) ? (void)0 : cai_suite_finding((suite), (rule), (sentence)))

/* Takes a block, checks what every block must be (A2, zero where promised), fills it. False: refused, or unusable. */
bool cai_suite_take(struct suite *suite, struct held *held, ca_layout layout, enum intention intention);

/* The same; that it is refused is a finding. For what every allocator must be able to do. */
bool cai_suite_take_surely(struct suite *suite, struct held *held, ca_layout layout, enum intention intention);

/* Is what came back from grow or shrink a block for this layout? The block that it was is then dead. */
bool cai_suite_take_over(struct suite *suite, struct held *held, ca_block_result result, ca_layout layout, size_t kept);

/* Gives it back, stating this size. */
void cai_suite_give_as(struct suite *suite, struct held *held, size_t size);

/* Checks the content and gives it back. */
void cai_suite_give(struct suite *suite, struct held *held);

/* Fills the whole length with new content, from the first byte or from `from`. */
void cai_suite_fill(struct suite *suite, struct held *held);

/* The first `bytes` bytes hold the content. */
bool cai_suite_is_intact(const struct held *held, size_t bytes);

bool cai_suite_is_zero(const void *from, size_t bytes);

/* An error code that an allocator may give. */
bool cai_suite_is_error(ca_error error);

uint64_t cai_suite_draw_below(struct suite *suite, uint64_t n);

/* The rules. */
void cai_suite_rules_of_allocation(struct suite *suite);
void cai_suite_rules_of_resizing(struct suite *suite);
void cai_suite_rules_of_intentions(struct suite *suite);
void cai_suite_rules_at_random(struct suite *suite);

/* Between rules: reset, and is everything back? */
void cai_suite_settle(struct suite *suite, void (*rule)(struct suite *suite));

#endif
