/*
 * Why two ways to refuse: a call that is merely not in the list may be a path of
 * some library that no test has walked; EPERM lets it be handled like any other
 * failure, and the proxy stays up. Nothing in our libraries ever starts a
 * program, traces a process, loads code into the kernel or gains rights: whoever
 * tries is no longer our program, and SIGSYS ends it, with a line in the kernel's
 * audit log.
 *
 * Rests on filters adding up: the one for all threads is put on before any is
 * started, and each thread adds its own, narrower one. The programs are made
 * beforehand, so that a thread only hands one to the kernel.
 */
#include "proxy/sandbox_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CONDITIONS_MAXIMUM 3

struct rule {
    int call;
    unsigned threads;
    unsigned count; /* of conditions, all of which have to hold */
    struct scmp_arg_cmp conditions[CONDITIONS_MAXIMUM];
};

#define START  SANDBOX_START
#define MAIN   SANDBOX_MAIN
#define WORKER SANDBOX_WORKER
#define WRITER SANDBOX_LOG_WRITER
#define ALL    (START | MAIN | WORKER | WRITER)

/* Argument INDEX, of its bits in MASK, is VALUE; or as a whole. The casts sign-extend as the calls
 * do. */
#define MASKED(index, mask, value)                                                                 \
    {                                                                                              \
        (index), SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), (scmp_datum_t)(value)                   \
    }
#define EQUAL(index, value)                                                                        \
    {                                                                                              \
        (index), SCMP_CMP_EQ, (scmp_datum_t)(value), 0                                             \
    }

#define HOW_OPENED (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY))
#define SOCKET(family, type, protocol)                                                             \
    {                                                                                              \
        SCMP_SYS(socket), WORKER, 3,                                                               \
        {                                                                                          \
            EQUAL(0, family), MASKED(1, ~(SOCK_CLOEXEC | SOCK_NONBLOCK), type), EQUAL(2, protocol) \
        }                                                                                          \
    }

/* clang-format off: one line a call */

static const struct rule allowed[] = {
    /* memory, never to be executed */
    {SCMP_SYS(brk), ALL, 0, {{0}}},
    {SCMP_SYS(mmap), ALL, 1, {MASKED(2, PROT_EXEC, 0)}},
    {SCMP_SYS(mprotect), ALL, 1, {MASKED(2, PROT_EXEC, 0)}},
    {SCMP_SYS(mremap), ALL, 0, {{0}}},
    {SCMP_SYS(munmap), ALL, 0, {{0}}},
    {SCMP_SYS(madvise), ALL, 0, {{0}}},
    /* the C library: time (where the vDSO has none), locks, threads, signals, chance, asking who it
       is */
    {SCMP_SYS(clock_gettime), ALL, 0, {{0}}},
    {SCMP_SYS(clock_getres), ALL, 0, {{0}}},
    {SCMP_SYS(gettimeofday), ALL, 0, {{0}}},
    {SCMP_SYS(time), ALL, 0, {{0}}},
    {SCMP_SYS(clock_nanosleep), ALL, 0, {{0}}},
    {SCMP_SYS(nanosleep), ALL, 0, {{0}}},
    {SCMP_SYS(futex), ALL, 0, {{0}}},
    {SCMP_SYS(rseq), ALL, 0, {{0}}},
    {SCMP_SYS(set_robust_list), ALL, 0, {{0}}},
    {SCMP_SYS(sched_yield), ALL, 0, {{0}}},
    {SCMP_SYS(sched_getaffinity), ALL, 0, {{0}}},
    {SCMP_SYS(sysinfo), ALL, 0, {{0}}},
    {SCMP_SYS(rt_sigaction), ALL, 0, {{0}}},
    {SCMP_SYS(rt_sigprocmask), ALL, 0, {{0}}},
    {SCMP_SYS(rt_sigreturn), ALL, 0, {{0}}},
    {SCMP_SYS(restart_syscall), ALL, 0, {{0}}},
    {SCMP_SYS(getrandom), ALL, 0, {{0}}},
    {SCMP_SYS(getpid), ALL, 0, {{0}}},
    {SCMP_SYS(gettid), ALL, 0, {{0}}},
    {SCMP_SYS(getuid), ALL, 0, {{0}}},
    {SCMP_SYS(geteuid), ALL, 0, {{0}}},
    {SCMP_SYS(getgid), ALL, 0, {{0}}},
    {SCMP_SYS(getegid), ALL, 0, {{0}}},
    {SCMP_SYS(exit), ALL, 0, {{0}}},
    {SCMP_SYS(exit_group), ALL, 0, {{0}}},
    /* what is open already */
    {SCMP_SYS(read), ALL, 0, {{0}}},
    {SCMP_SYS(readv), ALL, 0, {{0}}},
    {SCMP_SYS(write), ALL, 0, {{0}}},
    {SCMP_SYS(writev), ALL, 0, {{0}}},
    {SCMP_SYS(close), ALL, 0, {{0}}},
    {SCMP_SYS(fstat), ALL, 0, {{0}}},
    {SCMP_SYS(newfstatat), ALL, 0, {{0}}},
    {SCMP_SYS(lseek), ALL, 0, {{0}}},
    {SCMP_SYS(poll), ALL, 0, {{0}}},
    {SCMP_SYS(ppoll), ALL, 0, {{0}}},
    {SCMP_SYS(fcntl), ALL, 1, {EQUAL(1, F_GETFL)}},
    {SCMP_SYS(fcntl), ALL, 1, {EQUAL(1, F_SETFL)}},
    {SCMP_SYS(fcntl), ALL, 1, {EQUAL(1, F_GETFD)}},
    {SCMP_SYS(fcntl), ALL, 1, {EQUAL(1, F_SETFD)}},
    /* events */
    {SCMP_SYS(epoll_wait), MAIN | WORKER, 0, {{0}}},
    {SCMP_SYS(epoll_pwait), MAIN | WORKER, 0, {{0}}},
    {SCMP_SYS(epoll_ctl), START | MAIN | WORKER, 0, {{0}}},
    {SCMP_SYS(epoll_create1), START, 0, {{0}}},
    {SCMP_SYS(eventfd2), START, 0, {{0}}},
    {SCMP_SYS(pipe2), START | WORKER, 0, {{0}}},
    /* files: read; only the log is written, and only at its end */
    {SCMP_SYS(openat), START | MAIN | WORKER, 1, {MASKED(2, HOW_OPENED, O_RDONLY)}},
    {SCMP_SYS(openat), START | WRITER, 1, {MASKED(2, HOW_OPENED, O_WRONLY | O_APPEND | O_CREAT)}},
    {SCMP_SYS(openat), WRITER, 1, {MASKED(2, HOW_OPENED, O_RDONLY)}},
    {SCMP_SYS(pread64), ALL, 0, {{0}}},
    {SCMP_SYS(getdents64), START | MAIN, 0, {{0}}},
    {SCMP_SYS(flock), START | MAIN | WRITER, 1, {EQUAL(1, LOCK_SH | LOCK_NB)}},
    {SCMP_SYS(flock), START, 1, {EQUAL(1, LOCK_EX | LOCK_NB)}},
    {SCMP_SYS(ftruncate), START, 0, {{0}}},
    {SCMP_SYS(inotify_init1), START, 0, {{0}}},
    {SCMP_SYS(inotify_add_watch), START | MAIN, 0, {{0}}},
    {SCMP_SYS(unlink), START | MAIN, 0, {{0}}},
    {SCMP_SYS(unlinkat), START | MAIN, 1, {EQUAL(2, 0)}},
    /* sockets: accepted ones, and TCP and UDP outwards; bind is how the address guard knows our own
     */
    {SCMP_SYS(accept4), MAIN | WORKER, 0, {{0}}},
    {SCMP_SYS(shutdown), MAIN | WORKER, 0, {{0}}},
    {SCMP_SYS(ioctl), MAIN, 1, {EQUAL(1, FIONREAD)}},
    SOCKET(AF_INET, SOCK_STREAM, 0),
    SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
    SOCKET(AF_INET, SOCK_DGRAM, 0),
    SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
    SOCKET(AF_INET6, SOCK_STREAM, 0),
    SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
    SOCKET(AF_INET6, SOCK_DGRAM, 0),
    SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
    {SCMP_SYS(socketpair), /* an HTTP/2 stream's */
     WORKER,
     3,
     {EQUAL(0, AF_UNIX), MASKED(1, ~(SOCK_CLOEXEC | SOCK_NONBLOCK), SOCK_STREAM), EQUAL(2, 0)}},
    {SCMP_SYS(bind), WORKER, 0, {{0}}},
    {SCMP_SYS(connect), WORKER, 0, {{0}}},
    {SCMP_SYS(getsockname), START | MAIN | WORKER, 0, {{0}}},
    {SCMP_SYS(getpeername), WORKER, 0, {{0}}},
    {SCMP_SYS(getsockopt), WORKER, 0, {{0}}},
    {SCMP_SYS(setsockopt), WORKER, 1, {EQUAL(1, SOL_SOCKET)}},
    {SCMP_SYS(setsockopt), WORKER, 1, {EQUAL(1, IPPROTO_TCP)}},
    {SCMP_SYS(setsockopt), WORKER, 1, {EQUAL(1, IPPROTO_IPV6)}},
    {SCMP_SYS(getsockopt), MAIN, 2, {EQUAL(1, SOL_SOCKET), EQUAL(2, SO_PEERCRED)}},
    {SCMP_SYS(recvfrom), WORKER, 0, {{0}}},
    {SCMP_SYS(sendto), WORKER, 0, {{0}}},
    {SCMP_SYS(sendmsg), MAIN, 0, {{0}}},
    {SCMP_SYS(splice), WORKER, 0, {{0}}},
    /* starting threads, and each of them confining itself further */
    {SCMP_SYS(clone), START, 1, {MASKED(0, CLONE_THREAD, CLONE_THREAD)}},
    {SCMP_SYS(uname), START, 0, {{0}}},
    {SCMP_SYS(landlock_restrict_self), START, 0, {{0}}},
    {SCMP_SYS(seccomp), START, 1, {EQUAL(0, SECCOMP_SET_MODE_FILTER)}},
};

/* Ends the process, whichever thread tries. */
static const struct rule deadly[] = {
    /* other programs and processes */
    {SCMP_SYS(execve), ALL, 0, {{0}}},
    {SCMP_SYS(execveat), ALL, 0, {{0}}},
    {SCMP_SYS(fork), ALL, 0, {{0}}},
    {SCMP_SYS(vfork), ALL, 0, {{0}}},
    {SCMP_SYS(clone), ALL, 1, {MASKED(0, CLONE_THREAD, 0)}},
    {SCMP_SYS(ptrace), ALL, 0, {{0}}},
    {SCMP_SYS(process_vm_readv), ALL, 0, {{0}}},
    {SCMP_SYS(process_vm_writev), ALL, 0, {{0}}},
    {SCMP_SYS(pidfd_getfd), ALL, 0, {{0}}},
    {SCMP_SYS(kcmp), ALL, 0, {{0}}},
    /* rights */
    {SCMP_SYS(setuid), ALL, 0, {{0}}},
    {SCMP_SYS(setreuid), ALL, 0, {{0}}},
    {SCMP_SYS(setresuid), ALL, 0, {{0}}},
    {SCMP_SYS(setgid), ALL, 0, {{0}}},
    {SCMP_SYS(setregid), ALL, 0, {{0}}},
    {SCMP_SYS(setresgid), ALL, 0, {{0}}},
    {SCMP_SYS(setgroups), ALL, 0, {{0}}},
    {SCMP_SYS(setfsuid), ALL, 0, {{0}}},
    {SCMP_SYS(setfsgid), ALL, 0, {{0}}},
    {SCMP_SYS(capset), ALL, 0, {{0}}},
    {SCMP_SYS(unshare), ALL, 0, {{0}}},
    {SCMP_SYS(setns), ALL, 0, {{0}}},
    {SCMP_SYS(keyctl), ALL, 0, {{0}}},
    {SCMP_SYS(add_key), ALL, 0, {{0}}},
    {SCMP_SYS(request_key), ALL, 0, {{0}}},
    /* file systems */
    {SCMP_SYS(mount), ALL, 0, {{0}}},
    {SCMP_SYS(umount2), ALL, 0, {{0}}},
    {SCMP_SYS(pivot_root), ALL, 0, {{0}}},
    {SCMP_SYS(chroot), ALL, 0, {{0}}},
    {SCMP_SYS(open_by_handle_at), ALL, 0, {{0}}},
    /* the kernel */
    {SCMP_SYS(bpf), ALL, 0, {{0}}},
    {SCMP_SYS(io_uring_setup), ALL, 0, {{0}}},
    {SCMP_SYS(userfaultfd), ALL, 0, {{0}}},
    {SCMP_SYS(perf_event_open), ALL, 0, {{0}}},
    {SCMP_SYS(init_module), ALL, 0, {{0}}},
    {SCMP_SYS(finit_module), ALL, 0, {{0}}},
    {SCMP_SYS(delete_module), ALL, 0, {{0}}},
    {SCMP_SYS(kexec_load), ALL, 0, {{0}}},
    {SCMP_SYS(kexec_file_load), ALL, 0, {{0}}},
};

/* clang-format on */

/* As seccomp_rule_add: 0, or a negative errno. */
static int add_rules(scmp_filter_ctx filter, uint32_t action, const struct rule *rules,
                     size_t count, unsigned threads)
{
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        if (rules[i].threads & threads)
            code = seccomp_rule_add_array(filter, action, rules[i].call, rules[i].count,
                                          rules[i].conditions);
    }
    return code;
}

/* abort and the C library's checks send a signal to this process; no other is to get one. */
static int add_own_signals(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp ourselves[] = {EQUAL(0, getpid())};
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, ourselves);
}

/* A filter cannot look into clone3's struct: told that there is no such call, the C library uses
 * clone. */
static int hide_clone3(scmp_filter_ctx filter)
{
    return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, NULL);
}

static int fill(scmp_filter_ctx filter, unsigned threads)
{
    int code = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (code == 0)
        code = add_rules(filter, SCMP_ACT_ALLOW, allowed, sizeof(allowed) / sizeof(allowed[0]),
                         threads);
    if (code == 0)
        code = add_rules(filter, SCMP_ACT_KILL_PROCESS, deadly, sizeof(deadly) / sizeof(deadly[0]),
                         threads);
    if (code == 0)
        code = add_own_signals(filter);
    return code == 0 ? hide_clone3(filter) : code;
}

/* What FD holds, from its beginning. */
static bool read_program(struct sock_fprog *program, int fd)
{
    struct stat file;
    if (fstat(fd, &file) != 0)
        return false;
    size_t size = (size_t)file.st_size, length = size / sizeof(*program->filter);
    program->filter = malloc(size);
    program->len = (unsigned short)length;
    if (program->filter != NULL && length <= BPF_MAXINSNS &&
        pread(fd, program->filter, size, 0) == (ssize_t)size)
        return true;
    free(program->filter);
    program->filter = NULL;
    return false;
}

/* libseccomp writes a program to a descriptor only. */
static int export(scmp_filter_ctx filter, struct sock_fprog *program)
{
    int fd = memfd_create("sallyport-filter", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = seccomp_export_bpf(filter, fd);
    if (code == 0 && !read_program(program, fd))
        code = -EIO;
    close(fd);
    return code;
}

bool sandbox_syscalls_prepare(struct sock_fprog *program, unsigned threads, struct error *error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int code = filter == NULL ? -ENOMEM : fill(filter, threads);
    if (code == 0)
        code = export(filter, program);
    seccomp_release(filter);
    if (code != 0)
        error_set(error, "cannot make the filter of system calls: %s", strerror(-code));
    return code == 0;
}

bool sandbox_syscalls_restrict(const struct sock_fprog *program)
{
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, program) == 0;
}
