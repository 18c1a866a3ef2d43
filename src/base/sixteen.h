/* State bytes as they are read when many are read at once: 16 of them, and the two words that they are.
 */
#ifndef CAI_BASE_SIXTEEN_H
#define CAI_BASE_SIXTEEN_H

#include <stdint.h>

typedef uint8_t cai_bytes16 __attribute__((vector_size(16)));
typedef uint64_t cai_words2 __attribute__((vector_size(16)));

#endif
