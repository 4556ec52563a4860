/*
 * A name server in the test's own event loop, over UDP and TCP on loopback. What
 * it says of a name follows from the name's first label:
 *   plain     A 192.0.2.1, AAAA 2001:db8::1      four     A alone
 *   many      20 A                                mixed    3 A, 3 AAAA
 *   nx        NXDOMAIN                            empty    neither A nor AAAA
 *   fail      SERVFAIL                            silent   nothing
 *   lie       an A of another name                alias    CNAME to four.test, A of that
 *   big       UDP: truncated; TCP: 20 A           wrongid  an answer with another id
 *   later6    A 192.0.2.1, of AAAA nothing        later4   AAAA 2001:db8::1, of A nothing
 */
#ifndef SALLYPORT_TEST_PROXY_FAKE_DNS_H
#define SALLYPORT_TEST_PROXY_FAKE_DNS_H

#include <event2/event.h>

#include "conf/configuration.h"

struct fake_dns {
    struct event *udp;
    struct event *tcp;
    struct resolver_address address;
    uint32_t ttl;       /* of every record */
    bool failing;       /* SERVFAIL to everything */
    bool empty;         /* NXDOMAIN to everything */
    unsigned questions; /* for A, over UDP */
    unsigned over_tcp;
    char last_name[256];
};

void fake_dns_start(struct fake_dns *dns, struct event_base *base);
void fake_dns_stop(struct fake_dns *dns);

#endif
