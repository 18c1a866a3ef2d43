/* capcheck: the library's CHERI arithmetic behind standard input and output, one operation a line, so that any other
 * model can be held against it.
 *
 * Every line is answered by exactly one line, a bad one too. Lines are cut out of a large buffer and parsed in place;
 * output is written when its buffer is full, and before waiting for more input, so that a conversation over two pipes
 * works too.
 */
#include "formats.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST_LINE = 512, IN_SIZE = 1 << 16, OUT_SIZE = 1 << 16, LONGEST_ANSWER = 128, MOST_NUMBERS = 3 };

static char out[OUT_SIZE];
static size_t out_used;

static void flush(void)
{
    size_t done = 0;

    while (done < out_used) {
        ssize_t n = write(STDOUT_FILENO, out + done, out_used - done);
        if (n < 0 && errno != EINTR) {
            perror("capcheck: standard output");
            exit(1);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    out_used = 0;
}

static void put(const char *text)
{
    for (; *text != '\0'; text++)
        out[out_used++] = *text;
}

static void put_hex(cai_u128 n)
{
    char digits[34];
    size_t at = sizeof(digits);

    do {
        digits[--at] = "0123456789abcdef"[(unsigned)n & 15];
        n >>= 4;
    } while (n != 0);
    out[out_used++] = '0';
    out[out_used++] = 'x';
    memcpy(out + out_used, digits + at, sizeof(digits) - at);
    out_used += sizeof(digits) - at;
}

static void put_bounds(struct cai_bounds bounds, bool good, uint64_t word)
{
    put_hex(bounds.base);
    put(" ");
    put_hex(bounds.top);
    put(good ? " 1 " : " 0 ");
    put_hex(word);
    put("\n");
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 'a' ^ 'A';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hexadecimal, 0x or not, up to 2^64. Moves *text past it; NULL, or what is wrong. */
static const char *number(const char **text, const char *end, cai_u128 *n)
{
    const char *at = *text;
    const char *first;

    if (end - at > 2 && at[0] == '0' && (at[1] | ('x' ^ 'X')) == 'x')
        at += 2;
    first = at;
    for (*n = 0; at < end && digit(*at) >= 0; at++) {
        *n = *n << 4 | (unsigned)digit(*at);
        if (*n >> 64 > 1 || (*n >> 64 == 1 && (uint64_t)*n != 0))
            return "number above 2^64";
    }
    if (at == first || (at < end && !blank(*at)))
        return "not a hexadecimal number";
    *text = at;
    return NULL;
}

static const char *set_bounds(const struct format *format, uint64_t raw, const cai_u128 *n)
{
    bool exact;
    uint64_t high = format->set_bounds(format->root, (uint64_t)n[0], n[1], &exact);
    struct cai_bounds bounds = format->decode(high, (uint64_t)n[0]);

    /* As CSetBoundsExact would: not beyond the end of the address space. */
    exact = exact && n[0] + n[1] <= (cai_u128)1 << 64 && bounds.base == n[0] && bounds.top == n[0] + n[1];
    put_bounds(bounds, exact, high ^ raw);
    return NULL;
}

static const char *decode(const struct format *format, uint64_t raw, const cai_u128 *n)
{
    uint64_t high = (uint64_t)n[0] ^ raw;

    put_bounds(format->decode(high, (uint64_t)n[1]), format->well_formed(high), (uint64_t)n[0]);
    return NULL;
}

static const char *set_address(const struct format *format, uint64_t raw, const cai_u128 *n)
{
    uint64_t high = (uint64_t)n[0] ^ raw;

    put_bounds(format->decode(high, (uint64_t)n[2]), format->representable(high, (uint64_t)n[1], (uint64_t)n[2]),
               (uint64_t)n[0]);
    return NULL;
}

static const char *representable_length(const struct format *format, uint64_t raw, const cai_u128 *n)
{
    (void)raw;
    put_hex(format->crrl((uint64_t)n[0]));
    put("\n");
    return NULL;
}

static const char *alignment_mask(const struct format *format, uint64_t raw, const cai_u128 *n)
{
    (void)raw;
    put_hex(format->cram((uint64_t)n[0]));
    put("\n");
    return NULL;
}

static const struct operation {
    const char *name;
    size_t numbers;
    size_t wide; /* the one that may be 2^64; none: MOST_NUMBERS */
    const char *(*run)(const struct format *, uint64_t, const cai_u128 *);
} operations[] = {
    {"setbounds", 2, 1, set_bounds},
    {"decode", 2, MOST_NUMBERS, decode},
    {"crrl", 1, MOST_NUMBERS, representable_length},
    {"cram", 1, MOST_NUMBERS, alignment_mask},
    {"setaddr", 3, MOST_NUMBERS, set_address},
};

/* The answer goes to `out`; or the result says what is wrong with the line. */
static const char *answer(const struct format *format, uint64_t raw, const char *at, const char *end)
{
    const struct operation *operation = NULL;
    cai_u128 n[MOST_NUMBERS];
    const char *name;

    while (end > at && (blank(end[-1]) || end[-1] == '\r'))
        end--;
    while (at < end && blank(*at))
        at++;
    if (at == end)
        return "empty line";
    name = at;
    while (at < end && !blank(*at))
        at++;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (strlen(operations[i].name) == (size_t)(at - name) &&
            memcmp(operations[i].name, name, (size_t)(at - name)) == 0)
            operation = &operations[i];
    }
    if (operation == NULL)
        return "unknown operation";
    for (size_t i = 0; i < operation->numbers; i++) {
        const char *wrong;
        while (at < end && blank(*at))
            at++;
        if (at == end)
            return "too few numbers";
        if ((wrong = number(&at, end, &n[i])) != NULL)
            return wrong;
        if (n[i] >> 64 != 0 && i != operation->wide)
            return "number above 2^64 - 1";
    }
    return at == end ? operation->run(format, raw, n) : "too many numbers";
}

/* false: the line was bad, and its answer says so. */
static bool line(const struct format *format, uint64_t raw, const char *at, const char *end)
{
    const char *wrong;

    if (OUT_SIZE - out_used < LONGEST_ANSWER)
        flush();
    wrong = end - at > LONGEST_LINE ? "line too long" : answer(format, raw, at, end);
    if (wrong == NULL)
        return true;
    put("error: ");
    put(wrong);
    put("\n");
    return false;
}

/* The exit status: 0, or 2 after a bad line. */
static int run(const struct format *format, uint64_t raw)
{
    static char in[IN_SIZE];
    size_t used = 0;
    bool cutting = false; /* in a line that was answered already, as too long */
    int status = 0;

    for (;;) {
        char *start = in;
        char *newline;
        ssize_t n;

        flush();
        do
            n = read(STDIN_FILENO, in + used, sizeof(in) - used);
        while (n < 0 && errno == EINTR);
        if (n < 0) {
            perror("capcheck: standard input");
            return 1;
        }
        used += (size_t)n;
        while ((newline = memchr(start, '\n', used - (size_t)(start - in))) != NULL) {
            if (!cutting && !line(format, raw, start, newline))
                status = 2;
            cutting = false;
            start = newline + 1;
        }
        used -= (size_t)(start - in);
        if (n == 0 || used > LONGEST_LINE) {
            /* The last line has no newline, or this one is too long: answered now, the rest of it dropped. */
            if (used > 0 && !cutting && !line(format, raw, start, start + used))
                status = 2;
            cutting = true;
            used = 0;
        }
        if (n == 0)
            break;
        memmove(in, start, used);
    }
    flush();
    return status;
}

static const char help_text[] =
    "Usage: capcheck [--morello] [--raw] < OPERATIONS > ANSWERS\n"
    "\n"
    "Answers one operation a line on CHERI capabilities of 128 bits, so that the library's arithmetic can be compared\n"
    "with any other model. The format is CHERI-RISC-V's, version 9.\n"
    "\n"
    "Operations, all numbers hexadecimal, with or without 0x:\n"
    "  setbounds ADDRESS LENGTH     bounds [ADDRESS, ADDRESS + LENGTH) set on the almighty capability with that\n"
    "                               address; LENGTH up to 10000000000000000\n"
    "                               third column: 1 when the bounds are exactly these\n"
    "  decode PESBT ADDRESS         the bounds of a capability with this high word and address\n"
    "                               third column: 1 when such a high word is well-formed\n"
    "  setaddr PESBT ADDRESS NEW    the same capability with its address replaced\n"
    "                               third column: 1 when its bounds are still those that it had\n"
    "  crrl LENGTH                  the least length not below LENGTH that can be exact; 0 stands for 2^64\n"
    "  cram LENGTH                  the mask that a base must satisfy for that\n"
    "\n"
    "Answers: BASE TOP 0|1 PESBT, the last being the high word; of crrl and cram, one number. A bad line is answered\n"
    "with a line that begins with \"error:\". TOP is at most 2^64 in all that can be derived from the almighty\n"
    "capability. It is up to 2^65 - 1 where setbounds is asked to reach further, and for high words that nothing\n"
    "derives, well-formed ones included, such as decode ffffffffffffffff ffffffffffffffff. setaddr does not look at\n"
    "the type: instructions clear the tag of a sealed capability too.\n"
    "\n"
    "  -m, --morello   the format of Arm's Morello\n"
    "  -r, --raw       high words as the architecture draws them, not xor-ed with NULL's as in memory, in input and\n"
    "                  output; the same thing with --morello\n"
    "  -h, --help      this text\n"
    "\n"
    "Exit status: 0; 1 after wrong options or when reading or writing failed; 2 when a line was bad.\n";

int main(int argc, char **argv)
{
    static const struct option options[] = {{"morello", no_argument, NULL, 'm'},
                                            {"raw", no_argument, NULL, 'r'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const struct format *format = &version_9;
    bool raw = false;
    int option;

    while ((option = getopt_long(argc, argv, "mrh", options, NULL)) != -1) {
        switch (option) {
        case 'm':
            format = &morello;
            break;
        case 'r':
            raw = true;
            break;
        case 'h':
            return fputs(help_text, stdout) < 0 || fflush(stdout) != 0;
        default:
            fputs("Try 'capcheck --help'.\n", stderr);
            return 1;
        }
    }
    if (optind != argc) {
        fprintf(stderr, "capcheck: unexpected argument '%s'; operations come on standard input\n", argv[optind]);
        return 1;
    }
    return run(format, raw ? format->raw : 0);
}
