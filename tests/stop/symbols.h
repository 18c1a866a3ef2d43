/* From an address to the function it lies in: of this program by its table of symbols, static functions included; of
 * other objects by what they export.
 */
#ifndef TESTS_STOP_SYMBOLS_H
#define TESTS_STOP_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the table; ends the process when there is none. */
void symbols_read(void);

/* It lies in this program's instructions. */
bool symbols_are_ours(uintptr_t address);

/* The program's instructions. */
uintptr_t symbols_start(void);
size_t symbols_length(void);

/* The function's name, and how far from its start the address is; a name is always found. */
const char *symbols_name(uintptr_t address, size_t *offset);

/* Where the function of this name begins; 0: there is none. */
uintptr_t symbols_address(const char *name);

/* "function at file:line, inlined into ...", as addr2line prints it, on one line; empty where there is no addr2line. */
void symbols_lines(uintptr_t address, char *text, size_t length);

#endif
