/* RFC 1035 section 4: one question in, what the zone of fake_dns.h says out. */
#include "fake_dns.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28 };
enum { NO_ERROR = 0, SERVFAIL = 2, NXDOMAIN = 3 };

struct question {
    char name[256];
    unsigned type;
    size_t end; /* of the question in its message */
};

struct message {
    uint8_t bytes[1500];
    size_t length;
    unsigned answers;
};

static void put16(struct message *message, unsigned value)
{
    message->bytes[message->length++] = (uint8_t)(value >> 8);
    message->bytes[message->length++] = (uint8_t)value;
}

static void put_bytes(struct message *message, const void *bytes, size_t length)
{
    memcpy(message->bytes + message->length, bytes, length);
    message->length += length;
}

static bool read_question(const uint8_t *bytes, size_t length, struct question *question)
{
    size_t at = 12, written = 0;
    while (at < length && bytes[at] != 0) {
        size_t label = bytes[at++];
        if (at + label >= length || written + label + 2 > sizeof(question->name))
            return false;
        memcpy(question->name + written, bytes + at, label);
        written += label;
        question->name[written++] = '.';
        at += label;
    }
    if (at + 5 > length || written == 0)
        return false;
    question->name[written - 1] = '\0';
    question->type = (unsigned)bytes[at + 1] << 8 | bytes[at + 2];
    question->end = at + 5;
    return true;
}

/* The owner's name is a pointer to the question's, or the bytes of OWNER. */
static void put_record(struct message *message, const char *owner, unsigned type, uint32_t ttl,
                       const void *data, size_t length)
{
    if (owner == NULL)
        put16(message, 0xC00C);
    else
        put_bytes(message, owner, strlen(owner) + 1);
    put16(message, type);
    put16(message, 1);
    put16(message, ttl >> 16);
    put16(message, ttl & 0xFFFF);
    put16(message, (unsigned)length);
    put_bytes(message, data, length);
    message->answers++;
}

static void put_addresses(struct message *message, unsigned type, uint32_t ttl, unsigned count)
{
    uint8_t v4[4] = {192, 0, 2, 0}, v6[16] = {0x20, 0x01, 0x0d, 0xb8};
    for (unsigned i = 1; i <= count; i++) {
        v4[3] = v6[15] = (uint8_t)i;
        if (type == TYPE_A)
            put_record(message, NULL, type, ttl, v4, sizeof(v4));
        else
            put_record(message, NULL, type, ttl, v6, sizeof(v6));
    }
}

static bool is(const struct question *question, const char *label)
{
    size_t length = strlen(label);
    return strncmp(question->name, label, length) == 0 && question->name[length] == '.';
}

static void put_answers(struct message *message, const struct question *question, uint32_t ttl)
{
    static const char four[] = "\4four\4test", other[] = "\5other\4test";
    static const uint8_t address[4] = {192, 0, 2, 9};
    bool v4 = question->type == TYPE_A;
    if (is(question, "plain") || is(question, "later4") || is(question, "later6") ||
        (v4 && (is(question, "four") || is(question, "wrongid"))))
        put_addresses(message, question->type, ttl, 1);
    if (is(question, "mixed"))
        put_addresses(message, question->type, ttl, 3);
    if (v4 && (is(question, "many") || is(question, "big")))
        put_addresses(message, question->type, ttl, 20);
    if (is(question, "lie") && v4)
        put_record(message, other, TYPE_A, ttl, address, sizeof(address));
    if (is(question, "alias")) {
        put_record(message, NULL, TYPE_CNAME, ttl, four, sizeof(four));
        if (v4)
            put_record(message, four, TYPE_A, ttl + 1000, address, sizeof(address));
    }
}

static unsigned code_of(const struct fake_dns *dns, const struct question *question)
{
    if (dns->failing || is(question, "fail"))
        return SERVFAIL;
    return dns->empty || is(question, "nx") ? NXDOMAIN : NO_ERROR;
}

/* The whole answer to REQUEST; false: none is given. */
static bool answer(struct fake_dns *dns, const uint8_t *request, size_t length, bool over_tcp,
                   struct message *reply)
{
    struct question question;
    *reply = (struct message){.length = 0};
    if (length > 512 || !read_question(request, length, &question) || is(&question, "silent") ||
        is(&question, question.type == TYPE_A ? "later4" : "later6"))
        return false;
    bool truncated = is(&question, "big") && !over_tcp;
    memcpy(dns->last_name, question.name, sizeof(dns->last_name));
    put_bytes(reply, request, question.end);
    if (!truncated && code_of(dns, &question) == NO_ERROR)
        put_answers(reply, &question, dns->ttl);
    if (is(&question, "wrongid"))
        reply->bytes[0] ^= 0x55;
    reply->bytes[2] = (uint8_t)(0x81 | (truncated ? 0x02 : 0));
    reply->bytes[3] = (uint8_t)(0x80 | code_of(dns, &question));
    memset(reply->bytes + 4, 0, 8);
    reply->bytes[5] = 1;
    reply->bytes[7] = (uint8_t)reply->answers;
    return true;
}

static void count_question(struct fake_dns *dns, const uint8_t *request, size_t length)
{
    struct question question;
    if (read_question(request, length, &question) && question.type == TYPE_A)
        dns->questions++;
}

static void on_udp(evutil_socket_t socket, short what, void *context)
{
    struct fake_dns *dns = context;
    struct sockaddr_storage peer;
    socklen_t peer_length = sizeof(peer);
    uint8_t request[1500];
    struct message reply;
    (void)what;
    ssize_t got =
        recvfrom(socket, request, sizeof(request), 0, (struct sockaddr *)&peer, &peer_length);
    if (got <= 0)
        return;
    count_question(dns, request, (size_t)got);
    if (answer(dns, request, (size_t)got, false, &reply))
        ck_assert_int_eq(
            sendto(socket, reply.bytes, reply.length, 0, (struct sockaddr *)&peer, peer_length),
            (ssize_t)reply.length);
}

/* A client's questions, one behind the other, until it goes. */
static void on_stream(evutil_socket_t stream, short what, void *context)
{
    struct fake_dns *dns = context;
    uint8_t request[1500];
    struct message reply;
    (void)what;
    ssize_t got = recv(stream, request, sizeof(request), 0);
    size_t at = 0;
    while (got > 2 && at + 2 < (size_t)got) {
        size_t length = (size_t)request[at] << 8 | request[at + 1];
        if (answer(dns, request + at + 2, length, true, &reply)) {
            uint8_t prefix[2] = {(uint8_t)(reply.length >> 8), (uint8_t)reply.length};
            ck_assert_int_eq(send(stream, prefix, 2, MSG_NOSIGNAL), 2);
            ck_assert_int_eq(send(stream, reply.bytes, reply.length, MSG_NOSIGNAL),
                             (ssize_t)reply.length);
            dns->over_tcp++;
        }
        at += 2 + length;
    }
    if (got <= 0)
        close(stream);
    else
        event_base_once(event_get_base(dns->tcp), stream, EV_READ, on_stream, dns, NULL);
}

static void on_tcp(evutil_socket_t listener, short what, void *context)
{
    struct fake_dns *dns = context;
    int stream = accept(listener, NULL, NULL);
    (void)what;
    ck_assert_int_ge(stream, 0);
    event_base_once(event_get_base(dns->tcp), stream, EV_READ, on_stream, dns, NULL);
}

/* Both sockets on one port of the kernel's choice. */
void fake_dns_start(struct fake_dns *dns, struct event_base *base)
{
    struct sockaddr_storage address;
    socklen_t length;
    *dns = (struct fake_dns){.ttl = 60, .address.ip = {4, {127, 0, 0, 1}}};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    length = ip_to_sockaddr(&dns->address.ip, 0, &address);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(listener, 4), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    int datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(datagrams, (struct sockaddr *)&address, length), 0);
    ck_assert(ip_from_sockaddr((struct sockaddr *)&address, &dns->address.ip, &dns->address.port));
    dns->udp = event_new(base, datagrams, EV_READ | EV_PERSIST, on_udp, dns);
    dns->tcp = event_new(base, listener, EV_READ | EV_PERSIST, on_tcp, dns);
    ck_assert_int_eq(event_add(dns->udp, NULL), 0);
    ck_assert_int_eq(event_add(dns->tcp, NULL), 0);
}

void fake_dns_stop(struct fake_dns *dns)
{
    close(event_get_fd(dns->udp));
    close(event_get_fd(dns->tcp));
    event_free(dns->udp);
    event_free(dns->tcp);
}
