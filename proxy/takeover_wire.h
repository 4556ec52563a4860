/*
 * What two processes of ours say to each other while one takes over from the
 * other: short messages over a unix socket that keeps them apart, with
 * descriptors beside them. The socket has a name in the abstract namespace made
 * of the address of the first listener, so it exists once wherever that address
 * does, and leaves no file behind.
 *
 *   the new one                      the old one
 *   WANT 127.0.0.1:3128     ->
 *                           <-       HERE with descriptors, as often as it takes
 *                           <-       ALL
 *   …
 *   READY                   ->       stops accepting
 *                           <-       ALL
 *   POLICY, LOG,            ->       loads the policy, opens the log, reads certificates and
 *   IDENTITIES                       who is who again, as the new one does
 * or, instead of READY:
 *   FAILED why              ->       goes on as if nothing had been
 */
#ifndef SALLYPORT_PROXY_TAKEOVER_WIRE_H
#define SALLYPORT_PROXY_TAKEOVER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "policy/error.h"
#include "policy/span.h"

enum takeover_word {
    TAKEOVER_WANT = 'w',
    TAKEOVER_HERE = 'h',
    TAKEOVER_ALL = 'a',
    TAKEOVER_READY = 'r',
    TAKEOVER_FAILED = 'f',
    TAKEOVER_POLICY = 'p',
    TAKEOVER_LOG = 'l',
    TAKEOVER_IDENTITIES = 'i',
};

#define TAKEOVER_TEXT_MAXIMUM        1023
#define TAKEOVER_ADDRESS_SIZE        128 /* room for the address of a listener, with its NUL */
#define TAKEOVER_DESCRIPTORS_MAXIMUM 64  /* in one message */

struct takeover_message {
    char word; /* enum takeover_word */
    char text[TAKEOVER_TEXT_MAXIMUM + 1];
    int descriptors[TAKEOVER_DESCRIPTORS_MAXIMUM];
    size_t count;
};

/*
 * A socket that waits for whoever takes over from the process whose first listener
 * is at ADDRESS; non-blocking. -1: errno says why (EADDRINUSE: somebody has the name).
 */
int takeover_listen(const char *address);

/*
 * Connects to the process whose first listener is at ADDRESS. Blocks, and so do
 * sends and receives, for half a minute at most. -1: ERROR says why; a process of
 * another user is an error.
 */
int takeover_connect(const char *address, struct error *error);

/* Who is at the other end: its process, or -1 where it is not of user OWNER. */
pid_t takeover_peer(int fd, uid_t owner);

/* False: errno says why. TEXT is cut to TAKEOVER_TEXT_MAXIMUM. */
bool takeover_say(int fd, enum takeover_word word, struct span text);

/* HERE, with COUNT (1 to TAKEOVER_DESCRIPTORS_MAXIMUM) descriptors. False: errno says why. */
bool takeover_give(int fd, const int *descriptors, size_t count);

/* The next message; its descriptors are the caller's. False: the end, an error, or no message of
 * ours (errno says which; 0 for the end). */
bool takeover_receive(int fd, struct takeover_message *message);

/* The same by read(2), for whoever wants no descriptors: what is sent along is closed unseen. */
bool takeover_hear(int fd, struct takeover_message *message);

#endif
