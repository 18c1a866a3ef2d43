/* Probes for tracers: a place in the code with a name and three numbers, found by bpftrace, perf, gdb and SystemTap
 * without our help. What is in the program is one nop, and a note in a section that is never loaded. For slow paths
 * only: the numbers have to be at hand.
 *
 * The note is that of <sys/sdt.h>, which not every machine has. Each number is described to the tracer as eight bytes.
 */
#ifndef CAI_BASE_PROBE_H
#define CAI_BASE_PROBE_H

#include <stdint.h>

#define CAI_PROBE_NOTE_(name, numbers)                                                                                 \
    "990: nop\n"                                                                                                       \
    ".pushsection .note.stapsdt,\"?\",\"note\"\n"                                                                      \
    ".balign 4\n"                                                                                                      \
    ".4byte 992f-991f, 994f-993f, 3\n"                                                                                 \
    "991: .asciz \"stapsdt\"\n"                                                                                        \
    "992: .balign 4\n"                                                                                                 \
    "993: .8byte 990b, _.stapsdt.base, 0\n" /* where; what tells how far it moved; nothing that counts tracers */      \
    ".asciz \"capalloc\"\n"                                                                                            \
    ".asciz \"" name "\"\n"                                                                                            \
    ".asciz \"" numbers "\"\n"                                                                                         \
    "994: .balign 4\n"                                                                                                 \
    ".popsection\n"                                                                                                    \
    ".ifndef _.stapsdt.base\n" /* one for all that is linked together, also with notes of sys/sdt.h */                 \
    ".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n"                                            \
    ".weak _.stapsdt.base\n"                                                                                           \
    ".hidden _.stapsdt.base\n"                                                                                         \
    "_.stapsdt.base: .space 1\n"                                                                                       \
    ".size _.stapsdt.base, 1\n"                                                                                        \
    ".popsection\n"                                                                                                    \
    ".endif\n"

#if defined(__x86_64__) || defined(__aarch64__)
#define CAI_PROBE(name, a, b, c)                                                                                       \
    __asm__ volatile(CAI_PROBE_NOTE_(#name, "8@%0 8@%1 8@%2")                                                          \
                     :                                                                                                 \
                     : "nr"((uint64_t)(a)), "nr"((uint64_t)(b)), "nr"((uint64_t)(c)))
#else
#define CAI_PROBE(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#endif

#endif
