/* steps SIZE: prints the instructions that malloc(SIZE) and the free of its block really execute, once the caches of
 * the thread are warm, sixteen times over. Each call is a line "malloc" or "free" and a line "OFFSET BYTES" for every
 * instruction: where it lies in the library that serves the call, and 15 bytes from there on, in hexadecimal.
 *
 * The processor's own single step (the trap flag) tells; the handler sees where the program is. x86-64. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

enum { LONGEST = 4096, TIMES = 16, WARM = 100, INSTRUCTION = 15 };

static struct {
    uintptr_t from, back; /* the first instruction of the call, and where it returns to */
    bool is_over;
    size_t count;
    uintptr_t at[LONGEST];
} trace;

static void on_step(int signal, siginfo_t *info, void *context)
{
    const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    uintptr_t at = (uintptr_t)registers[REG_RIP];
    (void)signal, (void)info;
    if (trace.back == 0 && at == trace.from)
        trace.back = *(uintptr_t *)registers[REG_RSP];
    else if (at == trace.back)
        trace.is_over = true;
    if (trace.back != 0 && !trace.is_over && trace.count < LONGEST)
        trace.at[trace.count++] = at;
}

static void begin(uintptr_t function)
{
    trace.from = function;
    trace.back = trace.count = 0;
    trace.is_over = false;
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "cc", "memory");
}

static void end(void)
{
    __asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "cc", "memory");
}

static void show(const char *name, uintptr_t function)
{
    Dl_info library;
    if (dladdr((void *)function, &library) == 0 || trace.count == 0 || trace.count == LONGEST)
        exit(1);
    puts(name);
    for (size_t i = 0; i < trace.count; i++) {
        printf("%lx ", (unsigned long)(trace.at[i] - (uintptr_t)library.dli_fbase));
        for (size_t k = 0; k < INSTRUCTION; k++)
            printf("%02x", ((const unsigned char *)trace.at[i])[k]);
        puts("");
    }
}

int main(int argc, char **argv)
{
    /* By address, so that no step of the linkage counts. */
    void *(*volatile make)(size_t) = (void *(*)(size_t))(uintptr_t)dlsym(RTLD_DEFAULT, "malloc");
    void (*volatile drop)(void *) = (void (*)(void *))(uintptr_t)dlsym(RTLD_DEFAULT, "free");
    struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
    static void *block[WARM];
    static char output[1 << 16]; /* stdio takes none from malloc */

    if (argc != 2 || make == NULL || drop == NULL || sigaction(SIGTRAP, &action, NULL) != 0)
        return 2;
    size_t size = strtoul(argv[1], NULL, 10);
    setvbuf(stdout, output, _IOFBF, sizeof output);
    for (int i = 0; i < WARM; i++)
        block[i] = make(size);
    for (int i = 0; i < WARM; i++)
        drop(block[i]);
    for (int i = 0; i < TIMES; i++) {
        begin((uintptr_t)make);
        void *made = make(size);
        end();
        show("malloc", (uintptr_t)make);
        begin((uintptr_t)drop);
        drop(made);
        end();
        show("free", (uintptr_t)drop);
    }
    return 0;
}
