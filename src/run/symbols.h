/* Which functions an address in a file is in, by the file's symbols and debug information. */
#ifndef CAI_RUN_SYMBOLS_H
#define CAI_RUN_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

struct cai_symbol {
    const char *function; /* as in the source; NULL: not known */
    const char *file;     /* NULL: not known */
    int line;
    bool inlined; /* into the next one */
};

/* What has been read of files stays until it is freed, and of those that were asked for last for whoever opens next.
 * NULL: built without libdw; then nothing is known. */
struct cai_symbols *cai_symbols_open(void);
void cai_symbols_free(struct cai_symbols *symbols);

/* Calls visit for each function, the innermost first; once at least. The address is as the file states it, of an
 * instruction, not of a return to it. What the symbol holds is valid until visit returns. */
typedef void (*cai_symbols_visit)(const struct cai_symbol *symbol, void *context);
void cai_symbols_find(struct cai_symbols *symbols, const char *file, uint64_t address, cai_symbols_visit visit,
                      void *context);

#endif
