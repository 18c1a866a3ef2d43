/* Protection of must-zero memory: what the library says is in force is what the kernel says, and it does what it is
 * for. A kernel or a limit that grants less must be told of, not hidden.
 */
#include "unit/unit.h"

#include "pages/zone.h"
#include "support/audit.h"
#include "support/child.h"
#include "support/content.h"

#include <capalloc/capalloc.h>

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

static ca_secret take(size_t bytes)
{
    ca_secret block = ca_unwrap(ca_allocate_secret(ca_default_authority(), (ca_layout){bytes, 16}));

    require(content_is_zero(block.ptr, bytes));
    content_fill(block.ptr, 0, bytes, bytes);
    return block;
}

static bool holds(ca_secret block)
{
    return content_holds(block.ptr, block.size, block.size);
}

static ca_protection now(void)
{
    ca_protection protection = CA_PROTECTION_INIT;

    ca_protection_read(&protection);
    return protection;
}

/* What the kernel says of the must-zero and secret places. */
struct kernel {
    uint64_t mapped, no_dump, wipe, lock, hide;
};

static struct kernel ask_kernel(void)
{
    struct kernel kernel = {0};
    FILE *smaps = fopen("/proc/self/smaps", "r");
    char line[512];
    uint64_t bytes = 0;
    bool hidden = false;

    require(smaps != NULL);
    while (fgets(line, sizeof line, smaps) != NULL) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            enum cai_place place = cai_place_of((void *)from);
            bytes = place != CAI_PLACE_none && cai_place_zeroes(place) ? to - from : 0;
            hidden = strstr(line, "secretmem") != NULL;
        } else if (strncmp(line, "VmFlags:", 8) == 0) {
            kernel.mapped += bytes;
            kernel.no_dump += strstr(line, " dd") != NULL ? bytes : 0;
            kernel.wipe += strstr(line, " wf") != NULL || (hidden && strstr(line, " dc") != NULL) ? bytes : 0;
            kernel.lock += strstr(line, " lo") != NULL ? bytes : 0;
            kernel.hide += hidden ? bytes : 0;
        }
    }
    fclose(smaps);
    return kernel;
}

/* Emulators do not show flags. */
static bool kernel_shows_flags(void)
{
    return ask_kernel().no_dump != 0;
}

static void compare(void)
{
    ca_protection ours = now();
    struct kernel kernel = ask_kernel();

    require(ours.mapped_bytes == kernel.mapped);
    if (!kernel_shows_flags())
        return;
    require(ours.no_dump_bytes == kernel.no_dump);
    require(ours.wipe_on_fork_bytes == kernel.wipe);
    require(ours.lock_bytes == kernel.lock);
    require(ours.hide_bytes == kernel.hide);
}

static bool can(unsigned flag)
{
    ca_protection obtained = CA_PROTECTION_INIT;
    ca_error error = ca_protect(flag, &obtained);

    require(obtained.struct_size == sizeof obtained && (obtained.wanted & flag) == flag);
    require((error == CA_OK) == ((obtained.obtained & flag) == flag));
    require(error == CA_OK || (error == CA_ERROR_NOT_PERMITTED && obtained.error == error && obtained.refused != 0));
    return error == CA_OK;
}

/* What every kernel that shows its flags can do. */
static void get(unsigned flag)
{
    if (!can(flag))
        require(!kernel_shows_flags());
}

static bool kernel_can_hide(void)
{
    int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* The system's manager may lock as much as he likes. */
static void limit_locking(rlim_t bytes)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &header, data) == 0) {
        data[0].effective &= ~(1u << CAP_IPC_LOCK);
        data[0].permitted &= ~(1u << CAP_IPC_LOCK);
        syscall(SYS_capset, &header, data);
    }
    struct rlimit limit;
    require(getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    limit.rlim_cur = limit.rlim_max < bytes ? limit.rlim_max : bytes;
    require(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
}

/* Runs the body in a child of this process, and fails as it does. */
static void in_child(void (*body)(ca_secret), ca_secret block)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        body(block);
        _exit(0);
    }
    require(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

CHILD_TEST(test_Z8_left_out_of_core_dumps, 60)
{
    require(now().mapped_bytes == 0 && now().wanted == CA_PROTECT_NO_DUMP);
    take(100);
    take(100000);
    take(5 * CAI_MIB);
    ca_protection protection = now();
    require(protection.mapped_bytes > 5 * CAI_MIB && protection.no_dump_bytes == protection.mapped_bytes);
    require(protection.obtained == CA_PROTECT_NO_DUMP && protection.refused == 0 && protection.error == CA_OK);
    require(protection.wipe_on_fork_bytes + protection.lock_bytes + protection.hide_bytes == 0);
    compare();
}

CHILD_TEST(test_Z8_flags_and_sizes_of_other_versions, 60)
{
    ca_protection protection = {.struct_size = offsetof(ca_protection, obtained), .obtained = 77};

    require(ca_protect(16, NULL) == CA_ERROR_INVALID && now().wanted == CA_PROTECT_NO_DUMP);
    ca_protection_read(&protection);
    require(protection.wanted == CA_PROTECT_NO_DUMP && protection.obtained == 77);
    require(ca_protect(0, NULL) == CA_OK);
}

static void sees_zeros(ca_secret block)
{
    require(content_is_zero(block.ptr, block.size));
    require_null(audit_all());
    compare();
    memset(block.ptr, 0xee, block.size);
    ca_secret_deallocate_zeroed(block);
    ca_secret another = take(3 * CAI_MIB);
    ca_secret_deallocate_zeroed(another);
    ca_trim();
    require_null(audit_all());
    require_null(audit_zeros(true));
    compare();
}

CHILD_TEST(test_Z8_wiped_in_a_forked_child, 60)
{
    ca_secret before = take(200000); /* mapped before it was wanted */
    get(CA_PROTECT_WIPE_ON_FORK);
    if ((now().obtained & CA_PROTECT_WIPE_ON_FORK) == 0)
        return;
    ca_secret small = take(64);
    ca_secret large = take(3 * CAI_MIB);
    require(now().wipe_on_fork_bytes == now().mapped_bytes);
    compare();
    in_child(sees_zeros, before);
    in_child(sees_zeros, small);
    in_child(sees_zeros, large);
    require(holds(before) && holds(small) && holds(large));
}

static void has_locked(ca_secret block)
{
    require(holds(block) && now().lock_bytes == now().mapped_bytes);
    compare();
}

CHILD_TEST(test_Z8_locked, 60)
{
    ca_secret before = take(1000);
    limit_locking(8 * CAI_MIB);
    get(CA_PROTECT_LOCK);
    if ((now().obtained & CA_PROTECT_LOCK) == 0)
        return;
    ca_secret large = take(CAI_MIB + 1);
    require(now().lock_bytes == now().mapped_bytes);
    compare();
    in_child(has_locked, before);
    /* Moved, given back and discarded: locked memory is in the way of none of it. */
    ca_secret behind = take(CAI_MIB + 1);
    size_t kept = large.size;
    large = ca_unwrap(ca_secret_grow(ca_default_authority(), large, (ca_layout){2 * CAI_MIB, 16}));
    require(content_holds(large.ptr, kept, kept));
    compare();
    ca_secret_deallocate_zeroed(large);
    ca_secret_deallocate_zeroed(behind);
    ca_secret_deallocate_zeroed(before);
    ca_trim();
    require_null(audit_all());
    require_null(audit_zeros(true));
    require(now().mapped_bytes == 0 && now().lock_bytes == 0);
    compare();
}

static const unsigned locking[] = {CA_PROTECT_LOCK, CA_PROTECT_HIDE, CA_PROTECT_LOCK | CA_PROTECT_HIDE};

CHILD_TEST_EACH(test_Z8_a_limit_grants_a_part, 60, locking)
{
    ca_secret blocks[16];

    limit_locking(3 * CAI_MIB);
    /* The limit allows some. */
    if (!can(value)) {
        require((value & CA_PROTECT_HIDE) != 0 ? !kernel_can_hide() : !kernel_shows_flags());
        return;
    }
    for (unsigned i = 0; i < 16; i++)
        blocks[i] = take(600000);
    ca_protection protection = now();
    require(protection.mapped_bytes > 8 * CAI_MIB);
    require(protection.lock_bytes > 0 && protection.lock_bytes <= 3 * CAI_MIB);
    require((protection.obtained & value) == 0 && (protection.refused & value) != 0);
    require(protection.error == CA_ERROR_NOT_PERMITTED);
    require(ca_protect(value, NULL) == CA_ERROR_NOT_PERMITTED);
    compare();
    for (unsigned i = 0; i < 16; i++)
        require(holds(blocks[i]));
    for (unsigned i = 0; i < 16; i++)
        ca_secret_deallocate_zeroed(blocks[i]);
    ca_trim();
    require_null(audit_all());
    require_null(audit_zeros(true));
    compare();
}

CHILD_TEST(test_Z8_what_is_refused_is_said, 60)
{
    limit_locking(0);
    require(!can(CA_PROTECT_LOCK) && !can(CA_PROTECT_HIDE));
    ca_protection protection = now();
    require(protection.refused == (CA_PROTECT_LOCK | CA_PROTECT_HIDE) && protection.mapped_bytes == 0);
    ca_secret block = take(100000);
    require(now().lock_bytes == 0 && now().hide_bytes == 0 && now().no_dump_bytes == now().mapped_bytes);
    compare();
    ca_secret_deallocate_zeroed(block);
}

/* By two of the ways that debuggers have. */
static bool is_readable(const void *address)
{
    char byte = 0;
    int memory = open("/proc/self/mem", O_RDONLY);
    struct iovec local = {&byte, 1};
    struct iovec remote = {(void *)(uintptr_t)address, 1};

    require(memory >= 0);
    bool readable = pread(memory, &byte, 1, (off_t)(uintptr_t)address) == 1 ||
                    process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1;
    close(memory);
    return readable;
}

CHILD_TEST(test_Z8_hidden, 60)
{
    ca_secret before = take(100000);
    require(is_readable(before.ptr));
    require(!can(CA_PROTECT_HIDE)); /* what is in use stays as it is, and that is said */
    require(now().hide_bytes < now().mapped_bytes && now().refused == CA_PROTECT_HIDE);
    ca_secret_deallocate_zeroed(before);
    require(can(CA_PROTECT_HIDE) == kernel_can_hide());
    if (!kernel_can_hide())
        return;
    ca_secret small = take(64);
    ca_secret large = take(3 * CAI_MIB);
    require(now().hide_bytes == now().mapped_bytes && now().obtained == (CA_PROTECT_NO_DUMP | CA_PROTECT_HIDE));
    compare();
    require(!is_readable(small.ptr) && !is_readable(large.ptr));
    in_child(sees_zeros, small);
    in_child(sees_zeros, large);
    require(holds(small) && holds(large)); /* although the children have cleared theirs */
    ca_secret behind = take(3 * CAI_MIB);
    size_t kept = large.size;
    large = ca_unwrap(ca_secret_grow(ca_default_authority(), large, (ca_layout){5 * CAI_MIB, 16}));
    require(content_holds(large.ptr, kept, kept) && !is_readable(large.ptr));
    compare();
    ca_secret_deallocate_zeroed(large);
    ca_secret_deallocate_zeroed(small);
    ca_trim();
    require_null(audit_all());
    require_null(audit_zeros(true));
    require(holds(behind));
    compare();
    ca_secret_deallocate_zeroed(behind);
    ca_trim();
    require(now().mapped_bytes == 0 && now().hide_bytes == 0);
    compare();
}

/* Hidden mappings, parts of which are free: they stay, are used again, and are zero. */
CHILD_TEST(test_Z8_parts_of_hidden_memory_are_kept, 60)
{
    ca_secret blocks[40];

    require(can(CA_PROTECT_HIDE) == kernel_can_hide());
    if (!kernel_can_hide())
        return;
    for (unsigned i = 0; i < 40; i++)
        blocks[i] = take(100000);
    for (unsigned i = 0; i < 40; i += 2)
        ca_secret_deallocate_zeroed(blocks[i]);
    uint64_t mapped = now().mapped_bytes;
    ca_trim();
    require_null(audit_all());
    require_null(audit_zeros(true));
    compare();
    for (unsigned i = 0; i < 40; i += 2)
        blocks[i] = take(100000);
    require(now().mapped_bytes <= mapped);
    in_child(sees_zeros, blocks[7]);
    for (unsigned i = 0; i < 40; i++) {
        require(holds(blocks[i]));
        ca_secret_deallocate_zeroed(blocks[i]);
    }
    ca_trim();
    require_null(audit_all());
    require(now().mapped_bytes == 0);
    compare();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_Z8_left_out_of_core_dumps),
        cmocka_unit_test(test_Z8_flags_and_sizes_of_other_versions),
        cmocka_unit_test(test_Z8_wiped_in_a_forked_child),
        cmocka_unit_test(test_Z8_locked),
        cmocka_unit_test(test_Z8_a_limit_grants_a_part),
        cmocka_unit_test(test_Z8_what_is_refused_is_said),
        cmocka_unit_test(test_Z8_hidden),
        cmocka_unit_test(test_Z8_parts_of_hidden_memory_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
