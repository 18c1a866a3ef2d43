/* C++'s operators, and what else not every malloc has: looked up by name when a misuse needs it, so that a process
 * starts without the C++ library. */
#ifndef SURVEY_OPERATORS_H
#define SURVEY_OPERATORS_H

#include <stddef.h>

void *new_one(size_t size);
void *new_array(size_t size);
void *new_aligned(size_t size, size_t alignment);
void delete_one(void *block);
void delete_array(void *block);
void delete_sized(void *block, size_t size);
void delete_aligned(void *block, size_t alignment);

/* C23's; NULL: nobody has it here. */
void (*find_free_sized(void))(void *block, size_t size);

#endif
