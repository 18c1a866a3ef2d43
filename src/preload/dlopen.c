/* dlopen and dlmopen, so that the setting `no-deepbind` can take RTLD_DEEPBIND out of their flags: a library that is
 * loaded with it, and what that one needs, calls the C library's malloc and free behind our back, and dies of the first
 * block that crosses the border.
 *
 * The C library tells by its return address who calls, for that library's RUNPATH, $ORIGIN and name space. So these are
 * jumps that leave no trace, which C cannot promise at every level of optimization. Elsewhere than on the architectures
 * below the functions are the C library's, and the setting does nothing.
 */
#include "core/settings.h"
#include "heaps/heaps.h"
#include "preload/table.h"

#include <dlfcn.h>

#if defined(__x86_64__) || defined(__aarch64__)

/* The C library's function, or that of the next library that wraps it; which bits of the flags it gets; and where all
 * that were seen are gathered, for the report. */
struct passage {
    void *next; /* atomic; NULL: not looked for yet */
    uint32_t *seen;
    int keep;
};
struct passage cai_dlopen, cai_dlmopen;

/* The same whoever comes first. Returns `next`; NULL: there is none, in programs that took the name from us. */
void *cai_dlopen_prepare(struct passage *passage);

__attribute__((used)) void *cai_dlopen_prepare(struct passage *passage)
{
    void *next = dlsym(RTLD_NEXT, passage == &cai_dlopen ? "dlopen" : "dlmopen");

    cai_life_start();
    cai_store_relaxed(&passage->seen, cai_table_dlopen_flags());
    cai_store_relaxed(&passage->keep, cai_settings->no_deepbind ? ~RTLD_DEEPBIND : ~0);
    cai_store_release(&passage->next, next);
    return next;
}

/* PASS(name, the register with the flags) */
#if defined(__x86_64__)
#define PASS(name, flags)                                                                                              \
    __asm__(".text\n"                                                                                                  \
            ".globl " #name "\n"                                                                                       \
            ".type " #name ", @function\n" #name ":\n"                                                                 \
            "    .cfi_startproc\n"                                                                                     \
            "    endbr64\n"                                                                                            \
            "    mov cai_" #name "(%rip), %rax\n"                                                                      \
            "    test %rax, %rax\n"                                                                                    \
            "    jz 2f\n"                                                                                              \
            "1:  mov 8+cai_" #name "(%rip), %r11\n"                                                                    \
            "    or %" #flags ", (%r11)\n"                                                                             \
            "    and 16+cai_" #name "(%rip), %" #flags "\n"                                                            \
            "    jmp *%rax\n"                                                                                          \
            "2:  push %rdi\n"                                                                                          \
            "    .cfi_adjust_cfa_offset 8\n"                                                                           \
            "    push %rsi\n"                                                                                          \
            "    .cfi_adjust_cfa_offset 8\n"                                                                           \
            "    push %rdx\n"                                                                                          \
            "    .cfi_adjust_cfa_offset 8\n"                                                                           \
            "    lea cai_" #name "(%rip), %rdi\n"                                                                      \
            "    call cai_dlopen_prepare\n"                                                                            \
            "    pop %rdx\n"                                                                                           \
            "    .cfi_adjust_cfa_offset -8\n"                                                                          \
            "    pop %rsi\n"                                                                                           \
            "    .cfi_adjust_cfa_offset -8\n"                                                                          \
            "    pop %rdi\n"                                                                                           \
            "    .cfi_adjust_cfa_offset -8\n"                                                                          \
            "    test %rax, %rax\n"                                                                                    \
            "    jnz 1b\n"                                                                                             \
            "    ret\n"                                                                                                \
            "    .cfi_endproc\n"                                                                                       \
            ".size " #name ", .-" #name "\n")
PASS(dlopen, esi);
PASS(dlmopen, edx);
#else
#define PASS(name, flags)                                                                                              \
    __asm__(".text\n"                                                                                                  \
            ".globl " #name "\n"                                                                                       \
            ".type " #name ", %function\n" #name ":\n"                                                                 \
            "    .cfi_startproc\n"                                                                                     \
            "    hint #34\n" /* bti c */                                                                               \
            "    adrp x16, cai_" #name "\n"                                                                            \
            "    add x16, x16, :lo12:cai_" #name "\n"                                                                  \
            "    ldar x17, [x16]\n"                                                                                    \
            "    cbz x17, 2f\n"                                                                                        \
            "1:  ldr x15, [x16, #8]\n"                                                                                 \
            "    ldr w14, [x15]\n"                                                                                     \
            "    orr w14, w14, " #flags "\n"                                                                           \
            "    str w14, [x15]\n"                                                                                     \
            "    ldr w16, [x16, #16]\n"                                                                                \
            "    and " #flags ", " #flags ", w16\n"                                                                    \
            "    br x17\n"                                                                                             \
            "2:  stp x29, x30, [sp, #-48]!\n"                                                                          \
            "    .cfi_adjust_cfa_offset 48\n"                                                                          \
            "    .cfi_rel_offset x29, 0\n"                                                                             \
            "    .cfi_rel_offset x30, 8\n"                                                                             \
            "    mov x29, sp\n"                                                                                        \
            "    stp x0, x1, [sp, #16]\n"                                                                              \
            "    str x2, [sp, #32]\n"                                                                                  \
            "    mov x0, x16\n"                                                                                        \
            "    bl cai_dlopen_prepare\n"                                                                              \
            "    mov x17, x0\n"                                                                                        \
            "    adrp x16, cai_" #name "\n"                                                                            \
            "    add x16, x16, :lo12:cai_" #name "\n"                                                                  \
            "    ldr x2, [sp, #32]\n"                                                                                  \
            "    ldp x0, x1, [sp, #16]\n"                                                                              \
            "    ldp x29, x30, [sp], #48\n"                                                                            \
            "    .cfi_restore x29\n"                                                                                   \
            "    .cfi_restore x30\n"                                                                                   \
            "    .cfi_adjust_cfa_offset -48\n"                                                                         \
            "    cbnz x17, 1b\n"                                                                                       \
            "    mov x0, #0\n"                                                                                         \
            "    ret\n"                                                                                                \
            "    .cfi_endproc\n"                                                                                       \
            ".size " #name ", .-" #name "\n")
PASS(dlopen, w1);
PASS(dlmopen, w2);
#endif
#endif
