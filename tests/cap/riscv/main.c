/* The bare-metal program that runs the cases of tests/cap/cases.c with capability instructions and prints a line for
 * each on the serial port of a `virt` board. Freestanding: no C library. The first line is FIRST, the last tells how
 * many cases there were; then the board powers off, with a status of its own without CHERI or after a trap.
 */
#include "cap/cap.h"
#include "cap/cases.h"
#include "cap/lines.h"

#define FIRST "capalloc: cases on CHERI-RISC-V"

enum { UART = 0x10000000, UART_STATUS = 5, UART_READY = 0x20, FINISHER = 0x100000, PASS = 0x5555, FAIL = 0x3333 };
enum { STATUS_TRAPPED = 1, STATUS_NO_CHERI = 2 };

void image_main(void);
void image_trapped(uint64_t cause, uint64_t pc, uint64_t value);
void *memset(void *to, int byte, size_t count);
void *memcpy(void *restrict to, const void *restrict from, size_t count);

/* The compiler may call these two. */
void *memset(void *to, int byte, size_t count)
{
    for (volatile unsigned char *at = to; count > 0; count--)
        *at++ = (unsigned char)byte;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    volatile unsigned char *at = to;

    for (const unsigned char *source = from; count > 0; count--)
        *at++ = *source++;
    return to;
}

static void put(char c)
{
    volatile unsigned char *uart = (volatile unsigned char *)UART; /* NOLINT: a device */

    while ((uart[UART_STATUS] & UART_READY) == 0)
        continue;
    *uart = (unsigned char)c;
}

static void put_line(const char *text)
{
    for (; *text != '\0'; text++)
        put(*text);
    put('\n');
}

__attribute__((noreturn)) static void finish(unsigned status)
{
    *(volatile uint32_t *)FINISHER = status == 0 ? PASS : status << 16 | FAIL;
    for (;;)
        continue;
}

/* A trap that no operation asked for. */
void image_trapped(uint64_t cause, uint64_t pc, uint64_t value)
{
    say_begin("trap");
    say_number("cause", cause);
    say_number("pc", pc);
    say_number("value", value);
    put_line(say_end());
    finish(STATUS_TRAPPED);
}

/* Where capability instructions exist, looking at the tag of NULL does not trap. */
static bool has_cheri(void)
{
    uint64_t tag;
    uint64_t cause;

    RISCV_BLOCK(RISCV_ARM RISCV_2(RISCV_tag_get, "t1", "x0") "mv %0, t1\n\tmv %1, t2\n\t", "=&r"(tag), "=&r"(cause) :);
    return riscv_cause(cause) == CA_CAP_FAULT_NONE && tag == 0;
}

void image_main(void)
{
    unsigned count;

    put_line(FIRST);
    if (!has_cheri()) {
        put_line("no CHERI: this processor does not know capability instructions");
        finish(STATUS_NO_CHERI);
    }
    count = cap_cases_run(put_line);
    say_begin("end");
    say_number("cases", count);
    put_line(say_end());
    finish(0);
}
