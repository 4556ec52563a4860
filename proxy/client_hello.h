/*
 * A TLS ClientHello, read far enough to know where it wants to go (RFC 8446
 * section 4.1.2, RFC 6066 section 3, RFC 9849 for ECH). A pure function over the
 * first bytes of a tunnel, which may be split anywhere, over several records.
 */
#ifndef SALLYPORT_PROXY_CLIENT_HELLO_H
#define SALLYPORT_PROXY_CLIENT_HELLO_H

#include "policy/span.h"

#define CLIENT_HELLO_MAXIMUM       16384 /* bytes of handshake message; more is refused */
#define CLIENT_HELLO_BYTES_MAXIMUM 32768 /* with the headers of its records; more is refused */

enum client_hello_result {
    CLIENT_HELLO_MORE,
    CLIENT_HELLO_DONE,
    CLIENT_HELLO_NOT_TLS, /* these bytes begin no TLS connection, or a broken one */
};

struct client_hello {
    bool has_server_name;
    char server_name[256]; /* as sent, NUL-terminated; not yet canonical */
    size_t server_name_length;
    /* encrypted_client_hello is there, GREASE or not, or an extension of the drafts before it */
    bool has_ech;
    bool has_early_data; /* application data may follow at once (RFC 8446, section 4.2.10) */
    size_t length;       /* of its records, with their headers */
    const char *problem; /* CLIENT_HELLO_NOT_TLS: why */
};

/*
 * BYTES: all that came so far, of which no more than CLIENT_HELLO_BYTES_MAXIMUM
 * are looked at. HELLO is meaningful for CLIENT_HELLO_DONE, its `problem` for
 * CLIENT_HELLO_NOT_TLS.
 *
 * Strict: every length must fill exactly what holds it, an extension may stand
 * once, server_name holds exactly one host_name. CLIENT_HELLO_MORE is said only
 * while the headers that are here, of records and of the message, can lead to a
 * hello within the limits. An SSLv2 hello is not TLS. Any version of TLS may be
 * offered: which will do is the server's business. What comes behind the
 * hello's last record is not looked at.
 */
enum client_hello_result client_hello_parse(struct span bytes, struct client_hello *hello);

#endif
