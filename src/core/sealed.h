/* Storage for what is written at the start and only read afterwards: whole pages, made read-only.
 *
 * 64 KiB covers every page size of AArch64; on x86-64 pages are 4 KiB.
 */
#ifndef CAI_CORE_SEALED_H
#define CAI_CORE_SEALED_H

#if defined(__x86_64__)
enum { CAI_SEALED_BYTES = 4096 };
#else
enum { CAI_SEALED_BYTES = 65536 };
#endif

#define CAI_SEALED __attribute__((aligned(CAI_SEALED_BYTES)))

#endif
