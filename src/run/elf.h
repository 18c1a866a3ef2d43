/* Looking at a program's file before it runs: can the dynamic loader put a library into it? */
#ifndef CAI_RUN_ELF_H
#define CAI_RUN_ELF_H

#include <stdbool.h>

enum cai_obstacle {
    CAI_OBSTACLE_NONE = 0,
    CAI_OBSTACLE_STATIC,       /* no PT_INTERP: no dynamic loader ever runs */
    CAI_OBSTACLE_SET_ID,       /* set-user-ID or set-group-ID: the loader runs in secure mode */
    CAI_OBSTACLE_CAPABILITIES, /* file capabilities: the same */
    CAI_OBSTACLE_MACHINE,      /* built for another machine than the library */
    CAI_OBSTACLE_LOADER,       /* another C library's loader than glibc's */
    CAI_OBSTACLE_UNKNOWN,      /* could not be examined; it may well work */
};

struct cai_elf_look {
    enum cai_obstacle obstacle;
    bool shell_text;  /* the program is text without #!: execve refuses it, shells run it */
    char file[512];   /* what was judged: the program, or a script's interpreter */
    char reason[768]; /* one clause, such as "it is statically linked, ..."; empty for NONE */
};

/* Judges the file that `program` would execute, following #! lines, against the library's own file. Never fails. */
void cai_elf_look(const char *program, const char *library, struct cai_elf_look *look);

/* True when the obstacle is certain to keep the library out. */
bool cai_obstacle_is_certain(enum cai_obstacle obstacle);

#endif
