/*
 * Attempts begin one by one, in the resolver's order: at once when one has failed,
 * else when the one before has had its moment (DEADLINE_NEXT_ATTEMPT). Whoever is
 * told (`wake`) reads `status`; nobody is told from within dial_start.
 */
#include "proxy/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <unistd.h>

#include "proxy/clock.h"
#include "proxy/worker.h"

static void try_addresses(struct dial *dial);

static void end_query(struct dial *dial)
{
    if (dial->query != NULL)
        resolver_cancel(dial->query);
    dial->query = NULL;
}

static void finish(struct dial *dial, enum dial_status status)
{
    end_query(dial);
    dial->status = status;
    if (status == DIAL_CONNECTED)
        metrics_observe(dial->worker->metrics, HISTOGRAM_DIAL_SECONDS,
                        clock_nanoseconds() - dial->started);
    else
        metrics_add(dial->worker->metrics, METRIC_DIAL_FAILURES, 1);
}

static enum dial_status status_of_errno(int code)
{
    switch (code) {
    case ECONNREFUSED:
        return DIAL_REFUSED;
    case ETIMEDOUT:
        return DIAL_TIMEOUT;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return DIAL_OUT_OF_DESCRIPTORS;
    default:
        return DIAL_UNREACHABLE;
    }
}

static void drop_attempt(struct dial_attempt *attempt)
{
    deadline_end(attempt->dial->worker->deadlines, &attempt->deadline);
    upstream_free(attempt->upstream, false);
    attempt->upstream = NULL;
}

static void drop_all_attempts(struct dial *dial)
{
    deadline_end(dial->worker->deadlines, &dial->delay);
    for (size_t i = 0; i < DIAL_ATTEMPTS_MAXIMUM; i++) {
        if (dial->attempts[i].upstream != NULL)
            drop_attempt(&dial->attempts[i]);
    }
}

static void attempt_failed(struct dial_attempt *attempt, enum dial_status failure)
{
    drop_attempt(attempt);
    attempt->dial->failure = failure;
    try_addresses(attempt->dial);
}

static void attempt_connected(struct dial_attempt *attempt)
{
    struct dial *dial = attempt->dial;
    dial->upstream = attempt->upstream;
    attempt->upstream = NULL;
    deadline_end(dial->worker->deadlines, &attempt->deadline);
    drop_all_attempts(dial);
    finish(dial, DIAL_CONNECTED);
}

/* The dial may be gone when this returns. */
static void tell_if_over(struct dial *dial)
{
    if (dial->status != DIAL_RUNNING)
        dial->wake(dial->context);
}

static void on_attempt_event(void *owner)
{
    struct dial_attempt *attempt = owner;
    const struct transport *transport = &attempt->upstream->transport;
    int code = 0;
    socklen_t length = sizeof(code);
    if (!transport->writable)
        return;
    if (getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &code, &length) != 0)
        code = errno;
    if (code == 0)
        attempt_connected(attempt);
    else
        attempt_failed(attempt, status_of_errno(code));
    tell_if_over(attempt->dial);
}

void dial_attempt_timed_out(struct deadline *deadline, enum deadline_kind kind)
{
    struct dial_attempt *attempt =
        (struct dial_attempt *)(void *)((char *)deadline - offsetof(struct dial_attempt, deadline));
    (void)kind;
    attempt_failed(attempt, DIAL_TIMEOUT);
    tell_if_over(attempt->dial);
}

void dial_next_attempt_due(struct deadline *deadline, enum deadline_kind kind)
{
    struct dial *dial = (struct dial *)(void *)((char *)deadline - offsetof(struct dial, delay));
    (void)kind;
    try_addresses(dial);
    tell_if_over(dial);
}

/* -1: errno says why. */
static int open_socket(const struct ip *ip)
{
    const int on = 1;
    int family = ip->family == 4 ? AF_INET : AF_INET6;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    return fd;
}

/* DIAL_RUNNING: ATTEMPT is under way. */
static enum dial_status connect_to(struct dial_attempt *attempt, const struct ip *ip)
{
    const struct dial *dial = attempt->dial;
    struct worker *worker = dial->worker;
    struct sockaddr_storage address;
    socklen_t length = ip_to_sockaddr(ip, dial->port, &address);
    int fd = open_socket(ip);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE) && worker_close_idle_upstream(worker))
        fd = open_socket(ip);
    if (fd < 0)
        return status_of_errno(errno);
    metrics_add(worker->metrics, METRIC_UPSTREAMS_DIALLED, 1);
    if (connect(fd, (const struct sockaddr *)&address, length) != 0 && errno != EINPROGRESS) {
        enum dial_status failure = status_of_errno(errno);
        close(fd);
        return failure;
    }
    attempt->upstream = upstream_new(worker->poller, fd, ip, dial->port, worker->metrics,
                                     on_attempt_event, attempt);
    if (attempt->upstream == NULL)
        return DIAL_OUT_OF_DESCRIPTORS;
    deadline_start(worker->deadlines, &attempt->deadline, DEADLINE_DIAL);
    return DIAL_RUNNING;
}

static bool is_prohibited(struct dial *dial, const struct ip *ip)
{
    const char *refusal = address_guard_refuses(dial->worker->guard, ip, dial->port);
    if (refusal == NULL)
        return false;
    dial->prohibited = refusal;
    dial->prohibited_ip = *ip;
    return true;
}

/* NULL: all are under way. */
static struct dial_attempt *free_attempt(struct dial *dial)
{
    for (size_t i = 0; i < DIAL_ATTEMPTS_MAXIMUM; i++) {
        if (dial->attempts[i].upstream == NULL)
            return &dial->attempts[i];
    }
    return NULL;
}

static bool has_attempts(const struct dial *dial)
{
    for (size_t i = 0; i < DIAL_ATTEMPTS_MAXIMUM; i++) {
        if (dial->attempts[i].upstream != NULL)
            return true;
    }
    return false;
}

/* Goes through the addresses until one more attempt is under way or none is left to begin. */
static bool begin_attempt(struct dial *dial)
{
    struct dial_attempt *attempt = free_attempt(dial);
    while (attempt != NULL && dial->next < dial->answer.count) {
        const struct ip *ip = &dial->answer.addresses[dial->next++];
        if (is_prohibited(dial, ip))
            continue;
        attempt->dial = dial;
        enum dial_status status = connect_to(attempt, ip);
        if (status == DIAL_RUNNING)
            return true;
        dial->failure = status;
    }
    return false;
}

static void try_addresses(struct dial *dial)
{
    if (begin_attempt(dial) && dial->next < dial->answer.count)
        deadline_start(dial->worker->deadlines, &dial->delay, DEADLINE_NEXT_ATTEMPT);
    if (has_attempts(dial) || dial->query != NULL)
        return;
    deadline_end(dial->worker->deadlines, &dial->delay);
    finish(dial, dial->failure);
}

/* More addresses do not hurry the attempt that is under way. */
static void go_on(struct dial *dial)
{
    if (!has_attempts(dial))
        try_addresses(dial);
    else if (dial->next < dial->answer.count && !dial->delay.running)
        deadline_start(dial->worker->deadlines, &dial->delay, DEADLINE_NEXT_ATTEMPT);
}

static void take_answer(struct dial *dial)
{
    switch (dial->answer.status) {
    case RESOLVER_OK:
        go_on(dial);
        return;
    case RESOLVER_NOT_FOUND:
        finish(dial, DIAL_NAME_NOT_FOUND);
        return;
    case RESOLVER_TIMEOUT:
        finish(dial, DIAL_NAME_TIMEOUT);
        return;
    case RESOLVER_FAILED:
        finish(dial, DIAL_NAME_FAILED);
        return;
    }
}

static bool was_tried(const struct dial *dial, const struct ip *ip)
{
    for (size_t i = 0; i < dial->next; i++) {
        if (ip_equal(&dial->answer.addresses[i], ip))
            return true;
    }
    return false;
}

/* What was tried stays as it is; the rest of ANSWER follows. */
static void add_addresses(struct dial *dial, const struct resolver_answer *answer)
{
    struct resolver_answer *known = &dial->answer;
    known->status = answer->status;
    known->stale = answer->stale;
    known->count = dial->next;
    for (size_t i = 0; i < answer->count && known->count < RESOLVER_ADDRESSES_MAXIMUM; i++) {
        if (!was_tried(dial, &answer->addresses[i]))
            known->addresses[known->count++] = answer->addresses[i];
    }
}

static void on_answer(void *context, const struct resolver_answer *answer)
{
    struct dial *dial = context;
    if (!answer->more)
        dial->query = NULL;
    add_addresses(dial, answer);
    take_answer(dial);
    tell_if_over(dial);
}

static void answer_from_literal(struct dial *dial, const struct host *host)
{
    struct ip *ip = &dial->answer.addresses[0];
    *ip = (struct ip){.family = host->kind == HOST_IPV4 ? 4 : 6};
    memcpy(ip->bytes, host->address, sizeof(ip->bytes));
    dial->answer.status = RESOLVER_OK;
    dial->answer.count = 1;
}

void dial_start(struct dial *dial, struct worker *worker, const struct tenant *tenant,
                const struct target *target, dial_callback *wake, void *context)
{
    *dial = (struct dial){.worker = worker,
                          .wake = wake,
                          .context = context,
                          .status = DIAL_RUNNING,
                          .failure = DIAL_PROHIBITED,
                          .port = target->port,
                          .started = clock_nanoseconds()};
    if (target->host.kind != HOST_NAME)
        answer_from_literal(dial, &target->host);
    else
        dial->query = resolver_lookup(worker->resolver, tenant->key, host_span(&target->host),
                                      on_answer, dial, &dial->answer);
    if (dial->query == NULL)
        take_answer(dial);
}

struct upstream *dial_take(struct dial *dial, transport_wake *wake, void *owner)
{
    struct upstream *upstream = dial->upstream;
    dial->upstream = NULL;
    upstream->transport.wake = wake;
    upstream->transport.owner = owner;
    return upstream;
}

void dial_cancel(struct dial *dial)
{
    end_query(dial);
    if (dial->worker == NULL)
        return;
    drop_all_attempts(dial);
    upstream_free(dial->upstream, false);
    dial->upstream = NULL;
}
