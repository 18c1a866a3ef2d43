/* The order of locks: a thread takes them in rising rank only, so that no two threads can wait for each other.
 *
 * Debug builds keep to it at run time: a thread remembers the ranks that it holds, and one that asks for a lock out of
 * order is ended with a line that names both ranks, whether or not anybody else wanted the lock at that moment.
 */
#ifndef CAI_OS_RANK_H
#define CAI_OS_RANK_H

#if defined(CAI_DEBUG) && CAI_DEBUG
#define CAI_RANK_CHECKED 1
#else
#define CAI_RANK_CHECKED 0
#endif

/* In the order in which they are taken, and what each protects. */
enum cai_lock_rank {
    CAI_RANK_NONE,       /* nobody said: may not be taken */
    CAI_RANK_START,      /* starting the library */
    CAI_RANK_ACCOUNTS,   /* the list of accounts */
    CAI_RANK_ACCOUNT,    /* the use of one account */
    CAI_RANK_SHARED,     /* the heap of threads that have none */
    CAI_RANK_REGISTRY,   /* the list of heaps */
    CAI_RANK_QUARANTINE, /* the state of what waits in quarantine */
    CAI_RANK_HEAP,       /* one heap's slabs */
    CAI_RANK_ZONE,       /* the free runs of one zone */
    CAI_RANK_SEAL,       /* opening the page of views */
    CAI_RANK_TREE,       /* the authorities */
    CAI_RANK_META,       /* the metadata allocator */
    CAI_RANK_TAGS,       /* the mappings of the table of tags */
    CAI_RANK_GRANULE,    /* the bytes of a capability in memory and its tag */
    CAI_RANKS
};

/* What a lock tells of the thread that uses it. The first two abort when the
 * thread holds a higher rank, the first also when it holds the same. */
#if CAI_RANK_CHECKED
void cai_rank_enter(enum cai_lock_rank rank);
void cai_rank_enter_beside(enum cai_lock_rank rank);
void cai_rank_enter_without_waiting(enum cai_lock_rank rank);
void cai_rank_leave(enum cai_lock_rank rank);
#else
#define cai_rank_enter(rank) ((void)(rank))
#define cai_rank_enter_beside(rank) ((void)(rank))
#define cai_rank_enter_without_waiting(rank) ((void)(rank))
#define cai_rank_leave(rank) ((void)(rank))
#endif

#endif
