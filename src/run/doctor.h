/* The subcommand `capalloc doctor`, and what its parts share. */
#ifndef CAI_RUN_DOCTOR_H
#define CAI_RUN_DOCTOR_H

#include <stddef.h>

/* The hidden subcommand that doctor runs under the library. */
#define CAI_DOCTOR_PROBE "doctor-probe"

enum cai_doctor_level { CAI_DOCTOR_OK, CAI_DOCTOR_INFO, CAI_DOCTOR_WARN, CAI_DOCTOR_FAIL, CAI_DOCTOR_LEVELS };

/* argv[0] is "doctor". Returns the exit status: 0, 1 when something fails, 125 for a wrong option. */
int cai_doctor(int argc, char **argv);

/* Allocates a little of everything; 0 when memory behaves. */
int cai_doctor_probe(void);

/* One line on stdout: level, what was checked, what was found and what follows from it. Lines are counted by level. */
void cai_doctor_line(enum cai_doctor_level level, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A heading. */
void cai_doctor_section(const char *title);

/* Finds the first line of a small file that has `key`, and reads what stands behind that, without the newline; with ""
 * as key the whole first line. 0, or -1 when there is none. */
int cai_doctor_read(const char *path, const char *key, char *text, size_t size);

/* The parts. */
void cai_doctor_limits(void); /* doctor_limits.c */
void cai_doctor_kernel(void); /* doctor_kernel.c */
void cai_doctor_writes(void); /* doctor_writes.c */

#endif
