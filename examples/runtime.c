/* The runtime of a small Lisp, written for a CHERI machine and run on this one. Every value lives where its kind
 * belongs:
 *
 *     cons cells, symbols    ordinary memory: they hold capabilities
 *     text                   nocaps memory: bytes, and never a pointer
 *     keys                   secret memory: bytes that are zero when they go
 *
 * Nothing here knows which model of a capability it is compiled for. With software capabilities it behaves as on
 * CHERI: after the script it shows some mistakes that the machine catches. With pointers nobody would, so it does not
 * make them. Both print the same for the script.
 *
 *     cc runtime.c -lcapalloc            and            cc -DCA_CAP_PLAIN runtime.c -lcapalloc
 */
#include <capalloc/capalloc.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ca_authority heap;

/* --- objects ---
 * A header of one capability's size, then fields of one capability each. Offsets are in these units, so that the layout
 * is right wherever a capability has another size. */
enum { FIELD = CA_CAP_BYTES };
enum kind { CONS, NUMBER, TEXT, SYMBOL, KEY, BUILTIN };
enum { HEADER_KIND = 0, HEADER_NUMBER = 4 }; /* bytes within the header */
enum { FIRST = FIELD, SECOND = 2 * FIELD };  /* car and cdr; of text and symbols: the bytes, and what it is bound to */

/* The last resort of a runtime: a fault in its own accesses is its own mistake. */
static void must(ca_cap_fault fault)
{
    if (fault != CA_CAP_FAULT_NONE) {
        fprintf(stderr, "runtime: fault: %s\n", ca_cap_fault_name(fault));
        exit(1);
    }
}

static ca_cap field(ca_cap object, ptrdiff_t at)
{
    ca_cap value = ca_cap_null();

    must(ca_cap_load_cap(object, at, &value));
    return value;
}

static uint32_t header(ca_cap object, ptrdiff_t at)
{
    uint32_t value = 0;

    must(ca_cap_load_u32(object, at, &value));
    return value;
}

static bool is_nil(ca_cap object)
{
    return !ca_cap_tag_get(object);
}

static bool is(ca_cap object, enum kind kind)
{
    return !is_nil(object) && header(object, HEADER_KIND) == kind;
}

/* All objects, so that they can be given back: a cons list through a field of their own. */
enum { NEXT = 3 * FIELD, OBJECT_BYTES = 4 * FIELD };
static ca_cap all_objects;
static size_t objects, text_bytes, secret_bytes;

static ca_cap object_new(enum kind kind, uint32_t number, ca_cap first, ca_cap second)
{
    ca_cap object = ca_cap_unwrap(ca_cap_allocate_zeroed(heap, (ca_layout){OBJECT_BYTES, FIELD}));

    must(ca_cap_store_u32(object, HEADER_KIND, kind));
    must(ca_cap_store_u32(object, HEADER_NUMBER, number));
    must(ca_cap_store_cap(object, FIRST, first));
    must(ca_cap_store_cap(object, SECOND, second));
    must(ca_cap_store_cap(object, NEXT, all_objects));
    all_objects = object;
    objects++;
    return object;
}

static ca_cap cons(ca_cap first, ca_cap second)
{
    return object_new(CONS, 0, first, second);
}

static ca_cap number_new(uint32_t number)
{
    return object_new(NUMBER, number, ca_cap_null(), ca_cap_null());
}

/* Text is in nocaps memory; what the program gets is an object that leads to it. */
static ca_cap text_new(enum kind kind, const char *bytes, size_t length)
{
    ca_cap text = ca_cap_unwrap(ca_cap_allocate_nocaps(heap, (ca_layout){length, 1}));

    must(ca_cap_store_bytes(text, 0, bytes, length));
    text_bytes += length;
    return object_new(kind, (uint32_t)length, text, ca_cap_null());
}

/* A key is in secret memory, derived from its name for the sake of the example. */
static ca_cap key_new(ca_cap name)
{
    enum { KEY_BYTES = 32 };
    ca_cap key = ca_cap_unwrap(ca_cap_allocate_secret(heap, (ca_layout){KEY_BYTES, 1}));
    uint8_t mix = 17;

    for (unsigned i = 0; i < KEY_BYTES; i++) {
        uint8_t byte = 0;
        must(ca_cap_load_u8(field(name, FIRST), i % header(name, HEADER_NUMBER), &byte));
        mix = (uint8_t)(mix * 31 + byte);
        must(ca_cap_store_u8(key, i, mix));
    }
    secret_bytes += KEY_BYTES;
    return object_new(KEY, KEY_BYTES, key, ca_cap_null());
}

static bool text_is(ca_cap object, const char *bytes, size_t length)
{
    char got[64];

    if (header(object, HEADER_NUMBER) != length || length > sizeof got)
        return false;
    must(ca_cap_load_bytes(field(object, FIRST), 0, got, length));
    return memcmp(got, bytes, length) == 0;
}

/* --- symbols --- */

static ca_cap symbols; /* a list */

static ca_cap intern(const char *name, size_t length)
{
    for (ca_cap list = symbols; !is_nil(list); list = field(list, SECOND))
        if (text_is(field(list, FIRST), name, length))
            return field(list, FIRST);
    ca_cap symbol = text_new(SYMBOL, name, length);
    symbols = cons(symbol, symbols);
    return symbol;
}

/* --- reading --- */

static const char *input;

static void skip_spaces(void)
{
    input += strspn(input, " \n");
}

static ca_cap read_list(void);

static ca_cap read_value(void)
{
    skip_spaces();
    if (*input == '(') {
        input++;
        return read_list();
    }
    if (*input == '"') {
        const char *begin = ++input;
        input += strcspn(input, "\"");
        return text_new(TEXT, begin, (size_t)(input++ - begin));
    }
    size_t length = strcspn(input, " \n()\"");
    const char *begin = input;
    input += length;
    if (begin[0] >= '0' && begin[0] <= '9')
        return number_new((uint32_t)strtoul(begin, NULL, 10));
    return intern(begin, length);
}

static ca_cap read_list(void)
{
    skip_spaces();
    if (*input == ')') {
        input++;
        return ca_cap_null();
    }
    ca_cap first = read_value();
    return cons(first, read_list());
}

/* --- printing --- */

static void print(ca_cap value)
{
    char bytes[256];

    if (is_nil(value)) {
        printf("()");
    } else if (is(value, NUMBER)) {
        printf("%" PRIu32, header(value, HEADER_NUMBER));
    } else if (is(value, TEXT) || is(value, SYMBOL)) {
        size_t length = header(value, HEADER_NUMBER);
        length = length < sizeof bytes ? length : sizeof bytes;
        must(ca_cap_load_bytes(field(value, FIRST), 0, bytes, length));
        printf(is(value, TEXT) ? "\"%.*s\"" : "%.*s", (int)length, bytes);
    } else if (is(value, KEY)) {
        printf("<key>");
    } else if (is(value, BUILTIN)) {
        printf("<builtin>");
    } else {
        printf("(");
        for (; is(value, CONS); value = field(value, SECOND)) {
            print(field(value, FIRST));
            if (!is_nil(field(value, SECOND)))
                printf(" ");
        }
        printf(")");
    }
}

/* --- evaluating --- */

static ca_cap add(ca_cap arguments)
{
    uint32_t sum = 0;

    for (; is(arguments, CONS); arguments = field(arguments, SECOND))
        sum += header(field(arguments, FIRST), HEADER_NUMBER);
    return number_new(sum);
}

static ca_cap multiply(ca_cap arguments)
{
    uint32_t product = 1;

    for (; is(arguments, CONS); arguments = field(arguments, SECOND))
        product *= header(field(arguments, FIRST), HEADER_NUMBER);
    return number_new(product);
}

static ca_cap list(ca_cap arguments)
{
    return arguments;
}

static ca_cap reverse(ca_cap arguments)
{
    ca_cap result = ca_cap_null();

    for (ca_cap rest = field(arguments, FIRST); is(rest, CONS); rest = field(rest, SECOND))
        result = cons(field(rest, FIRST), result);
    return result;
}

/* Grows the text in place or moves it; only who may grow memory can do that. */
static ca_cap append(ca_cap arguments)
{
    ca_cap first = field(arguments, FIRST), second = field(field(arguments, SECOND), FIRST);
    uint32_t length = header(first, HEADER_NUMBER), more = header(second, HEADER_NUMBER);
    char bytes[256];
    ca_cap text = ca_cap_unwrap(ca_cap_grow(heap, field(first, FIRST), (ca_layout){length + more, 1}));

    must(ca_cap_load_bytes(field(second, FIRST), 0, bytes, more));
    must(ca_cap_store_bytes(text, length, bytes, more));
    must(ca_cap_store_cap(first, FIRST, text));
    must(ca_cap_store_u32(first, HEADER_NUMBER, length + more));
    text_bytes += more;
    return first;
}

static ca_cap key(ca_cap arguments)
{
    return key_new(field(arguments, FIRST));
}

/* A number that depends on all of a text and all of a key. */
static ca_cap sign(ca_cap arguments)
{
    ca_cap secret = field(arguments, FIRST), text = field(field(arguments, SECOND), FIRST);
    uint32_t sum = 1;

    for (uint32_t i = 0; i < header(text, HEADER_NUMBER); i++) {
        uint8_t byte = 0, mask = 0;
        must(ca_cap_load_u8(field(text, FIRST), i, &byte));
        must(ca_cap_load_u8(field(secret, FIRST), i % header(secret, HEADER_NUMBER), &mask));
        sum = sum * 131 + (byte ^ mask);
    }
    return number_new(sum);
}

static const struct {
    const char *name;
    ca_cap (*run)(ca_cap arguments);
} builtins[] = {{"+", add},         {"*", multiply}, {"list", list}, {"reverse", reverse},
                {"append", append}, {"key", key},    {"sign", sign}};

static ca_cap evaluate(ca_cap expression)
{
    if (is(expression, SYMBOL))
        return field(expression, SECOND);
    if (!is(expression, CONS))
        return expression;
    ca_cap head = field(expression, FIRST), rest = field(expression, SECOND);
    if (is(head, SYMBOL) && text_is(head, "define", 6)) {
        ca_cap value = evaluate(field(field(rest, SECOND), FIRST));
        must(ca_cap_store_cap(field(rest, FIRST), SECOND, value));
        return field(rest, FIRST);
    }
    ca_cap function = evaluate(head), arguments = ca_cap_null(), last = ca_cap_null();
    for (; is(rest, CONS); rest = field(rest, SECOND)) {
        ca_cap cell = cons(evaluate(field(rest, FIRST)), ca_cap_null());
        if (is_nil(arguments))
            arguments = cell;
        else
            must(ca_cap_store_cap(last, SECOND, cell));
        last = cell;
    }
    return builtins[header(function, HEADER_NUMBER)].run(arguments);
}

/* --- what the machine catches --- */

static void show(const char *what, ca_cap_fault fault)
{
    printf("%-46s %s\n", what, ca_cap_fault_name(fault));
}

static void mistakes(void)
{
    ca_cap text = text_new(TEXT, "four", 4), cell = cons(text, ca_cap_null());
    ca_cap bytes = field(text, FIRST), key;
    uint64_t word;

#if CA_CAP_MODEL == CA_CAP_MODEL_PLAIN
    (void)cell;
    (void)bytes;
    (void)key;
    (void)word;
    (void)show;
    printf("on this machine nobody would catch a mistake\n");
#else
    show("a byte behind the end of a text:", ca_cap_store_u8(bytes, 4, '!'));
    ca_cap longer = ca_cap_unwrap(ca_cap_grow(heap, bytes, (ca_layout){16, 16}));
    must(ca_cap_store_cap(text, FIRST, longer));
    show("an object in a text:", ca_cap_store_cap(longer, 0, cell));
    show("the header of a cell without its capability:", ca_cap_load_u64(ca_cap_tag_clear(cell), 0, &word));
    show("a store through a read-only view:", ca_cap_store_u8(ca_cap_perms_and(longer, CA_CAP_PERM_LOAD), 0, '4'));
    if (ca_cap_sealer(&key) == CA_OK)
        show("a look into what somebody else has sealed:",
             ca_cap_load_u64(ca_cap_seal(cell, ca_cap_address_set(key, 1)), 0, &word));
    must(ca_cap_store_u32(cell, FIRST, 77)); /* allowed: but what lies there is no capability any more */
    ca_cap broken = field(cell, FIRST);
    show("an object after a number was written over it:", ca_cap_load_u64(broken, 0, &word));
    printf("half a text is no block: %s\n", ca_error_string(ca_cap_check(ca_cap_bounds_set(longer, 2))));
#endif
}

/* Everything goes back by its capability alone: the place says that a key must be cleared. */
static void give_everything_back(void)
{
    while (!is_nil(all_objects)) {
        ca_cap object = all_objects;
        all_objects = field(object, NEXT);
        if (is(object, TEXT) || is(object, SYMBOL) || is(object, KEY))
            ca_cap_deallocate(field(object, FIRST));
        ca_cap_deallocate(object);
    }
}

int main(void)
{
    static const char script[] = "(define numbers (list 1 2 3 4))"
                                 "(reverse numbers)"
                                 "(+ 1 2 (* 3 4))"
                                 "(define greeting (append \"capabilities \" \"and text\"))"
                                 "greeting"
                                 "(list greeting numbers (list))"
                                 "(define mine (key \"a name\"))"
                                 "(sign mine greeting)"
                                 "(sign (key \"another name\") greeting)"
                                 "mine";

    heap = ca_default_authority();
    for (unsigned i = 0; i < sizeof builtins / sizeof *builtins; i++)
        must(ca_cap_store_cap(intern(builtins[i].name, strlen(builtins[i].name)), SECOND,
                              object_new(BUILTIN, i, ca_cap_null(), ca_cap_null())));
    for (input = script; skip_spaces(), *input != '\0';) {
        print(evaluate(read_value()));
        printf("\n");
    }
    printf("%zu objects, %zu bytes of text, %zu of keys\n", objects, text_bytes, secret_bytes);
    printf("---\n");
    mistakes();
    give_everything_back();
    return 0;
}
