/*
 * What a session writes down: a decision when it is made, a close when the
 * exchange ends. Both carry the same id.
 */
#include "proxy/clock.h"
#include "proxy/session.h"

static struct span format_client(const struct session *session, char buffer[IP_TEXT_SIZE])
{
    if (session->client_ip.family == 0)
        return session->listener->socket->configuration->unix_path != NULL ? SPAN("unix")
                                                                           : SPAN("unknown");
    ip_format_with_port(&session->client_ip, session->client_port, buffer);
    return span_of(buffer);
}

static struct span subject_of(const struct session *session)
{
    return session->tenant == NULL ? SPAN("") : session->tenant->log_subject;
}

/*
 * The parts of RECORD that come from the request, as far as it was understood.
 * CONNECT says no scheme: it is logged as what it is for.
 */
static void add_request(struct decision_record *record, const struct exchange *exchange)
{
    record->method = span_of(exchange->method);
    record->mode = exchange->mode;
    if (exchange->has_target) {
        record->scheme = exchange->is_connect ? "https" : scheme_name(exchange->target.scheme);
        record->host = host_span(&exchange->target.host);
        record->port = exchange->target.port;
    }
    if (exchange->snapshot != NULL)
        record->policy = snapshot_revision(exchange->snapshot);
    if (exchange->decision.has_rule)
        record->rule = &exchange->decision.rule;
}

/* What is left of the request when its tunnel is open: HOST is room for its host. */
static void add_tunnel(struct decision_record *record, const struct session *session,
                       struct host *host)
{
    const struct tunnel_target *target = &session->tunnel->target;
    struct error error;
    record->method = SPAN("CONNECT");
    record->scheme = "https";
    record->port = target->port;
    record->mode = session_mode(session);
    if (host_parse(span_of(target->host), host, &error))
        record->host = host_span(host);
}

void session_log_decision(struct session *session, enum verdict verdict, enum reason reason,
                          const char *detail)
{
    struct worker *worker = session->worker;
    const struct subject nobody = {{"", 0}, {"", 0}, {"", 0}};
    const struct subject *subject = session->tenant == NULL ? &nobody : &session->tenant->subject;
    struct host host;
    char client[IP_TEXT_SIZE];
    if (session->record.id[0] == '\0')
        log_queue_make_id(worker->log, session->record.id);
    if (session->record.started == 0)
        session->record.started = clock_nanoseconds();
    struct decision_record record = {
        .id = session->record.id,
        .subject = subject_of(session),
        .client = format_client(session, client),
        .method = {"", 0},
        .host = {"", 0},
        .verdict = verdict,
        .reason = reason,
        .detail = detail,
        .mode = worker->configuration->mode,
        .policy = snapshot_revision(worker->snapshot),
    };
    if (session->exchange != NULL)
        add_request(&record, session->exchange);
    if (session->tunnel != NULL)
        add_tunnel(&record, session, &host);
    const uint64_t from = log_queue_bytes(worker->log);
    log_queue_decision(worker->log, &record);
    log_queue_charge(worker->log, &turns_share(session)->log, from);
    if (session->exchange != NULL)
        session->exchange->decision_logged = true;
    metrics_count_decision(worker->metrics, subject->app, subject->environment, verdict, reason);
}

void session_log_own_decision(struct session *session)
{
    const struct decision *decision = &session->exchange->decision;
    if (!session->exchange->decision_logged)
        session_log_decision(session, decision->verdict, decision->reason, NULL);
}

void session_log_unfinished(struct session *session)
{
    if (session->exchange != NULL && session->exchange->snapshot != NULL)
        session_log_own_decision(session);
}

bool session_log_has_room(struct session *session)
{
    struct worker *worker = session->worker;
    const bool has_room = session->tenant == NULL
                              ? log_queue_has_room(worker->log)
                              : log_queue_has_room_for(worker->log, &session->tenant->share->log);
    if (!has_room)
        worker_wait_for_log(worker, session);
    return has_room;
}

void session_log_close(struct session *session, const char *outcome)
{
    struct worker *worker = session->worker;
    struct session_record *record = &session->record;
    char upstream[IP_TEXT_SIZE] = "";
    if (record->id[0] == '\0')
        return;
    if (record->upstream_ip.family != 0)
        ip_format_with_port(&record->upstream_ip, record->upstream_port, upstream);
    const struct close_record line = {
        .id = record->id,
        .subject = subject_of(session),
        .upstream = span_of(upstream),
        .stale_address = record->stale_address,
        .status = record->status,
        .bytes_up = record->bytes_up,
        .bytes_down = record->bytes_down,
        .duration_ns = clock_nanoseconds() - record->started,
        .outcome = outcome,
        .detail = session->exchange == NULL ? NULL : session->exchange->problem,
    };
    const uint64_t from = log_queue_bytes(worker->log);
    log_queue_close(worker->log, &line);
    log_queue_charge(worker->log, &turns_share(session)->log, from);
    metrics_add(worker->metrics, METRIC_BYTES_UP, record->bytes_up);
    metrics_add(worker->metrics, METRIC_BYTES_DOWN, record->bytes_down);
    metrics_observe(worker->metrics, HISTOGRAM_EXCHANGE_SECONDS, line.duration_ns);
    record->id[0] = '\0';
}
