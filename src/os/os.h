/* The whole contract with the operating system. Nothing above this layer makes a system call on memory, time or
 * threads.
 *
 * Every address and length is a multiple of cai_os_page_size() unless said otherwise. A function that returns bool
 * tells success, changes nothing when it fails, and keeps errno. None is a cancellation point. A fake of exactly this
 * header fails the Nth call in tests.
 */
#ifndef CAI_OS_OS_H
#define CAI_OS_OS_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes per page: 4 KiB, 16 KiB or 64 KiB; read from the kernel, never assumed. */
size_t cai_os_page_size(void);

/* How many mappings Linux lets a process have where nobody changed that (vm.max_map_count). It is not read: malloc
 * opens no files, which a filter of system calls may forbid at any time. `capalloc run` reads it and tells the
 * library. */
enum { CAI_OS_MAPPINGS_MAX = 65530 };

enum cai_map {
    CAI_MAP_DONE,
    CAI_MAP_TAKEN, /* some of it is in use, perhaps by somebody else */
    CAI_MAP_SHORT, /* no memory, or no more mappings */
};

/* Maps zeroed, writable memory at exactly this address, or nothing.
 * With `charged` the memory counts against the commit limit now (so that touching it cannot fail later under strict
 * overcommit); tables that stay mostly untouched are not charged. */
enum cai_map cai_os_map(uintptr_t address, size_t length, bool charged);

enum cai_holds {
    CAI_HOLDS,
    CAI_HOLDS_NOT,     /* something else stands there, or it cannot be read */
    CAI_HOLDS_UNKNOWN, /* the kernel does not say */
};

/* Whether these bytes stand at an address, a multiple of 4, that may not be readable. */
enum cai_holds cai_os_holds(uintptr_t address, uint64_t value);

/* Something is mapped at each of these addresses. */
bool cai_os_is_mapped(uintptr_t address, size_t length);

/* So many bytes of these whole pages are in memory, as far as the kernel tells. */
size_t cai_os_resident(uintptr_t address, size_t length);

/* The page at this address can be read; async-signal-safe. False also where a filter of system calls forbids to ask. */
bool cai_os_is_readable(uintptr_t page);

/* Gives the range back; the addresses are unmapped, so a stale pointer into it faults. */
bool cai_os_unmap(uintptr_t address, size_t length);

/* Gives the pages back but keeps the mapping; they read as zero afterwards. */
bool cai_os_discard(uintptr_t address, size_t length);

/* Moves the pages of [from, from + from_length) to `to` and makes them to_length >= from_length long; what is added
 * reads as zero. `to` must be mapped by cai_os_map with nothing of worth in it; `from` is unmapped afterwards. */
bool cai_os_move(uintptr_t from, size_t from_length, uintptr_t to, size_t to_length);

bool cai_os_read_only(void *address, size_t length);
bool cai_os_read_write(void *address, size_t length);

/* Keeps the range out of core dumps. */
bool cai_os_no_dump(uintptr_t address, size_t length);

/* Has the range read as zero in a child of fork, and in the child's children. Not for hidden memory. */
bool cai_os_wipe_on_fork(uintptr_t address, size_t length);

/* Keeps the range out of swap until it is unmapped, within the limits of the process; a child of fork does not inherit
 * it. With `resident` its pages are brought in now, those already in swap included, else each when it is touched. */
bool cai_os_lock(uintptr_t address, size_t length, bool resident);

/* For reading: a descriptor, or -1. */
int cai_os_open(const char *path);
void cai_os_close(int file);

/* Bytes read from this offset on, fewer only at the end; -1: an error. */
long cai_os_read_at(int file, void *buffer, size_t size, uint64_t offset);

/* What an entry of /proc/self/pagemap, eight bytes for each page, says: the page is in memory, in swap or shared. False
 * only for one that is nowhere, and reads as zero. */
CAI_INLINE bool cai_os_is_touched(uint64_t entry)
{
    return entry >> 61 != 0;
}

/* Like cai_os_map, but the pages are in nobody's reach but this process's own loads and stores, not even the kernel's;
 * locked, left out of core dumps, and not there in a child of fork. They cannot be discarded or moved, and are freed
 * when the last of the whole range is unmapped. SHORT also when the kernel has no such memory. */
enum cai_map cai_os_map_hidden(uintptr_t address, size_t length);

/* Names the range in /proc/self/maps where the kernel can: once cai_os_names_start was called, since a filter of system
 * calls may kill who tries. A hint. */
void cai_os_names_start(void);
void cai_os_name(uintptr_t address, size_t length, const char *name);

/* Milliseconds of a clock that never goes back; cheap (no system call), a few milliseconds coarse. */
uint64_t cai_os_milliseconds(void);
/* Nanoseconds of the same clock, precise. */
uint64_t cai_os_nanoseconds(void);

/* Makes cai_os_barrier possible; to be repeated in a child of fork. False: the kernel has no such thing. */
bool cai_os_barrier_start(void);

/* Every other thread of the process passes a full memory barrier before this returns. */
void cai_os_barrier(void);

/* Unpredictable bits. Never fails: falls back to weaker ones when the kernel has none to give yet. */
uint64_t cai_os_random(void);

/* The same, so many words by one call of the kernel. */
void cai_os_random_words(uint64_t *words, size_t count);

/* True when the process runs with more rights than its caller (set-user-ID, file capabilities). */
bool cai_os_is_privileged(void);

/* Sleeps while *word == expected; may wake for no reason. Nanoseconds, 0: no time limit. */
void cai_os_wait(const uint32_t *word, uint32_t expected, uint64_t timeout_ns);
/* Wakes one thread that sleeps on word. */
void cai_os_wake(const uint32_t *word);
/* Lets another thread run. */
void cai_os_yield(void);

/* Writes a whole message to standard error; async-signal-safe. */
void cai_os_write_error(const char *text, size_t length);

/* The calling process: its number, and what its program is called; async-signal-safe. */
int32_t cai_os_process_number(void);
int32_t cai_os_parent_number(void);
const char *cai_os_process_name(void);

/* The file that the process executes, ended by 0; false: the kernel does not say, or it is longer. */
bool cai_os_process_file(char *path, size_t size);

/* Ends the process at once: no handlers, nothing flushed. */
_Noreturn void cai_os_exit(int status);

/* Calls `exiting` in each thread that called cai_os_thread_started, when its thread-local destructors run. Once only;
 * allocates nothing. */
void cai_os_on_thread_exit(void (*exiting)(void));
void cai_os_thread_started(void);

/* Starts a detached thread with all signals blocked. */
bool cai_os_thread_start(void *(*function)(void *), void *argument);

#endif
