/* The search along PATH. Done in the parent, once, so that the file examined is the file executed. Called by run.
 */
#include "run/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int cai_program_find(const char *name, char *path, size_t size)
{
    if (name[0] == 0) {
        path[0] = 0;
        return ENOENT;
    }
    if (strchr(name, '/') != NULL)
        return (size_t)snprintf(path, size, "%s", name) < size ? 0 : ENAMETOOLONG;
    const char *search = getenv("PATH");
    if (search == NULL)
        search = "/bin:/usr/bin";
    int answer = ENOENT;
    for (const char *at = search;;) {
        size_t length = strcspn(at, ":");
        /* an empty element means the current directory */
        int wrote =
            length == 0 ? snprintf(path, size, "./%s", name) : snprintf(path, size, "%.*s/%s", (int)length, at, name);
        struct stat status;
        if (wrote > 0 && (size_t)wrote < size && stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
            if (access(path, X_OK) == 0)
                return 0;
            answer = EACCES;
        }
        if (at[length] == 0)
            break;
        at += length + 1;
    }
    snprintf(path, size, "%s", name);
    return answer;
}
