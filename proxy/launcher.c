/*
 * The child is told nothing but an address, so that whoever may have got hold of
 * this process can have the installed program started on the installed
 * configuration, and no more. The program is found by the name that this one
 * was called by, and so may have been replaced, or a link to it set anew.
 */
#include "proxy/launcher.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/takeover_wire.h"

#define OPTION "--takeover="

/* Those that are sent to a whole group of processes, and mean the proxy itself. */
static const int not_for_us[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGTERM};
#define NOT_FOR_US (sizeof(not_for_us) / sizeof(not_for_us[0]))

static void set_signals(void (*handler)(int))
{
    for (size_t i = 0; i < NOT_FOR_US; i++)
        signal(not_for_us[i], handler);
    signal(SIGCHLD, handler); /* ignored: what was started is not waited for */
}

static void start_program(const char *configuration_path, const char *address)
{
    char option[sizeof(OPTION) + TAKEOVER_ADDRESS_SIZE];
    const char *program = program_invocation_name;
    snprintf(option, sizeof(option), OPTION "%s", address);
    pid_t child = fork();
    if (child < 0)
        fprintf(stderr, "sallyport: cannot start %s: %s\n", program, strerror(errno));
    if (child != 0)
        return;
    set_signals(SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    execlp(program, program, "run", "--config", configuration_path, option, (char *)NULL);
    fprintf(stderr, "sallyport: cannot start %s: %s\n", program, strerror(errno));
    _exit(1);
}

/* Until the other side is closed. */
static void serve(int fd, const char *configuration_path)
{
    char address[TAKEOVER_ADDRESS_SIZE];
    ssize_t length;
    set_signals(SIG_IGN);
    (void)prctl(PR_SET_NAME, "sallyport-start", 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    while ((length = read(fd, address, sizeof(address) - 1)) > 0) {
        address[length] = '\0';
        start_program(configuration_path, address);
    }
}

int launcher_make(const char *configuration_path)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        serve(ends[1], configuration_path);
        _exit(0);
    }
    int reason = errno;
    close(ends[1]);
    if (child > 0)
        return ends[0];
    close(ends[0]);
    errno = reason;
    return -1;
}

bool launcher_start(int launcher, const char *address)
{
    size_t length = strlen(address);
    return write(launcher, address, length) == (ssize_t)length;
}
