/* The subcommand `capalloc doctor`, and what its parts share. */
#ifndef CAI_RUN_DOCTOR_H
#define CAI_RUN_DOCTOR_H

#include <stddef.h>

/* The hidden subcommand that doctor runs under the library. */
#define CAI_DOCTOR_PROBE "doctor-probe"

enum cai_doctor_level { CAI_DOCTOR_OK, CAI_DOCTOR_INFO, CAI_DOCTOR_WARN, CAI_DOCTOR_FAIL, CAI_DOCTOR_LEVELS };

struct cai_doctor {
    unsigned lines[CAI_DOCTOR_LEVELS]; /* how many of each were said */
};

/* argv[0] is "doctor". Returns the exit status: 0, 1 when something fails, 125 for a wrong option. */
int cai_doctor(int argc, char **argv);

/* Allocates a little of everything; 0 when memory behaves. */
int cai_doctor_probe(void);

/* One line on stdout: level, what was checked, what was found and what follows from it. */
void cai_doctor_line(struct cai_doctor *doctor, enum cai_doctor_level level, const char *subject, const char *format,
                     ...) __attribute__((format(printf, 4, 5)));

/* A heading. */
void cai_doctor_section(const char *title);

/* Reads the first line of a small file, without its newline. 0, or -1 when it cannot be read. */
int cai_doctor_read(const char *path, char *text, size_t size);

/* The parts. */
void cai_doctor_limits(struct cai_doctor *doctor); /* doctor_limits.c */
void cai_doctor_kernel(struct cai_doctor *doctor); /* doctor_kernel.c */

#endif
