/* Promises of proxy/sandbox: what each thread may still do, what it may not, and what ends it. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/sandbox_files.h"
#include "test/proxy/sandboxed.h"
#include "test/suite.h"

enum { MAIN = SANDBOX_MAIN, WORKER = SANDBOX_WORKER, WRITER = SANDBOX_LOG_WRITER };

static int result(long returned)
{
    return returned >= 0 ? 0 : errno;
}

static int open_as(const char *path, int flags)
{
    return result(open(path, flags | O_CLOEXEC, 0600));
}

/* ---- what ends the process -------------------------------------------------------- */

static int run_a_program(void)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    return result(execve("/bin/true", arguments, NULL));
}

static int fork_a_process(void)
{
    return result(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0L));
}

static int be_traced(void)
{
    return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int trace_the_parent(void)
{
    return result(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
}

static int become_root(void)
{
    return result(syscall(SYS_setresuid, 0, 0, 0));
}

static int leave_the_namespace(void)
{
    return result(unshare(CLONE_NEWUSER));
}

static int load_a_program_into_the_kernel(void)
{
    return result(syscall(SYS_bpf, 5, NULL, 0));
}

static int make_a_ring_that_no_filter_sees(void)
{
    return result(syscall(SYS_io_uring_setup, 1, NULL));
}

static const struct {
    sandboxed_act *what;
    int thread;
} deadly[] = {
    {run_a_program, WORKER},
    {run_a_program, WRITER},
    {run_a_program, MAIN},
    {run_a_program, 0},
    {fork_a_process, WORKER},
    {fork_a_process, WRITER},
    {fork_a_process, MAIN},
    {fork_a_process, 0},
    {be_traced, WORKER},
    {trace_the_parent, WORKER},
    {become_root, WORKER},
    {leave_the_namespace, WORKER},
    {load_a_program_into_the_kernel, WORKER},
    {make_a_ring_that_no_filter_sees, WORKER},
};

START_TEST(ends_a_process_that_does_what_ours_never_does)
{
    int status = sandboxed_status(deadly[_i].what, deadly[_i].thread);
    ck_assert_msg(WIFSIGNALED(status), "exit status %d", WEXITSTATUS(status));
    ck_assert_int_eq(WTERMSIG(status), SIGSYS);
}
END_TEST

/* ---- what is refused --------------------------------------------------------------- */

static int open_a_packet_socket(void)
{
    return result(socket(AF_PACKET, SOCK_RAW, 0));
}

static int open_a_raw_socket(void)
{
    return result(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
}

static int open_a_ping_socket(void)
{
    return result(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
}

static int open_a_unix_socket(void)
{
    return result(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int open_a_pair_of_sockets(void)
{
    int ends[2];
    return result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
}

static int open_a_netlink_socket(void)
{
    return result(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int open_a_tcp_socket(void)
{
    return result(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

static int listen_on_a_new_socket(void)
{
    return result(listen(socket(AF_INET, SOCK_STREAM, 0), 1));
}

static int create_a_file(void)
{
    return open_as(sandboxed.elsewhere, O_WRONLY | O_CREAT);
}

static int open_a_file_for_writing(void)
{
    return open_as(sandboxed.hosts, O_RDWR);
}

static int append_to_the_log(void)
{
    return open_as(sandboxed.decisions, O_WRONLY | O_APPEND | O_CREAT);
}

static int empty_the_log(void)
{
    return open_as(sandboxed.decisions, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC);
}

static int overwrite_the_log(void)
{
    return open_as(sandboxed.decisions, O_WRONLY);
}

static int cut_the_log(void)
{
    int fd = open(sandboxed.decisions, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || ftruncate(fd, 0) != 0)
        return errno;
    return 0;
}

static int read_the_key(void)
{
    return open_as(sandboxed.key, O_RDONLY);
}

static int append_to_another_file(void)
{
    return open_as(sandboxed.elsewhere, O_WRONLY | O_APPEND | O_CREAT);
}

static int read_the_hosts_file(void)
{
    return open_as(sandboxed.hosts, O_RDONLY);
}

static int read_the_policy(void)
{
    return open_as(sandboxed.policy_file, O_RDONLY);
}

static int read_another_file(void)
{
    return open_as("/etc/passwd", O_RDONLY);
}

static int remove_a_file(void)
{
    return result(unlink(sandboxed.hosts));
}

static int signal_another_process(void)
{
    return result(kill(getppid(), 0));
}

static int make_memory_executable(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return result(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
}

static int map_executable_memory(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? errno : 0;
}

static void *do_nothing(void *context)
{
    return context;
}

static int start_a_thread(void)
{
    pthread_t thread;
    int code = pthread_create(&thread, NULL, do_nothing, NULL);
    return code != 0 ? code : pthread_join(thread, NULL);
}

static int change_the_filter(void)
{
    return result(syscall(SYS_seccomp, 1, 0, NULL));
}

static int be_dumped_again(void)
{
    return result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static const struct {
    sandboxed_act *what;
    int thread;
    int result;
} answers[] = {
    {open_a_packet_socket, WORKER, EPERM},
    {open_a_raw_socket, WORKER, EPERM},
    {open_a_ping_socket, WORKER, EPERM},
    {open_a_unix_socket, WORKER, EPERM},
    {open_a_netlink_socket, WORKER, EPERM},
    {open_a_pair_of_sockets, WORKER, 0},
    {open_a_pair_of_sockets, MAIN, EPERM},
    {open_a_tcp_socket, WORKER, 0},
    {open_a_tcp_socket, MAIN, EPERM},
    {open_a_tcp_socket, WRITER, EPERM},
    {listen_on_a_new_socket, WORKER, EPERM},
    {create_a_file, WORKER, EPERM},
    {create_a_file, MAIN, EPERM},
    {create_a_file, WRITER, EPERM},
    {open_a_file_for_writing, WORKER, EPERM},
    {open_a_file_for_writing, MAIN, EPERM},
    {append_to_the_log, WRITER, 0},
    {append_to_the_log, 0, 0},
    {append_to_the_log, WORKER, EPERM},
    {append_to_the_log, MAIN, EPERM},
    {empty_the_log, WRITER, EPERM},
    {overwrite_the_log, WRITER, EPERM},
    {cut_the_log, 0, 0},
    {cut_the_log, WRITER, EPERM},
    {read_the_key, MAIN, 0},
    {read_the_hosts_file, WORKER, 0},
    {read_the_policy, MAIN, 0},
    {remove_a_file, WORKER, EPERM},
    {remove_a_file, WRITER, EPERM},
    {signal_another_process, WORKER, EPERM},
    {make_memory_executable, WORKER, EPERM},
    {map_executable_memory, MAIN, EPERM},
    {start_a_thread, 0, 0},
    {start_a_thread, WORKER, EPERM},
    {start_a_thread, MAIN, EPERM},
    {change_the_filter, WORKER, EPERM},
    {be_dumped_again, WORKER, EPERM},
};

START_TEST(lets_each_thread_do_its_own_part_alone)
{
    ck_assert_int_eq(sandboxed_result(answers[_i].what, answers[_i].thread), answers[_i].result);
}
END_TEST

static const struct {
    sandboxed_act *what;
    int thread;
} files_kept_apart[] = {
    {append_to_another_file, WRITER}, {read_the_policy, WORKER}, {read_another_file, WORKER},
    {read_another_file, MAIN},        {read_another_file, 0},    {read_the_hosts_file, MAIN},
    {read_the_policy, WRITER},        {remove_a_file, MAIN},     {read_the_key, WORKER},
    {read_the_key, WRITER},
};

START_TEST(shows_each_thread_its_own_files_alone)
{
    if (sandbox_files_available())
        ck_assert_int_eq(sandboxed_result(files_kept_apart[_i].what, files_kept_apart[_i].thread),
                         EACCES);
}
END_TEST

/* ---- what is replaced while it runs -------------------------------------------------- */

static int ready[2], replaced[2];

static int read_the_policy_when_replaced(void)
{
    char byte = 0;
    if (write(ready[1], &byte, 1) != 1 || read(replaced[0], &byte, 1) != 1)
        return errno;
    return read_the_policy();
}

START_TEST(lets_the_policy_directory_be_replaced_by_another)
{
    char aside[80], byte = 0;
    snprintf(aside, sizeof(aside), "%s.new", sandboxed.policy);
    ck_assert_int_eq(pipe(ready), 0);
    ck_assert_int_eq(pipe(replaced), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(sandboxed_do(read_the_policy_when_replaced, MAIN));

    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(mkdir(aside, 0755), 0);
    ck_assert_int_eq(remove(sandboxed.policy_file), 0);
    ck_assert_int_eq(rename(aside, sandboxed.policy), 0);
    sandboxed_write_file(sandboxed.policy_file);
    ck_assert_int_eq(write(replaced[1], &byte, 1), 1);

    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

static void add_tests(TCase *all)
{
    tcase_add_checked_fixture(all, sandboxed_set_up, sandboxed_tear_down);
    tcase_add_loop_test(all, ends_a_process_that_does_what_ours_never_does, 0,
                        (int)(sizeof(deadly) / sizeof(deadly[0])));
    tcase_add_loop_test(all, lets_each_thread_do_its_own_part_alone, 0,
                        (int)(sizeof(answers) / sizeof(answers[0])));
    tcase_add_loop_test(all, shows_each_thread_its_own_files_alone, 0,
                        (int)(sizeof(files_kept_apart) / sizeof(files_kept_apart[0])));
    tcase_add_test(all, lets_the_policy_directory_be_replaced_by_another);
}

int main(void)
{
    Suite *suite = suite_create("proxy/sandbox");
    TCase *all = tcase_create("all");
    if (sandboxed_possible())
        add_tests(all);
    else
        puts("note: left out: sanitizers and valgrind call what the filter forbids");
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
