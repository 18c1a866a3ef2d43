/* The report is built in a buffer on the stack and written by one write(2): async-signal-safe, not torn by other
 * threads. */
#include "core/violation.h"

#include "base/atomic.h"
#include "base/compiler.h"
#include "base/probe.h"
#include "core/callers.h"
#include "core/settings.h"
#include "os/os.h"

#include <stdlib.h>
#include <string.h>

static ca_violation_handler handler; /* atomic */
static uint64_t count;               /* atomic */
static bool is_last;                 /* atomic */
/* atomic */
static bool (*watch)(const ca_violation *violation, bool last, const char *calls);

struct line {
    char text[512];
    size_t length;
};

static void add(struct line *line, const char *text)
{
    size_t length = strlen(text);

    if (length > sizeof line->text - 1 - line->length)
        length = sizeof line->text - 1 - line->length;
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

static void add_hexadecimal(struct line *line, uintptr_t n)
{
    char digits[2 + 16 + 1];
    char *start = digits + sizeof digits - 1;

    *start = '\0';
    do
        *--start = "0123456789abcdef"[n & 15];
    while ((n >>= 4) != 0);
    *--start = 'x';
    *--start = '0';
    add(line, start);
}

static void add_decimal(struct line *line, size_t n)
{
    char digits[20 + 1];
    char *start = digits + sizeof digits - 1;

    *start = '\0';
    do
        *--start = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    add(line, start);
}

static const char *code_of(ca_violation_kind kind)
{
    switch (kind) {
    case CA_VIOLATION_DOUBLE_FREE:
        return "double-free";
    case CA_VIOLATION_INVALID_FREE:
        return "invalid-free";
    case CA_VIOLATION_WRONG_DEALLOCATOR:
        return "wrong-deallocator";
    case CA_VIOLATION_SIZE_MISMATCH:
        return "size-mismatch";
    case CA_VIOLATION_MISMATCHED_DELETE:
        return "mismatched-delete";
    case CA_VIOLATION_UNWRAP_ERROR:
        return "unwrap-error";
    case CA_VIOLATION_ARENA_ORDER:
        return "arena-order";
    case CA_VIOLATION_NOT_WIPED:
        return "not-wiped";
    case CA_VIOLATION_STALE:
        return "stale";
    case CA_VIOLATION_DENIED:
        return "denied";
    case CA_VIOLATION_USE_AFTER_FREE_WRITE:
        return "use-after-free-write";
    case CA_VIOLATION_OVERFLOW:
        return "overflow";
    case CA_VIOLATION_UNDERFLOW:
        return "underflow";
    case CA_VIOLATION_USE_AFTER_FREE:
        return "use-after-free";
    default:
        return "unknown";
    }
}

/* The process's name in one printable word or more, never more than a part of the line. */
static void add_name(struct line *line, const char *name)
{
    char text[33];
    size_t length = 0;

    for (; length < sizeof text - 1 && name[length] != '\0'; length++)
        text[length] = name[length] >= ' ' && name[length] != 0x7f ? name[length] : '?';
    text[length] = '\0';
    add(line, text);
}

/* capalloc: CODE: FUNCTION(ADDRESS): stated STATED, found FOUND[ of N bytes], place PLACE, pid PID (PROGRAM) */
static void write_report(const ca_violation *violation)
{
    struct line line = {.length = 0};

    add(&line, "capalloc: ");
    add(&line, violation->code);
    add(&line, ": ");
    add(&line, violation->function);
    add(&line, "(");
    add_hexadecimal(&line, (uintptr_t)violation->address);
    add(&line, "): stated ");
    add(&line, violation->stated);
    add(&line, ", found ");
    add(&line, violation->found);
    if (violation->size != 0) {
        add(&line, " of ");
        add_decimal(&line, violation->size);
        add(&line, " bytes");
    }
    add(&line, ", place ");
    add(&line, violation->place);
    add(&line, ", pid ");
    add_decimal(&line, (size_t)cai_os_process_number());
    add(&line, " (");
    add_name(&line, cai_os_process_name());
    add(&line, ")");
    line.text[line.length++] = '\n';
    cai_os_write_error(line.text, line.length);
}

static bool tell(const ca_violation *violation, bool last, const char *calls)
{
    bool (*seen)(const ca_violation *, bool, const char *) = cai_load_acquire(&watch);

    return seen != NULL && seen(violation, last, calls);
}

/* Behind the line, which is out whatever becomes of this. A frame of its own: the text takes much of a small stack. */
CAI_COLD static void tell_with_calls(const ca_violation *violation, size_t (*write_calls)(char *text))
{
    char calls[CAI_CALLERS_BYTES];
    size_t length = write_calls(calls);

    if (!tell(violation, true, calls))
        cai_os_write_error(calls, length);
}

CAI_COLD void cai_violation_report(ca_violation violation)
{
    if (cai_settings->backtrace)
        cai_violation_report_with(violation, cai_callers_write);
    else
        cai_violation_report_with(violation, NULL);
}

CAI_COLD void cai_violation_report_with(ca_violation violation, size_t (*write_calls)(char text[CAI_CALLERS_BYTES]))
{
    ca_violation_handler decide = cai_load_acquire(&handler);

    violation.struct_size = sizeof violation;
    violation.code = code_of(violation.kind);
    cai_add_relaxed(&count, 1);
    CAI_PROBE(violation, (uintptr_t)violation.code, (uintptr_t)violation.address, violation.size);
    bool refuse = decide != NULL && decide(&violation);
    if (refuse) {
        tell(&violation, false, "");
        return;
    }
    cai_store_relaxed(&is_last, true);
    write_report(&violation);
    if (write_calls != NULL)
        tell_with_calls(&violation, write_calls);
    else
        tell(&violation, true, "");
    abort();
}

void cai_violation_watch(bool (*seen)(const ca_violation *violation, bool last, const char *calls))
{
    cai_store_release(&watch, seen);
}

bool cai_violation_is_last(void)
{
    return cai_load_relaxed(&is_last);
}

uint64_t cai_violation_count(void)
{
    return cai_load_relaxed(&count);
}

CAI_EXPORT ca_violation_handler ca_set_violation_handler(ca_violation_handler new_handler)
{
    return cai_exchange_acq_rel(&handler, new_handler);
}
