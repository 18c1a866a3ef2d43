/* The numbers of the instructions, from chapter "CHERI-RISC-V" of report 951; for assembler too.
 *
 * All have opcode 0x5b and function 0. An instruction of two operands is told by its upper seven bits (funct7); one of
 * a single operand, a load or a store by the field of a register that it has no need of. The name in lower case is that
 * of the operation in src/cap/ops.def.
 */
#ifndef TESTS_CAP_RISCV_NUMBERS_H
#define TESTS_CAP_RISCV_NUMBERS_H

/* What t2 holds while a trap is expected. */
#define RISCV_ARMED 0x5ca1ab1e

#define RISCV_ONE_OPERAND 0x7f
#define RISCV_perms_get 0
#define RISCV_type_get 1
#define RISCV_base_get 2
#define RISCV_length_get 3
#define RISCV_tag_get 4
#define RISCV_is_sealed 5
#define RISCV_offset_get 6
#define RISCV_flags_get 7
#define RISCV_representable_length 8
#define RISCV_representable_alignment_mask 9
#define RISCV_move 10
#define RISCV_tag_clear 11
#define RISCV_address_get 15
#define RISCV_seal_entry 17
#define RISCV_tags_load 18
#define RISCV_high_get 23

#define RISCV_special 0x01
#define RISCV_bounds_set 0x08
#define RISCV_bounds_set_exact 0x09
#define RISCV_seal 0x0b
#define RISCV_unseal 0x0c
#define RISCV_perms_and 0x0d
#define RISCV_flags_set 0x0e
#define RISCV_offset_set 0x0f
#define RISCV_address_set 0x10
#define RISCV_increment 0x11
#define RISCV_high_set 0x16
#define RISCV_build 0x1d
#define RISCV_type_copy 0x1e
#define RISCV_conditional_seal 0x1f
#define RISCV_is_subset 0x20
#define RISCV_is_equal_exact 0x21

/* rs2; below lbu they extend the sign */
#define RISCV_LOADS 0x7d
#define RISCV_ld 11
#define RISCV_lbu 12
#define RISCV_lhu 13
#define RISCV_lwu 14
#define RISCV_lc_ddc 23
#define RISCV_lc 31

/* rd */
#define RISCV_STORES 0x7c
#define RISCV_sc_ddc 4
#define RISCV_sb 8
#define RISCV_sh 9
#define RISCV_sw 10
#define RISCV_sd 11
#define RISCV_sc 12

#endif
