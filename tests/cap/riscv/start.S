/* The first instruction after reset, and what happens when an instruction traps.
 *
 * A trap is expected while t2 holds RISCV_ARMED (riscv.h): its cause replaces the mark, and the program goes on
 * behind the instruction, which has 4 bytes. t3 is free then. Any other trap ends the program. trap_start is a symbol of
 * the linker's command line: `trap`, or what emulates first (emulate.S).
 */
#include "cap/riscv/numbers.h"

#define CAUSE_ILLEGAL 2
#define CAUSE_LOAD_MISALIGNED 4
#define CAUSE_STORE_MISALIGNED 6
#define CAUSE_CHERI 28
#define FAULT_ALIGNMENT 0x20
#define FAULT_OTHER 0x3f

    .section .text.start, "ax"
    .globl _start
_start:
    csrw mie, zero
    la sp, stack_top
    la t2, trap_start
    csrw mtvec, t2
    li t2, 0
    call image_main
1:  j 1b

    .balign 4
    .globl trap
trap:
    li t3, RISCV_ARMED
    bne t2, t3, unexpected
    csrr t2, mcause
    li t3, CAUSE_CHERI
    beq t2, t3, cheri
    li t3, CAUSE_LOAD_MISALIGNED
    beq t2, t3, misaligned
    li t3, CAUSE_STORE_MISALIGNED
    beq t2, t3, misaligned
    li t2, FAULT_OTHER
    j skip
misaligned:
    li t2, FAULT_ALIGNMENT
    j skip
cheri:
    /* The register is in the bits above. */
    csrr t2, mtval
    andi t2, t2, 31
skip:
    csrr t3, mepc
    addi t3, t3, 4
    csrw mepc, t3
    mret

unexpected:
    csrr a0, mcause
    csrr a1, mepc
    csrr a2, mtval
    la sp, stack_top
    call image_trapped
1:  j 1b
