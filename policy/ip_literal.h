/*
 * IP literals as text: the one IPv4 spelling that is canonical, every other
 * spelling that some resolver would take for an address, and IPv6.
 */
#ifndef SALLYPORT_POLICY_IP_LITERAL_H
#define SALLYPORT_POLICY_IP_LITERAL_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/span.h"

/* Room for any address as text, NUL included. */
#define IP_LITERAL_TEXT_SIZE 46

enum ipv4_form {
    IPV4_NONE,        /* a name: its last label is not a number */
    IPV4_CANONICAL,   /* four decimal parts without leading zeros */
    IPV4_OTHER_FORM,  /* another spelling of an address: octal, hex, one to three parts */
    IPV4_NOT_ADDRESS, /* ends in a number but means no address: 1.2.3.256, example.1 */
};

/*
 * Judges NAME (lower case, no trailing dot) by the WHATWG URL Standard, "ends
 * in a number checker" and "IPv4 parser". ADDRESS, network order, is filled for
 * the canonical and the other forms.
 */
enum ipv4_form ipv4_judge(struct span name, uint8_t address[4]);

void ipv4_format(const uint8_t address[4], char text[IP_LITERAL_TEXT_SIZE]);

/* RFC 4291, section 2.2, without brackets and zone. ADDRESS in network order. */
bool ipv6_parse(struct span text, uint8_t address[16]);

/* RFC 5952, mapped and compatible addresses in mixed form (its section 5). */
void ipv6_format(const uint8_t address[16], char text[IP_LITERAL_TEXT_SIZE]);

#endif
