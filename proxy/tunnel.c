/*
 * CONNECT: the 200, the look at the ClientHello, then bytes both ways. Until the
 * hello has been judged, no byte of the client's goes upstream (`sni` in
 * conf/sallyport.yml). A WebSocket upgrade ends in the same relay.
 */
#include <stdlib.h>

#include "proxy/client_hello.h"
#include "proxy/session.h"

static session_stage stage_send_established;
static session_stage stage_read_hello;
static session_stage stage_begin_relay;
static session_stage stage_relay;

enum progress tunnel_begin(struct session *session)
{
    struct exchange *exchange = session->exchange;
    session_consume_head(session);
    session->record.status = 200;
    text_add_string(&exchange->to_client.text, "HTTP/1.1 200 Connection established\r\n\r\n");
    session->stage = stage_send_established;
    return PROGRESS_ON;
}

static bool wants_hello(const struct session *session)
{
    return session->exchange->is_inspected || (session->worker->configuration->sni == SNI_ENFORCE &&
                                               !session->exchange->decision.plain);
}

static enum progress stage_send_established(struct session *session)
{
    switch (outbox_flush(&session->exchange->to_client, &session->client)) {
    case TRANSPORT_OK:
        break;
    case TRANSPORT_AGAIN:
        return PROGRESS_WAIT;
    case TRANSPORT_END:
    case TRANSPORT_FAILED:
        session_log_close(session, "client_reset");
        return PROGRESS_END;
    }
    session->stage = stage_begin_relay;
    if (wants_hello(session)) {
        deadline_start(session->worker->deadlines, &session->deadline, DEADLINE_HELLO);
        session->stage = stage_read_hello;
    }
    return PROGRESS_ON;
}

/* ---- the ClientHello ------------------------------------------------------------ */

/*
 * RFC 6066, section 3: a server name is ASCII, international names in A-form. host_parse would map
 * other spellings to it, but what a server makes of those bytes nobody knows.
 */
static bool is_ascii(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        if ((unsigned char)name.data[i] > 0x7F)
            return false;
    }
    return true;
}

static bool names_the_host(const struct client_hello *hello, const struct host *target)
{
    struct host host;
    struct error error;
    const struct span name = {hello->server_name, hello->server_name_length};
    return is_ascii(name) && host_parse(name, &host, &error) &&
           span_equal(host_span(&host), host_span(target));
}

static bool may_hide_its_name(const struct session *session)
{
    const struct subject *subject = &session->tenant->subject;
    return app_list_has(&session->worker->configuration->ech, subject->app, subject->environment);
}

/*
 * REASON_DECLARED: nothing speaks against it. What ECH (RFC 9849) hides cannot be judged, and
 * GREASE (its section 6.2) looks the same: where it is let through, the outer name is what counts.
 * Where the tunnel ends here, nobody can make use of what is hidden.
 */
static enum reason judge_hello(const struct session *session, const struct client_hello *hello,
                               const struct host *host)
{
    const bool ends_here = session->exchange != NULL && session->exchange->is_inspected;
    if (hello->has_ech && !ends_here && !may_hide_its_name(session))
        return REASON_ECH;
    if (!hello->has_server_name)
        return host->kind == HOST_NAME ? REASON_SNI_MISSING : REASON_DECLARED;
    return names_the_host(hello, host) ? REASON_DECLARED : REASON_SNI_MISMATCH;
}

static const char *words_for(enum reason reason, const struct client_hello *hello)
{
    switch (reason) {
    case REASON_ECH:
        return "the ClientHello hides its server name (ECH); turn it off in the client, or let "
               "the app (ech in the proxy's configuration)";
    case REASON_SNI_MISSING:
        return "the ClientHello names no server; the client must send SNI";
    case REASON_SNI_MISMATCH:
        return "the ClientHello names another server than CONNECT did";
    default:
        return hello->problem;
    }
}

/* What comes behind a hello that may pass. */
static session_stage *behind_hello(const struct session *session)
{
    return session->exchange->is_inspected ? inspect_begin : stage_begin_relay;
}

/* 200 has been said: all that is left is to close, and to write down why. */
static enum progress refuse_hello(struct session *session, enum reason reason, const char *words)
{
    session_log_decision(session, VERDICT_DENY, reason, words);
    if (!session_enforces(session) &&
        (reason != REASON_NOT_TLS || !session->exchange->is_inspected)) {
        session->stage = behind_hello(session);
        return PROGRESS_ON;
    }
    session_log_close(session, "denied");
    return session_linger(session);
}

static enum progress stage_read_hello(struct session *session)
{
    struct client_hello hello;
    for (;;) {
        enum client_hello_result found = client_hello_parse(buffer_span(&session->input), &hello);
        if (found == CLIENT_HELLO_NOT_TLS)
            return refuse_hello(session, REASON_NOT_TLS, hello.problem);
        if (found == CLIENT_HELLO_DONE)
            break;
        enum transport_result result = session_read_input(session, CLIENT_HELLO_BYTES_MAXIMUM + 1);
        if (result == TRANSPORT_AGAIN)
            return PROGRESS_WAIT;
        if (result != TRANSPORT_OK) {
            session_log_close(session, result == TRANSPORT_END ? "ok" : "client_reset");
            return PROGRESS_END;
        }
    }
    session->exchange->hello_length = hello.length;
    session->exchange->hello_early_data = hello.has_early_data;
    enum reason reason = judge_hello(session, &hello, &session->exchange->target.host);
    if (reason != REASON_DECLARED)
        return refuse_hello(session, reason, words_for(reason, &hello));
    session->stage = behind_hello(session);
    return PROGRESS_ON;
}

/* ---- the relay --------------------------------------------------------------------- */

void session_free_tunnel(struct session *session, bool reset)
{
    struct tunnel *tunnel = session->tunnel;
    struct worker *worker = session->worker;
    if (tunnel == NULL)
        return;
    relay_clear(&tunnel->up, worker->lender);
    relay_clear(&tunnel->down, worker->lender);
    tunnel_target_clear(&tunnel->target);
    upstream_free(tunnel->upstream, reset);
    metrics_subtract(worker->metrics, METRIC_TUNNELS_OPEN, 1);
    free(tunnel);
    session->tunnel = NULL;
}

/* What came already goes first; behind a hello that was judged, only what is judged as well. */
static bool begin_up(struct session *session)
{
    struct tunnel *tunnel = session->tunnel;
    const struct exchange *exchange = session->exchange;
    struct buffer *input = &session->input;
    const size_t length = exchange->hello_length > 0 ? exchange->hello_length : input->length;
    relay_init(&tunnel->up, exchange->hello_length > 0 ? length : RELAY_NO_LIMIT);
    if (exchange->hello_length > 0)
        hello_watch_begin(&tunnel->watch, exchange->hello_early_data);
    if (!relay_preload(&tunnel->up, span_slice(buffer_span(input), 0, length)))
        return false;
    buffer_consume(input, length);
    return true;
}

/* What only the request needed is given back. */
static enum progress stage_begin_relay(struct session *session)
{
    struct worker *worker = session->worker;
    struct tunnel *tunnel = calloc(1, sizeof(*tunnel));
    if (tunnel == NULL)
        return PROGRESS_END;
    relay_init(&tunnel->up, 0);
    relay_init(&tunnel->down, RELAY_NO_LIMIT);
    tunnel->upstream = session->exchange->upstream;
    session->exchange->upstream = NULL;
    session->tunnel = tunnel;
    metrics_add(worker->metrics, METRIC_TUNNELS_OPEN, 1);
    if (!tunnel_target_set(&tunnel->target, &session->exchange->target) || !begin_up(session) ||
        !relay_preload(&tunnel->down, buffer_span(&session->exchange->from_upstream)))
        return PROGRESS_END;
    if (!revocation_lets_begin(session))
        return session_cut_off(session, "revoked");
    session_free_exchange(session, false);
    deadline_start(worker->deadlines, &session->deadline, DEADLINE_IDLE);
    lifetime_watch(session);
    session->stage = stage_relay;
    return PROGRESS_ON;
}

enum progress tunnel_begin_upgraded(struct session *session)
{
    switch (outbox_flush(&session->exchange->to_client, &session->client)) {
    case TRANSPORT_OK:
        session->stage = stage_begin_relay;
        return PROGRESS_ON;
    case TRANSPORT_AGAIN:
        return PROGRESS_WAIT;
    case TRANSPORT_END:
    case TRANSPORT_FAILED:
        break;
    }
    session_log_close(session, "client_reset");
    return PROGRESS_END;
}

/*
 * One direction's turn; an end that has been handed on is handed on as an end. A
 * plain connection whose other direction has ended too is closed next, which says
 * the same.
 */
static enum relay_result turn(struct relay *relay, bool *ended, bool other_ended,
                              struct transport *from, struct transport *to,
                              struct relay_lender *lender, uint64_t *moved)
{
    if (*ended)
        return RELAY_DONE;
    enum relay_result result = relay_turn(relay, from, to, lender, moved);
    if (result != RELAY_DONE)
        return result;
    if ((!other_ended || to->tls != NULL) && transport_shutdown(to) == TRANSPORT_AGAIN)
        return RELAY_WAIT;
    *ended = true;
    return RELAY_DONE;
}

/* ---- a second hello ------------------------------------------------------------------ */

/* COUNT bytes of the input are the next to go up, and no others. */
static bool pass_up(struct session *session, size_t count)
{
    struct relay *up = &session->tunnel->up;
    up->left = count;
    if (!relay_preload(up, span_slice(buffer_span(&session->input), 0, count)))
        return false;
    buffer_consume(&session->input, count);
    return true;
}

/* RELAY_DONE: the hello at the input's beginning has been judged, and has been let pass. */
static enum relay_result judge_second(struct session *session)
{
    struct tunnel *tunnel = session->tunnel;
    struct client_hello hello;
    struct host host;
    struct error error;
    enum client_hello_result found = client_hello_parse(buffer_span(&session->input), &hello);
    if (found == CLIENT_HELLO_MORE)
        return RELAY_WAIT;
    enum reason reason = REASON_NOT_TLS;
    if (found == CLIENT_HELLO_DONE && host_parse(span_of(tunnel->target.host), &host, &error))
        reason = judge_hello(session, &hello, &host);
    if (reason != REASON_DECLARED) {
        session_log_decision(session, VERDICT_DENY, reason, words_for(reason, &hello));
        tunnel->refused = session_mode(session) == MODE_ENFORCE;
        if (tunnel->refused)
            return RELAY_FROM_FAILED;
    }
    const size_t length = found == CLIENT_HELLO_DONE ? hello.length : session->input.length;
    hello_watch_spend(&tunnel->watch, length);
    return pass_up(session, length) ? RELAY_DONE : RELAY_FROM_FAILED;
}

/* RELAY_DONE: something of the input has been let pass. */
static enum relay_result judge_input(struct session *session)
{
    struct hello_watch *watch = &session->tunnel->watch;
    size_t count;
    switch (hello_watch_take(watch, buffer_span(&session->input), &count)) {
    case HELLO_WATCH_OVER:
        watch->budget = 0;
        count = session->input.length;
        break;
    case HELLO_WATCH_HELLO:
        if (count == 0)
            return judge_second(session);
        break;
    case HELLO_WATCH_MORE:
        if (count == 0)
            return RELAY_WAIT;
        break;
    }
    return pass_up(session, count) ? RELAY_DONE : RELAY_FROM_FAILED;
}

/* RELAY_DONE: something came, or the end. What was cut off by it nobody has judged: it is dropped.
 */
static enum relay_result read_watched(struct session *session)
{
    switch (session_read_input(session, CLIENT_HELLO_BYTES_MAXIMUM + 1)) {
    case TRANSPORT_OK:
        return RELAY_DONE;
    case TRANSPORT_AGAIN:
        return RELAY_WAIT;
    case TRANSPORT_END:
        buffer_clear(&session->input);
        session->tunnel->watch.budget = 0;
        session->tunnel->up.ended = true;
        return RELAY_DONE;
    case TRANSPORT_FAILED:
        break;
    }
    return RELAY_FROM_FAILED;
}

static enum progress refuse_second(struct session *session)
{
    session_log_close(session, "denied");
    session_free_tunnel(session, false);
    return session_linger(session);
}

/* What was let pass goes up, then more is judged, until another hello cannot come any more. */
static enum relay_result watch_up(struct session *session)
{
    struct tunnel *tunnel = session->tunnel;
    enum relay_result result = RELAY_DONE;
    while (result == RELAY_DONE && tunnel->watch.budget > 0) {
        result = relay_turn(&tunnel->up, &session->client, &tunnel->upstream->transport,
                            session->worker->lender, &session->record.bytes_up);
        if (result == RELAY_DONE)
            result = session->input.length > 0 ? judge_input(session) : RELAY_WAIT;
        if (result == RELAY_WAIT && tunnel->up.held == NULL)
            result = read_watched(session);
    }
    if (tunnel->watch.budget == 0)
        tunnel->up.left = RELAY_NO_LIMIT;
    return result;
}

/* ---- both directions ----------------------------------------------------------------- */

static enum progress stage_relay(struct session *session)
{
    struct worker *worker = session->worker;
    struct tunnel *tunnel = session->tunnel;
    struct session_record *record = &session->record;
    struct transport *client = &session->client, *upstream = &tunnel->upstream->transport;
    const uint64_t moved = record->bytes_up + record->bytes_down;
    if (turns_hold_back(session))
        return PROGRESS_WAIT;

    enum relay_result up = RELAY_DONE;
    if (tunnel->watch.budget > 0)
        up = watch_up(session);
    if (tunnel->refused)
        return refuse_second(session);
    if (tunnel->watch.budget == 0 && up == RELAY_DONE)
        up = turn(&tunnel->up, &tunnel->up_ended, tunnel->down_ended, client, upstream,
                  worker->lender, &record->bytes_up);
    enum relay_result down = turn(&tunnel->down, &tunnel->down_ended, tunnel->up_ended, upstream,
                                  client, worker->lender, &record->bytes_down);
    turns_pay(session, record->bytes_up + record->bytes_down - moved);
    if (up == RELAY_FROM_FAILED || down == RELAY_TO_FAILED)
        return session_cut_off(session, "client_reset");
    if (up == RELAY_TO_FAILED || down == RELAY_FROM_FAILED)
        return session_cut_off(session, "upstream_reset");
    if (up == RELAY_DONE && down == RELAY_DONE) {
        session_log_close(session, "ok");
        return PROGRESS_END;
    }
    if (up == RELAY_YIELD || down == RELAY_YIELD)
        turns_resume(session);
    if (moved != record->bytes_up + record->bytes_down && session->deadline.kind == DEADLINE_IDLE)
        deadline_touch(worker->deadlines, &session->deadline);
    return PROGRESS_WAIT;
}
