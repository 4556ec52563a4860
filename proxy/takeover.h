/*
 * The new process's side of a takeover: finds the process that is to make way,
 * asks it for sockets by the addresses that the configuration names, and tells it
 * how the start ended. takeover_wire.h shows the conversation.
 */
#ifndef SALLYPORT_PROXY_TAKEOVER_H
#define SALLYPORT_PROXY_TAKEOVER_H

#include "conf/configuration.h"
#include "proxy/takeover_wire.h"

struct takeover {
    int fd; /* -1: nobody is taken over from */
};

/* From the process whose first listener is at ADDRESS. False: ERROR says why. */
bool takeover_begin(struct takeover *takeover, const char *address, struct error *error);

/* From the process whose first listener is at one of CONFIGURATION's. False: ERROR says why. */
bool takeover_find(struct takeover *takeover, const struct configuration *configuration,
                   struct error *error);

/* What else can be asked for: these words before its address. */
#define TAKEOVER_ADMIN      "admin "
#define TAKEOVER_SUCCESSION "takeover " /* where whoever follows is waited for */
#define TAKEOVER_WHAT_SIZE  (sizeof(TAKEOVER_SUCCESSION) + TAKEOVER_ADDRESS_SIZE)

/* How the listener at IP and PORT, or at UNIX_PATH where it is not NULL, is called. */
void takeover_address(const char *unix_path, const struct ip *ip, uint16_t port,
                      char address[TAKEOVER_ADDRESS_SIZE]);

/*
 * What the old process listens with at ADDRESS: COUNT new descriptors in *DESCRIPTORS
 * (free; NULL where there are none, or nobody is taken over from). Those that
 * do not listen are not among them. False: ERROR says why.
 */
bool takeover_ask(const struct takeover *takeover, const char *address, int **descriptors,
                  size_t *count, struct error *error);

/* The same where at most one is wanted: *DESCRIPTOR is -1 where there is none. */
bool takeover_ask_one(const struct takeover *takeover, const char *address, int *descriptor,
                      struct error *error);

/* The start went well: the old process makes way. False: it is gone, and the sockets are worth
 * nothing; ERROR says so. */
bool takeover_succeed(struct takeover *takeover, struct error *error);

/* It did not: the old process stays, and says WHY. */
void takeover_fail(struct takeover *takeover, const struct error *why);

/* POLICY, LOG or IDENTITIES: what was done here is to be done there. Nothing where it has ended. */
void takeover_pass_on(struct takeover *takeover, enum takeover_word word);

void takeover_end(struct takeover *takeover);

#endif
