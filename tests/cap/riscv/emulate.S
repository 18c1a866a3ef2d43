/* The way into and out of emulate.c: all registers are kept in a frame while it runs. It says what is next: 0, go on;
 * otherwise the trap that the instruction would have raised goes to the ordinary handler.
 */
    .section .text.emulate, "ax"
    .balign 4
    .globl emulate_start
emulate_start:
    csrw mscratch, sp
    la sp, emulate_frame
    sd zero, 0(sp)
    sd x1, 8(sp)
    .irp i, 3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sd x\i, 8 * \i(sp)
    .endr
    csrr t0, mscratch
    sd t0, 16(sp)
    mv a0, sp
    la sp, emulate_stack_top
    call emulate
    csrw mscratch, a0
    la sp, emulate_frame
    ld x1, 8(sp)
    .irp i, 3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld x\i, 8 * \i(sp)
    .endr
    /* t3 is free in every block of riscv.h, and these instructions occur nowhere else. */
    csrr t3, mscratch
    ld sp, 16(sp)
    bnez t3, trap
    ld t3, emulate_frame + 8 * 28
    mret

    .bss
    .balign 16
emulate_frame:
    .space 8 * 32
    .space 0x4000
    .balign 16
emulate_stack_top:
