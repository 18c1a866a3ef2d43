/* Included before everything else by what is compiled to run the cases on soft capabilities: the region that the cases
 * use lies in an array of this process. */
#ifndef TESTS_CAP_SOFT_H
#define TESTS_CAP_SOFT_H

extern unsigned char cap_cases_memory[];
#define CAI_SOFT_MEMORY(address) ((void *)&cap_cases_memory[(address)-0x80400000])

#endif
