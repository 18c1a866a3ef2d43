/* Preloaded beside the drop-in library into every process of a test: says in a file whose malloc the process uses. A
 * test that forgot to interpose would compare the system's malloc with itself.
 *
 * One line per program, appended by one write: "ours EXECUTABLE" or "foreign EXECUTABLE".
 */
#include <capalloc/violation.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *executable(void)
{
    static char path[512];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);

    path[length > 0 ? length : 0] = '\0';
    return path;
}

static bool refuse(const ca_violation *violation)
{
    (void)violation;
    return true;
}

/* What malloc returned is a live block of the engine. In which file malloc lies would not tell: where a program that is
 * not position-independent takes its address, that is an address of the program. */
static bool is_ours(void *block)
{
    size_t (*usable)(const void *) = (size_t(*)(const void *))dlsym(RTLD_DEFAULT, "ca_malloc_usable_size");
    ca_violation_handler (*set_handler)(ca_violation_handler) =
        (ca_violation_handler(*)(ca_violation_handler))dlsym(RTLD_DEFAULT, "ca_set_violation_handler");

    if (usable == NULL || set_handler == NULL)
        return false;
    ca_violation_handler before = set_handler(refuse);
    bool ours = usable(block) >= 100;
    set_handler(before);
    return ours;
}

__attribute__((constructor)) static void testify(void)
{
    const char *file = getenv("WITNESS_FILE");
    char line[600];

    if (file == NULL)
        return;
    int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return;
    void *block = malloc(100);
    int length = snprintf(line, sizeof line, "%s %s\n", is_ours(block) ? "ours" : "foreign", executable());
    free(block);
    if (write(fd, line, (size_t)length) != length)
        abort();
    close(fd);
}
