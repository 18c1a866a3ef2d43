/* A program that misuses the heap in one way, told by its arguments: crimes NAME SIZE [refuse]. The runner,
 * test_misuse.py, knows what each must end in. Run on the drop-in library.
 *
 * Before the crime it prints the addresses that the report must name. With `refuse`, a handler refuses the call; the
 * program then checks that nothing has changed, and prints what the handler was told.
 */
#include <capalloc/violation.h>

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* C23; the C library's headers do not have it yet. */
extern void free_sized(void *block, size_t size) __attribute__((weak));
extern void free_aligned_sized(void *block, size_t alignment, size_t size) __attribute__((weak));

static size_t size;
static char *block;     /* of `size` bytes, live or freed as the crime wants */
static char *bystander; /* another one, which must stay as it is */
static unsigned reports;

static bool refuse(const ca_violation *violation)
{
    reports++;
    free(malloc(50)); /* a handler may allocate */
    printf("refused %s %s %p %zu %s\n", violation->code, violation->function, violation->address, violation->size,
           violation->place);
    return true;
}

/* The library's own name is looked up: that it is there proves that the program runs on it. */
static void register_handler(void)
{
    ca_violation_handler (*set)(ca_violation_handler);

    *(void **)&set = dlsym(RTLD_DEFAULT, "ca_set_violation_handler");
    if (set == NULL)
        _exit(8);
    set(refuse);
}

/* What the report must name. */
static void announce(const void *address)
{
    printf("address %p\n", address);
    printf("usable %zu\n", malloc_usable_size(bystander));
    fflush(stdout);
}

static void *free_there(void *address)
{
    free(address);
    return NULL;
}

static void in_thread(void *(*function)(void *), void *argument)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, function, argument) != 0 || pthread_join(thread, NULL) != 0)
        _exit(3);
}

/* --- the crimes --- */

static void double_free(void)
{
    free(block);
    announce(block);
    free(block);
}

/* The first free is another thread's. */
static void double_free_across(void)
{
    in_thread(free_there, block);
    announce(block);
    free(block);
}

/* The second free is another thread's. */
static void double_free_there(void)
{
    free(block);
    announce(block);
    in_thread(free_there, block);
}

/* Neighbours come and go between the two. */
static void double_free_later(void)
{
    char *others[20];

    for (unsigned i = 0; i < 20; i++)
        others[i] = malloc(size);
    free(block);
    free(others[3]);
    free(others[7]);
    for (unsigned i = 0; i < 20; i++)
        if (i != 3 && i != 7)
            free(others[i]);
    announce(block);
    free(block);
}

static void interior(void)
{
    size_t offset = malloc_usable_size(block) / 2 / 16 * 16;

    announce(block + (offset != 0 ? offset : 8));
    free(block + (offset != 0 ? offset : 8));
}

static void misaligned(void)
{
    announce(block + 1);
    free(block + 1);
}

static void last_byte(void)
{
    char *last = block + malloc_usable_size(block) - 1;

    announce(last);
    free(last);
}

static void realloc_freed(void)
{
    free(block);
    announce(block);
    void *moved = realloc(block, size + 100);
    printf("result %d\n", moved != NULL);
}

static void realloc_interior(void)
{
    announce(block + 1);
    void *moved = realloc(block + 1, size);
    printf("result %d\n", moved != NULL);
}

static void usable_freed(void)
{
    free(block);
    announce(block);
    printf("result %d\n", malloc_usable_size(block) != 0);
}

static void sized_too_large(void)
{
    announce(block);
    free_sized(block, malloc_usable_size(block) + 1);
}

static void sized_too_small(void)
{
    announce(block);
    free_sized(block, size / 3);
}

static void aligned_sized_wrong(void)
{
    announce(block);
    free_aligned_sized(block, 16, 2 * malloc_usable_size(block));
}

static void sized_double(void)
{
    free_sized(block, size);
    announce(block);
    free_sized(block, size);
}

/* --- what was never a block --- */

static void stack(void)
{
    char local[64] __attribute__((aligned(64)));
    char *volatile address = local;

    announce(address);
    free(address);
}

static void static_memory(void)
{
    static char memory[64] __attribute__((aligned(64)));
    char *volatile address = memory;

    announce(address);
    free(address);
}

static void code(void)
{
    void *volatile address = (void *)(uintptr_t)code;

    announce(address);
    free(address);
}

static void null_page(void)
{
    void *volatile address = (void *)size;

    announce(address);
    free(address);
}

static void highest(void)
{
    void *volatile address = (void *)(UINTPTR_MAX - size);

    announce(address);
    free(address);
}

static void mapped(void)
{
    void *address = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    announce(address);
    free(address);
}

/* A second C library, with its own malloc, in a name space of its own. */
static void other_allocator(void)
{
    void *library = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW);
    void *(*other)(size_t, size_t);

    if (library == NULL)
        _exit(4);
    *(void **)&other = dlsym(library, "__libc_memalign");
    void *address = other(64, size);
    announce(address);
    free(address);
}

static void other_brk(void)
{
    void *address = sbrk(4096);

    announce(address);
    free(address);
}

/* In the heap's range, never handed out. */
static void never_handed_out(void)
{
    void *address = (void *)(((uintptr_t)block | 0xffffffff) + 0x1000000001);

    announce(address);
    free(address);
}

static const struct {
    const char *name;
    void (*function)(void);
} crimes[] = {
    {"double_free", double_free},
    {"double_free_across", double_free_across},
    {"double_free_there", double_free_there},
    {"double_free_later", double_free_later},
    {"interior", interior},
    {"misaligned", misaligned},
    {"last_byte", last_byte},
    {"realloc_freed", realloc_freed},
    {"realloc_interior", realloc_interior},
    {"usable_freed", usable_freed},
    {"sized_too_large", sized_too_large},
    {"sized_too_small", sized_too_small},
    {"aligned_sized_wrong", aligned_sized_wrong},
    {"sized_double", sized_double},
    {"stack", stack},
    {"static_memory", static_memory},
    {"code", code},
    {"null_page", null_page},
    {"highest", highest},
    {"mapped", mapped},
    {"other_allocator", other_allocator},
    {"other_brk", other_brk},
    {"never_handed_out", never_handed_out},
};

/* The call was refused: the bystander is as it was, and the heap works. */
static void check_the_rest(void)
{
    size_t length = size < 100 ? size : 100;

    for (size_t i = 0; i < length; i++)
        if (bystander[i] != 'b')
            _exit(5);
    for (unsigned i = 0; i < 100; i++) {
        char *more = malloc(size);
        if (more == NULL || more == bystander)
            _exit(6);
        more[0] = 1;
        if (i % 2 == 0)
            free(more);
        if (size > 1000000)
            break;
    }
    free(bystander);
    printf("reports %u\nfine\n", reports);
}

int main(int count, char **words)
{
    static char buffer[4096];

    if (count < 3)
        return 2;
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer); /* printing must not take the block that was just freed */
    size = strtoull(words[2], NULL, 0);
    block = malloc(size);
    bystander = malloc(size);
    if (block == NULL || bystander == NULL)
        return 7; /* the machine is too small */
    memset(block, 'a', size < 100 ? size : 100);
    memset(bystander, 'b', size < 100 ? size : 100);
    if (count > 3)
        register_handler();
    for (unsigned i = 0; i < sizeof crimes / sizeof *crimes; i++)
        if (strcmp(words[1], crimes[i].name) == 0) {
            crimes[i].function();
            check_the_rest();
            return 0;
        }
    return 2;
}
