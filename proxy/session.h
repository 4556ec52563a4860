/*
 * A session is one client's connection, and the order in which its requests are
 * served:
 *
 *   accept ─ identify ─ read head ─ name the target ─ decide ─ resolve, guard, dial ─
 *   read ClientHello ─ relay ─ log
 *
 * That order is a chain of stages: one small function each, which does its part
 * and names the next (`session->stage`). A stage that must wait returns
 * PROGRESS_WAIT and is called again on the next event. The files follow the order:
 * session_begin.c, session_overload.c, session_head.c, session_decide.c, session_reach.c,
 * then forward.c (absolute-form) or tunnel.c (CONNECT and WebSocket); inspect.c makes the
 * inside of a tunnel the connection that the stages read from, and http2_server.c each stream in it
 * such a connection, where the client speaks HTTP/2; answer.c says no,
 * session_log.c writes it down, and session.c is the connection's life around them.
 *
 * A session lives for the whole connection and is small. What only a request
 * needs is in its exchange, made with the request's head and freed when the
 * exchange ends or its tunnel opens.
 */
#ifndef SALLYPORT_PROXY_SESSION_H
#define SALLYPORT_PROXY_SESSION_H

#include "proxy/body_relay.h"
#include "proxy/dial.h"
#include "proxy/hello_watch.h"
#include "proxy/http2_server.h"
#include "proxy/identity.h"
#include "proxy/listener.h"
#include "proxy/revocation.h"
#include "proxy/worker.h"

enum progress {
    PROGRESS_ON,   /* go on with session->stage */
    PROGRESS_WAIT, /* an event, a deadline or a resume will call again */
    PROGRESS_END,  /* the connection is over */
};

struct session;
typedef enum progress session_stage(struct session *session);

/* What is written down when the exchange ends. */
struct session_record {
    char id[DECISION_ID_SIZE]; /* "": no decision was logged, so no close record is due */
    unsigned status;           /* sent to the client */
    const char *outcome;       /* of the answer under way; static */
    uint64_t started;          /* nanoseconds, monotonic: when the head was whole */
    uint64_t bytes_up;
    uint64_t bytes_down;
    struct ip upstream_ip; /* family 0: none was dialled */
    bool stale_address;    /* dialled by an answer past its time: the resolvers failed */
    uint16_t upstream_port;
};

struct exchange {
    char method[33];
    bool is_connect;
    bool is_inspected; /* CONNECT: the tunnel is looked into, each request in it decided */
    size_t
        hello_length; /* CONNECT: of the records at the input's beginning that were judged; or 0 */
    bool hello_early_data; /* that hello announced early data */
    bool has_target;
    struct target target;
    struct span
        path_and_query; /* as the request's spans; or `judged`, where rules for paths apply */
    char *judged;       /* owned: the path as it was judged, and the query as it came */
    struct snapshot *snapshot; /* own reference: what `decision` points into */
    struct decision decision;
    bool decision_logged;
    enum mode mode;
    bool keep_alive; /* the client's connection goes on after this exchange */

    struct dial dial;
    struct upstream *upstream;
    bool retried;    /* a kept connection turned out stale: this is the second try */
    bool http1_only; /* no HTTP/2 towards the upstream */

    struct buffer from_upstream; /* read and not used yet */
    struct outbox to_client;     /* heads and answers */
    struct outbox to_upstream;   /* the request's head; kept whole for a retry */
    struct body_relay up;
    struct body_relay down;
    bool request_sent;      /* head and body are out */
    bool request_aborted;   /* the upstream takes no more of it; its response may still come */
    bool response_begun;    /* the final response's head has gone to the client's outbox */
    uint64_t response_mark; /* where in to_client that head begins */
    bool answered;          /* an answer of ours is on its way */
    bool upstream_keep_alive;
    unsigned interim_count;
    size_t response_searched; /* bytes of the upstream's input known not to hold a head's end */
    const char *problem;      /* what is wrong with the response, or its TLS; static */
    /* Its spans point into session->input until the head is consumed. Last: only its used part is
     * set. */
    struct http_request request;
};

struct tunnel {
    struct upstream *upstream;
    struct tunnel_target target; /* what it was opened for */
    struct hello_watch watch;    /* all 0: it is over, or was not needed */
    struct relay up;
    struct relay down;
    bool up_ended;
    bool down_ended;
    bool refused; /* another hello came, and is not let pass */
};

/* What a connection is about, once it is the inside of a tunnel that is looked into. */
struct inside {
    struct host host;
    uint16_t port;
    struct http2_server *http2; /* owned: its streams are sessions, and this one serves the
                                   connection alone; NULL: it is HTTP/1 */
    bool is_stream;             /* this one serves one of those streams … */
    struct http2_child child;   /* … and this is where it belongs */
};

struct session {
    TAILQ_ENTRY(session) link;       /* in worker->sessions */
    TAILQ_ENTRY(session) queue_link; /* in one of turns.h, or worker->log_waiters */
    struct session_list *queue;      /* NULL: in neither */
    struct worker *worker;
    const struct listener *listener;
    session_stage *stage;
    struct transport client;
    struct ip client_ip; /* family 0: a unix socket, or a front that does not tell */
    uint16_t client_port;
    struct deadline deadline;
    struct buffer input;         /* came from the client, not used up yet */
    size_t head_searched;        /* bytes of input known not to hold a head's end */
    struct identity identity;    /* what the connection shows */
    char *front_name;            /* owned: its common name, by a front; NULL: no file says whose */
    const struct tenant *tenant; /* whose the request is; NULL: not known yet */
    struct exchange *exchange;   /* NULL: between requests, or a tunnel */
    struct tunnel *tunnel;       /* NULL: not a tunnel */
    struct inside *inside; /* NULL: requests may be for any target; they are the proxy's own */
    size_t linger_left;    /* bytes still read past before closing */
    struct limit_account *counted_for; /* what this connection is counted for; NULL: a stranger's */
    bool is_counted;                   /* it is counted at all */
    bool is_turned_away;         /* by overload, before it said a word: its descriptor is wanted */
    bool is_withdrawn;           /* what it is known by is good no more: it ends with what runs */
    bool holds_tunnel;           /* counted as a tunnel in the tenant's account */
    unsigned requests_this_turn; /* so that one client's pipeline does not hold up the others */
    struct session_record record;
};

/* Serves a connection just accepted (FD is taken over, non-blocking). PEER may be a unix address.
 */
void session_start(struct worker *worker, const struct listener *listener, int fd,
                   const struct sockaddr *peer);

/*
 * Serves one stream of PARENT's client, FD (taken over, non-blocking) being its pair's far end: of
 * the same tenant, for the same host. NULL: memory or descriptors are out.
 */
struct session *session_start_inside(const struct session *parent, int fd);

/* session_run when it is its turn, as what wakes a transport or a dial. CONTEXT is the session. */
void session_wake(void *context);

/* Goes through the stages as far as they can go; frees the session when they have ended. */
void session_run(struct session *session);

/* The worker drains: ends the session if it is between requests, else lets it finish. */
void session_drain(struct session *session);

/* Ends it now, whatever it does. OUTCOME goes to the log. */
void session_abort(struct session *session, const char *outcome);

/* Ends what is no longer declared: a request whose response has not begun gets 403, all else is
 * aborted. */
void session_revoke(struct session *session);

/* The same, but when it is its turn: from wherever sessions are looked at. */
void session_cancel(struct session *session, const char *outcome);

/* Tells the worker's deadlines whom to call. */
void session_set_deadline_callbacks(struct worker *worker);

/* --- stages by which one file hands over to another ------------------------ */

session_stage session_begin;         /* session_begin.c: what comes before the first request */
session_stage session_greet;         /* session_overload.c: known, so far; may it stay? */
session_stage session_read_head;     /* session_head.c */
session_stage session_next_request;  /* session_head.c: the exchange is over and logged */
session_stage session_admit;         /* session_decide.c: the head is whole */
session_stage session_reach;         /* session_reach.c: an upstream connection, kept or dialled */
session_stage session_limit;         /* session_decide.c: the target is known */
session_stage inspect_begin;         /* the ClientHello in a tunnel to be looked into is good */
session_stage inspect_name_target;   /* a request in such a tunnel has come */
session_stage forward_begin;         /* absolute-form: the upstream is connected */
session_stage tunnel_begin;          /* CONNECT: the upstream is connected */
session_stage tunnel_begin_upgraded; /* 101 has been sent: what follows is not HTTP */

/* --- session_begin.c ------------------------------------------------------- */

/* Whose the connection is, by all that it has shown by now; counts it for them. */
void session_identify(struct session *session);

/* --- session_decide.c ------------------------------------------------------ */

/* What is in force for the tenant, who is known: production is never in report mode. */
enum mode session_mode(const struct session *session);

/* Its upstream is reached, but the rule is gone by which it was to go there: another decision. */
enum progress session_deny_anew(struct session *session);

/*
 * The policy's word to REQUEST, as decide_request. A WEBSOCKET handshake is an http or https
 * request by its form: a declared ws:// or wss:// address means it as well.
 */
void session_decide_for(const struct snapshot *snapshot, const struct subject *subject,
                        const struct target *target, const struct request_line *request,
                        bool websocket, struct decision *decision);

/*
 * The word of the policy that is in force now to TARGET, for what SESSION has begun under
 * another: method and path were judged then.
 */
void session_decide_anew(const struct session *session, const struct target *target, bool websocket,
                         struct decision *decision);

/* --- answer.c ------------------------------------------------------------- */

/* The policy says no, and why. */
enum progress answer_denial(struct session *session, enum reason reason, struct span detail);

/* The request cannot be understood or is not served here; the connection closes. */
enum progress answer_malformed(struct session *session, unsigned status, const char *problem);

/* The app has used what it may: 429 (requests) or 503 (tunnels), to be tried again after SECONDS.
 */
enum progress answer_limit(struct session *session, unsigned status, unsigned seconds,
                           const char *detail);

/*
 * Nobody is known: credentials are missing or wrong (407), or the listener takes none and what
 * the connection showed, if anything, is nobody's (403). PROBLEM: what was wrong with it; NULL.
 */
enum progress answer_unauthenticated(struct session *session, const char *problem);

/*
 * Something failed on the way to the upstream or at it. ERROR is an RFC 9209
 * error type ("dns_error", "connection_refused", …) and the log's outcome.
 */
enum progress answer_failure(struct session *session, unsigned status, const char *error,
                             const char *detail);

/* --- session_overload.c ---------------------------------------------------- */

/* Its request gives way (overload.h): it has been answered so, *progress is how to go on. */
bool session_gives_way(struct session *session, enum progress *progress);

/* The connection counts for its tenant, or among the strangers, until it ends or is another's. */
void session_count_for_tenant(struct session *session);
void session_uncount(struct session *session);

/* --- session_log.c -------------------------------------------------------- */

/* Logs and counts a decision; makes the exchange's id with the first one. */
void session_log_decision(struct session *session, enum verdict verdict, enum reason reason,
                          const char *detail);

/* Logs what the policy decided, unless the exchange's decision is logged already. */
void session_log_own_decision(struct session *session);

/* The exchange ends here: if it was decided and not yet logged, its decision is logged now. */
void session_log_unfinished(struct session *session);

/*
 * May another decision be logged? False: the session is called again when the log has room;
 * its stage returns PROGRESS_WAIT.
 */
bool session_log_has_room(struct session *session);

/* Logs the end of the exchange, once; nothing if no decision was logged. */
void session_log_close(struct session *session, const char *outcome);

/* --- session.c, for the other files --------------------------------------- */

/* The tunnel that was counted in the tenant's account, if one was, is over. */
void session_give_tunnel(struct session *session);

/* An exchange for a head that could not be read. False: memory is out. */
bool session_begin_exchange(struct session *session);

/* The request's head leaves the input: its spans are no longer valid. Does nothing the second time.
 */
void session_consume_head(struct session *session);

/* Nothing can be said any more: a reset tells the client that what it has is not whole. */
enum progress session_cut_off(struct session *session, const char *outcome);

/* Our side has ended; what the client still sends is read past, then the connection closes. */
session_stage session_linger;

/* Frees the exchange with all that it still holds; RESET its upstream. */
void session_free_exchange(struct session *session, bool reset);
void session_free_tunnel(struct session *session, bool reset);

/* Reads more of the client's bytes into session->input (at most MAXIMUM in all). */
enum transport_result session_read_input(struct session *session, size_t maximum);

/* NULL: its client does not speak HTTP/2. */
static inline struct http2_server *session_http2(const struct session *session)
{
    return session->inside == NULL ? NULL : session->inside->http2;
}

static inline bool session_enforces(const struct session *session)
{
    return session->exchange->mode == MODE_ENFORCE;
}

#endif
