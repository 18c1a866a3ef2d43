/* A filter of system calls (seccomp), installed by words:
 *
 *     only mmap munmap ...     any other call kills the process
 *     kill prctl ...           these do
 *     refuse futex ...         these fail with EPERM
 */
#ifndef DROP_IN_FILTER_H
#define DROP_IN_FILTER_H

#include "check.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

static inline unsigned filter_number(const char *name)
{
    static const struct {
        const char *name;
        long number;
    } known[] = {
#define CALL(name) {#name, SYS_##name}
        CALL(brk),          CALL(clock_gettime),
        CALL(clone),        CALL(clone3),
        CALL(close),        CALL(exit),
        CALL(exit_group),   CALL(fcntl),
        CALL(fstat),        CALL(ftruncate),
        CALL(futex),        CALL(getpid),
        CALL(getppid),      CALL(getrandom),
        CALL(gettid),       CALL(madvise),
        CALL(membarrier),   CALL(memfd_create),
        CALL(memfd_secret), CALL(mincore),
        CALL(mlock),        CALL(mlock2),
        CALL(mmap),         CALL(mprotect),
        CALL(mremap),       CALL(munlock),
        CALL(munmap),       CALL(newfstatat),
        CALL(lseek),        CALL(openat),
        CALL(pread64),      CALL(prctl),
        CALL(prlimit64),    CALL(process_vm_readv),
        CALL(readlinkat),   CALL(rseq),
        CALL(rt_sigaction), CALL(rt_sigprocmask),
        CALL(sched_yield),  CALL(set_robust_list),
        CALL(tgkill),       CALL(wait4),
        CALL(write),
#undef CALL
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return (unsigned)known[i].number;
    fprintf(stderr, "a system call that filter.h does not know: %s\n", name);
    abort();
}

/* For all threads that the calling one starts, and what it executes. */
static inline void filter_install(const char *words)
{
    enum { WORDS_MAX = 64 };
    static struct sock_filter code[2 * WORDS_MAX + 2];
    char text[1024];
    unsigned short length = 0;
    unsigned listed = SECCOMP_RET_ALLOW;
    unsigned others = SECCOMP_RET_KILL_PROCESS;
    char *rest = text;

    CHECK(strlen(words) < sizeof text);
    strcpy(text, words);
    const char *verb = strsep(&rest, " ");
    if (strcmp(verb, "only") != 0) {
        listed = strcmp(verb, "kill") == 0 ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
        others = SECCOMP_RET_ALLOW;
    }
    code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (const char *word; (word = strsep(&rest, " ")) != NULL;) {
        CHECK(length + 3 < (int)(sizeof code / sizeof *code));
        code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, filter_number(word), 0, 1);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, listed);
    }
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, others);
    struct sock_fprog filter = {length, code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

#endif
