/* Copies of the hardened library: `copies over|fits|freed|refused FUNCTION SIZE OFFSET` makes a block and has FUNCTION
 * write from OFFSET to its end, or one byte further; `copies same` compares all of them with loops.
 */
#include <capalloc/violation.h>

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room);
void *__memmove_chk(void *to, const void *from, size_t bytes, size_t room);
void *__mempcpy_chk(void *to, const void *from, size_t bytes, size_t room);
void *__memset_chk(void *to, int value, size_t bytes, size_t room);
char *__strcpy_chk(char *to, const char *from, size_t room);
char *__stpcpy_chk(char *to, const char *from, size_t room);
char *__strncpy_chk(char *to, const char *from, size_t bytes, size_t room);
char *__stpncpy_chk(char *to, const char *from, size_t bytes, size_t room);
char *__strcat_chk(char *to, const char *from, size_t room);
char *__strncat_chk(char *to, const char *from, size_t most, size_t room);

enum { LONGEST = 4 << 20, FILL = 'x' };
static char text[LONGEST]; /* `FILL`s, and an end */
static size_t room = SIZE_MAX;

/* ROW(name, is a text, what it returns as an offset from `to`, call): writes exactly `n` bytes, 1 at least, at `to`. */
#define TEXT (text + LONGEST - n) /* of n - 1 bytes */
#define FOR_FUNCTIONS(ROW)                                                                                             \
    ROW(memcpy, false, 0, memcpy(to, text, n))                                                                         \
    ROW(memmove, false, 0, memmove(to, text, n))                                                                       \
    ROW(mempcpy, false, n, mempcpy(to, text, n))                                                                       \
    ROW(memset, false, 0, memset(to, FILL, n))                                                                         \
    ROW(strcpy, true, 0, strcpy(to, TEXT))                                                                             \
    ROW(stpcpy, true, n - 1, stpcpy(to, TEXT))                                                                         \
    ROW(strncpy, true, 0, strncpy(to, TEXT, n))                                                                        \
    ROW(stpncpy, true, n - 1, stpncpy(to, TEXT, n))                                                                    \
    ROW(strcat, true, 0, strcat(to, TEXT))                                                                             \
    ROW(strncat, true, 0, strncat(to, text, n - 1))                                                                    \
    ROW(__memcpy_chk, false, 0, __memcpy_chk(to, text, n, room))                                                       \
    ROW(__memmove_chk, false, 0, __memmove_chk(to, text, n, room))                                                     \
    ROW(__mempcpy_chk, false, n, __mempcpy_chk(to, text, n, room))                                                     \
    ROW(__memset_chk, false, 0, __memset_chk(to, FILL, n, room))                                                       \
    ROW(__strcpy_chk, true, 0, __strcpy_chk(to, TEXT, room))                                                           \
    ROW(__stpcpy_chk, true, n - 1, __stpcpy_chk(to, TEXT, room))                                                       \
    ROW(__strncpy_chk, true, 0, __strncpy_chk(to, TEXT, n, room))                                                      \
    ROW(__stpncpy_chk, true, n - 1, __stpncpy_chk(to, TEXT, n, room))                                                  \
    ROW(__strcat_chk, true, 0, __strcat_chk(to, TEXT, room))                                                           \
    ROW(__strncat_chk, true, 0, __strncat_chk(to, text, n - 1, room))

#define DEFINE(name, is_text, result, call)                                                                            \
    static bool call_##name(char *to, size_t n)                                                                        \
    {                                                                                                                  \
        return (char *)(call) == to + (result);                                                                        \
    }
FOR_FUNCTIONS(DEFINE)

static const struct function {
    const char *name;
    bool is_text;
    bool (*call)(char *to, size_t n); /* it returned what it should */
} functions[] = {
#define ENTRY(name, is_text, result, call) {#name, is_text, call_##name},
    FOR_FUNCTIONS(ENTRY)
#undef ENTRY
};

#define CHECK(condition) ((condition) ? (void)0 : (printf("line %d: %s\n", __LINE__, #condition), exit(1)))

/* What is written is right, what lies around stays, and errno is kept: on the heap, in static memory, on the stack. */
static void same(const struct function *function)
{
    static char at_rest[1200];
    char on_stack[1200];
    char *memory[] = {malloc(1200), at_rest, on_stack};

    for (unsigned m = 0; m < 3; m++)
        for (size_t n = 1; n <= 1000; n += n < 130 ? 1 : 97) {
            size_t offset = n % 33;
            char *to = memory[m] + offset;
            for (size_t i = 0; i < 1200; i++)
                memory[m][i] = 'b';
            *to = function->is_text ? '\0' : 'b';
            errno = 77;
            CHECK(function->call(to, n));
            CHECK(errno == 77);
            for (size_t i = 0; i < 1200; i++) {
                bool written = i >= offset && i < offset + n;
                char end = i == offset + n - 1 && function->is_text ? '\0' : FILL;
                CHECK(memory[m][i] == (written ? end : 'b'));
            }
        }
    free(memory[0]);
}

/* Both directions of an overlap, and no bytes at all: neither a freed block nor NULL is looked at. */
static void special(void)
{
    char *block = malloc(300);

    for (int i = 0; i < 300; i++)
        block[i] = (char)i;
    memmove(block + 1, block, 200);
    memmove(block + 90, block + 100, 200);
    for (int i = 0; i < 290; i++)
        CHECK(block[i] == (char)(i >= 90 ? i + 10 - (i + 10 <= 200) : i - (i > 0)));
    CHECK(strncpy(block, "ab", 5) == block && block[1] == 'b' && block[2] == 0 && block[4] == 0);
    CHECK(strcat(block, "cd") == block && strcmp(block, "abcd") == 0);
    CHECK(strncat(block, "efgh", 2) == block && strcmp(block, "abcdef") == 0);
    CHECK(stpncpy(block, "xyz", 2) == block + 2 && strcmp(block, "xycdef") == 0);
    free(block);
    memcpy(block, text, 0);
    memset(block, 0, 0);
    strncpy(block, text, 0);
}

static unsigned reports;

static bool refuse(const ca_violation *violation)
{
    (void)violation;
    reports++;
    errno = 5;
    return true;
}

/* A handler that refuses: nothing was written, errno is kept, and the program goes on. */
static void refused(const struct function *function, size_t size)
{
    ca_violation_handler (*set)(ca_violation_handler);
    char *block = malloc(size);
    size_t usable = malloc_usable_size(block);

    *(void **)&set = dlsym(RTLD_DEFAULT, "ca_set_violation_handler");
    set(refuse);
    for (size_t i = 0; i < usable; i++)
        block[i] = function->is_text ? '\0' : 'b';
    errno = 77;
    function->call(block, usable + 1);
    CHECK(reports == 1 && errno == 77);
    for (size_t i = 0; i < usable; i++)
        CHECK(block[i] == (function->is_text ? '\0' : 'b'));
    function->call(block, usable);
    CHECK(reports == 1);
    free(block);
}

int main(int count, char **words)
{
    size_t size = count > 3 ? strtoul(words[3], NULL, 0) : 100, offset = count > 4 ? strtoul(words[4], NULL, 0) : 0;

    setvbuf(stdout, NULL, _IONBF, 0);
    for (size_t i = 0; i < LONGEST - 1; i++)
        text[i] = FILL;
    if (count == 2)
        special();
    for (unsigned i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (count == 2) /* same */
            same(&functions[i]);
        if (count == 2 || strcmp(words[2], functions[i].name) != 0)
            continue;
        if (strcmp(words[1], "refused") == 0) {
            refused(&functions[i], size);
            continue;
        }
        char *block = calloc(1, size);
        size_t usable = malloc_usable_size(block);
        printf("%zu\n", usable);
        if (strcmp(words[1], "room") == 0)
            room = usable - offset - 1;
        if (strcmp(words[1], "freed") == 0)
            free(block);
        functions[i].call(block + offset, usable - offset + (strcmp(words[1], "over") == 0));
    }
    puts("done");
    return 0;
}
