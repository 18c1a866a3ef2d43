/* The registers of a frame by their DWARF numbers, how they are taken, and where a signal leaves them. */
#ifndef CAI_STACK_REGISTERS_H
#define CAI_STACK_REGISTERS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#if defined(__x86_64__)
enum { CAI_REGISTERS = 17, CAI_REGISTER_SP = 7, CAI_REGISTER_FP = 6, CAI_REGISTER_RETURN = 16 };
enum { CAI_RED_ZONE = 128 };
#elif defined(__aarch64__)
enum { CAI_REGISTERS = 32, CAI_REGISTER_SP = 31, CAI_REGISTER_FP = 29, CAI_REGISTER_RETURN = 30 };
enum { CAI_RED_ZONE = 0 };
#else
/* No tables are read, and a frame pointer is followed as below. */
enum { CAI_REGISTERS = 3, CAI_REGISTER_SP = 0, CAI_REGISTER_FP = 1, CAI_REGISTER_RETURN = 2 };
enum { CAI_RED_ZONE = 0 };
#endif

struct cai_frame {
    uintptr_t pc;
    uintptr_t value[CAI_REGISTERS];
    uint32_t known; /* a bit for each register that has a value */
    bool exact;     /* pc is the instruction itself: this frame was interrupted, and made no call */
};

static inline void cai_frame_set(struct cai_frame *frame, unsigned number, uintptr_t value)
{
    frame->value[number] = value;
    frame->known |= UINT32_C(1) << number;
}

/* No frame is longer than that, and what a function saved lies in its frame. */
enum { CAI_FRAME_BYTES_MAX = 8 << 20 };

static inline bool cai_frame_holds(const struct cai_frame *frame, uintptr_t address)
{
    return address - (frame->value[CAI_REGISTER_SP] - CAI_RED_ZONE) < CAI_FRAME_BYTES_MAX;
}

/* What a function's caller may count on, and where it is now; of the place where it is written. */
#if defined(__x86_64__)
#define CAI_FRAME_TAKE(frame)                                                                                          \
    do {                                                                                                               \
        uintptr_t *value_ = (frame)->value;                                                                            \
        __asm__ volatile("movq %%rbx, 24(%1)\n\tmovq %%rbp, 48(%1)\n\tmovq %%rsp, 56(%1)\n\t"                          \
                         "movq %%r12, 96(%1)\n\tmovq %%r13, 104(%1)\n\tmovq %%r14, 112(%1)\n\tmovq %%r15, 120(%1)\n\t" \
                         "leaq 0(%%rip), %0"                                                                           \
                         : "=&r"((frame)->pc)                                                                          \
                         : "r"(value_)                                                                                 \
                         : "memory");                                                                                  \
        (frame)->known = 0xf0c8;                                                                                       \
        (frame)->exact = true;                                                                                         \
    } while (0)
#elif defined(__aarch64__)
#define CAI_FRAME_TAKE(frame)                                                                                          \
    do {                                                                                                               \
        uintptr_t *value_ = (frame)->value;                                                                            \
        __asm__ volatile("stp x19, x20, [%1, #152]\n\tstp x21, x22, [%1, #168]\n\tstp x23, x24, [%1, #184]\n\t"        \
                         "stp x25, x26, [%1, #200]\n\tstp x27, x28, [%1, #216]\n\tstp x29, x30, [%1, #232]\n\t"        \
                         "mov %0, sp\n\tstr %0, [%1, #248]\n\tadr %0, ."                                               \
                         : "=&r"((frame)->pc)                                                                          \
                         : "r"(value_)                                                                                 \
                         : "memory");                                                                                  \
        (frame)->known = 0xfff80000u;                                                                                  \
        (frame)->exact = true;                                                                                         \
    } while (0)
#else
#define CAI_FRAME_TAKE(frame)                                                                                          \
    do {                                                                                                               \
        (frame)->known = 0;                                                                                            \
        cai_frame_set((frame), CAI_REGISTER_SP, (uintptr_t)(frame));                                                   \
        cai_frame_set((frame), CAI_REGISTER_FP, (uintptr_t)__builtin_frame_address(0));                                \
        (frame)->pc = 0;                                                                                               \
        (frame)->exact = true;                                                                                         \
    } while (0)
#endif

/* A return address without what authenticates it. */
static inline uintptr_t cai_return_address(uintptr_t stored)
{
#if defined(__aarch64__)
    register uintptr_t lr __asm__("x30") = stored;

    __asm__("hint #7" : "+r"(lr)); /* xpaclri; nothing on processors without it */
    return lr;
#else
    return stored;
#endif
}

/* The instructions to which a signal handler returns, and, from the stack pointer there, the registers of what was
 * interrupted, in the order of cai_signal_register. */
#if defined(__x86_64__)
#define CAI_SIGNAL_RETURN "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05" /* mov $15, %rax; syscall */
enum { CAI_SIGNAL_REGISTERS = 17, CAI_SIGNAL_OFFSET = offsetof(ucontext_t, uc_mcontext.gregs) };
static inline unsigned cai_signal_register(unsigned i)
{
    static const unsigned char order[] = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16};

    return order[i];
}
#elif defined(__aarch64__)
#define CAI_SIGNAL_RETURN "\x68\x11\x80\xd2\x01\x00\x00\xd4" /* mov x8, #139; svc #0 */
enum {
    CAI_SIGNAL_REGISTERS = 33, /* the last is the pc */
    CAI_SIGNAL_OFFSET = sizeof(siginfo_t) + offsetof(ucontext_t, uc_mcontext.regs),
};
static inline unsigned cai_signal_register(unsigned i)
{
    return i;
}
#endif

#endif
