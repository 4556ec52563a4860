/*
 * Rests on SOCK_SEQPACKET: one send is one receive (unix(7)). Whom it is talking
 * to each side asks the kernel (SO_PEERCRED): anyone may connect to an abstract
 * name, or take it before us, and is then turned away by who they are.
 * A signal ends none of these calls: where a socket has a time to wait, the kernel
 * starts none of them again by itself (signal(7)).
 */
#include "proxy/takeover_wire.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME_PREFIX      "sallyport/"
#define BACKLOG          4
#define PATIENCE_SECONDS 30

/* The name's leading NUL makes it abstract. Of an address that is too long its end is taken, which
 * is what tells paths apart. */
static socklen_t make_name(const char *address, struct sockaddr_un *name)
{
    const size_t room = sizeof(name->sun_path) - sizeof(NAME_PREFIX);
    size_t length = strlen(address);
    size_t cut = length > room ? length - room : 0;
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(name->sun_path + 1, NAME_PREFIX, sizeof(NAME_PREFIX) - 1);
    memcpy(name->sun_path + sizeof(NAME_PREFIX), address + cut, length - cut);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(NAME_PREFIX) + length - cut);
}

static int close_failed(int fd)
{
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

int takeover_listen(const char *address)
{
    struct sockaddr_un name;
    socklen_t length = make_name(address, &name);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&name, length) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    return close_failed(fd);
}

static bool is_patient(int fd)
{
    const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0;
}

int takeover_connect(const char *address, struct error *error)
{
    struct sockaddr_un name;
    socklen_t length = make_name(address, &name);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || !is_patient(fd) || connect(fd, (const struct sockaddr *)&name, length) != 0) {
        error_set(error, "nobody at %s can be taken over from: %s", address, strerror(errno));
        return fd < 0 ? -1 : close_failed(fd);
    }
    if (takeover_peer(fd, geteuid()) >= 0)
        return fd;
    error_set(error, "cannot take over from the process at %s: it was started by another user",
              address);
    return close_failed(fd);
}

pid_t takeover_peer(int fd, uid_t owner)
{
    struct ucred peer = {.pid = -1};
    socklen_t size = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != owner)
        return -1;
    return peer.pid;
}

/* ---- messages ---------------------------------------------------------------- */

bool takeover_say(int fd, enum takeover_word word, struct span text)
{
    char bytes[1 + TAKEOVER_TEXT_MAXIMUM];
    size_t length = text.length < TAKEOVER_TEXT_MAXIMUM ? text.length : TAKEOVER_TEXT_MAXIMUM;
    bytes[0] = (char)word;
    if (length > 0)
        memcpy(bytes + 1, text.data, length);
    return TEMP_FAILURE_RETRY(write(fd, bytes, length + 1)) == (ssize_t)(length + 1);
}

union control {
    struct cmsghdr head; /* for its alignment */
    char bytes[CMSG_SPACE(TAKEOVER_DESCRIPTORS_MAXIMUM * sizeof(int))];
};

bool takeover_give(int fd, const int *descriptors, size_t count)
{
    char word = TAKEOVER_HERE;
    struct iovec part = {&word, 1};
    union control control = {.bytes = {0}};
    const size_t size = count * sizeof(int);
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_SPACE(size)};
    control.head = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.head), descriptors, size);
    return TEMP_FAILURE_RETRY(sendmsg(fd, &message, MSG_NOSIGNAL)) == 1;
}

/* BYTES came, the word and its text. */
static bool parse(struct takeover_message *message, const char *bytes, ssize_t length)
{
    if (length < 1) {
        errno = length == 0 ? 0 : errno;
        return false;
    }
    message->word = bytes[0];
    memcpy(message->text, bytes + 1, (size_t)length - 1);
    message->text[length - 1] = '\0';
    return true;
}

static void take_descriptors(struct takeover_message *message, struct msghdr *received)
{
    const struct cmsghdr *head = CMSG_FIRSTHDR(received);
    if (head == NULL || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
        return;
    message->count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(message->descriptors, CMSG_DATA(head), message->count * sizeof(int));
}

bool takeover_receive(int fd, struct takeover_message *message)
{
    char bytes[1 + TAKEOVER_TEXT_MAXIMUM] = "";
    struct iovec part = {bytes, sizeof(bytes)};
    union control control = {.bytes = {0}};
    struct msghdr received = {.msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof(control.bytes)};
    *message = (struct takeover_message){.count = 0};
    ssize_t length = TEMP_FAILURE_RETRY(recvmsg(fd, &received, MSG_CMSG_CLOEXEC));
    if (length > 0)
        take_descriptors(message, &received);
    return parse(message, bytes, length);
}

bool takeover_hear(int fd, struct takeover_message *message)
{
    char bytes[1 + TAKEOVER_TEXT_MAXIMUM] = "";
    *message = (struct takeover_message){.count = 0};
    return parse(message, bytes, TEMP_FAILURE_RETRY(read(fd, bytes, sizeof(bytes))));
}
