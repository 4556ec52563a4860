/*
 * libevent's HTTP server does the speaking: the admin listener is for the owner's
 * monitoring, and three pages do not need a second HTTP parser of ours.
 */
#include "proxy/admin.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/listener_sockets.h"
#include "proxy/unix_socket.h"

#define PAGE_MAXIMUM ((size_t)64 * 1024 * 1024)
#define HEAD_MAXIMUM 8192
/* Those that get this far, to be told what is allowed; libevent refuses the others. */
#define METHODS_KNOWN                                                                              \
    (EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |     \
     EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH)
#define BODY_MAXIMUM       0
#define CONNECTION_SECONDS 10
#define BACKLOG            64
#define LISTENS_ALREADY    0 /* instead of a backlog */

struct admin {
    struct evhttp *http;
    struct evhttp_bound_socket *bound; /* NULL: it has left */
    struct admin_source source;
    char *unix_path; /* to be removed at the end; NULL: an IP listener */
    uint16_t port;
    int listening; /* the bound socket's */
};

/* libevent would send a body in answer to HEAD: it gets the length alone (RFC 9110 section 9.3.2).
 */
static bool add_body(struct evhttp_request *request, struct evbuffer *page, const struct text *body)
{
    char length[24];
    if (evhttp_request_get_command(request) != EVHTTP_REQ_HEAD)
        return evbuffer_add(page, body->data, body->length) == 0;
    snprintf(length, sizeof(length), "%zu", body->length);
    return evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Length",
                             length) == 0;
}

static void send_text(struct evhttp_request *request, int status, const char *phrase,
                      const char *type, const struct text *body)
{
    struct evbuffer *page = evbuffer_new();
    if (page == NULL || body->overflow || !add_body(request, page, body)) {
        evhttp_send_error(request, HTTP_INTERNAL, NULL);
    } else {
        evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
        evhttp_send_reply(request, status, phrase, page);
    }
    if (page != NULL)
        evbuffer_free(page);
}

/* True: the request asks for something else than a page, and has been told so. */
static bool is_refused(struct evhttp_request *request)
{
    enum evhttp_cmd_type method = evhttp_request_get_command(request);
    if (method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD)
        return false;
    evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
    evhttp_send_reply(request, HTTP_BADMETHOD, "Method Not Allowed", NULL);
    return true;
}

static void send_health(struct evhttp_request *request, void *context)
{
    struct text body;
    (void)context;
    if (is_refused(request))
        return;
    text_init(&body, PAGE_MAXIMUM);
    text_add_string(&body, "ok\n");
    send_text(request, HTTP_OK, "OK", "text/plain; charset=utf-8", &body);
    text_clear(&body);
}

static void send_readiness(struct evhttp_request *request, void *context)
{
    const struct admin *admin = context;
    struct text body;
    if (is_refused(request))
        return;
    text_init(&body, PAGE_MAXIMUM);
    admin->source.write_trouble(admin->source.context, &body);
    bool ready = body.length == 0;
    if (ready)
        text_add_string(&body, "ready\n");
    send_text(request, ready ? HTTP_OK : HTTP_SERVUNAVAIL, ready ? "OK" : "Service Unavailable",
              "text/plain; charset=utf-8", &body);
    text_clear(&body);
}

static void send_metrics(struct evhttp_request *request, void *context)
{
    const struct admin *admin = context;
    struct text body;
    if (is_refused(request))
        return;
    text_init(&body, PAGE_MAXIMUM);
    admin->source.write_metrics(admin->source.context, &body);
    send_text(request, HTTP_OK, "OK", "text/plain; version=0.0.4; charset=utf-8", &body);
    text_clear(&body);
}

static bool set_pages(struct admin *admin)
{
    evhttp_set_allowed_methods(admin->http, METHODS_KNOWN);
    evhttp_set_max_headers_size(admin->http, HEAD_MAXIMUM);
    evhttp_set_max_body_size(admin->http, BODY_MAXIMUM);
    evhttp_set_timeout(admin->http, CONNECTION_SECONDS);
    return evhttp_set_cb(admin->http, "/healthz", send_health, admin) == 0 &&
           evhttp_set_cb(admin->http, "/readyz", send_readiness, admin) == 0 &&
           evhttp_set_cb(admin->http, "/metrics", send_metrics, admin) == 0;
}

/* ---- listening ------------------------------------------------------------------ */

static socklen_t listen_address(const struct configuration *configuration,
                                struct sockaddr_storage *address)
{
    if (configuration->admin_unix_path == NULL)
        return ip_to_sockaddr(&configuration->admin_ip, configuration->admin_port, address);
    struct sockaddr_un local;
    if (!unix_socket_address(configuration->admin_unix_path, &local) ||
        !unix_socket_remove_stale(&local))
        return 0;
    memcpy(address, &local, sizeof(local));
    return sizeof(local);
}

static uint16_t port_of(struct evconnlistener *listener)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    struct ip ip;
    uint16_t port = 0;
    if (getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &length) == 0)
        ip_from_sockaddr((const struct sockaddr *)&address, &ip, &port);
    return port;
}

static struct evconnlistener *make_listener(struct event_base *base,
                                            const struct configuration *configuration,
                                            int listening)
{
    const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
    struct sockaddr_storage address;
    if (listening >= 0) {
        struct evconnlistener *given =
            evconnlistener_new(base, NULL, NULL, flags, LISTENS_ALREADY, listening);
        if (given == NULL)
            close(listening);
        return given;
    }
    socklen_t length = listen_address(configuration, &address);
    if (length == 0)
        return NULL;
    return evconnlistener_new_bind(base, NULL, NULL, flags, BACKLOG,
                                   (const struct sockaddr *)&address, (int)length);
}

static bool start_listening(struct admin *admin, struct event_base *base,
                            const struct configuration *configuration, int listening)
{
    struct evconnlistener *listener = make_listener(base, configuration, listening);
    if (listener == NULL)
        return false;
    if (configuration->admin_unix_path != NULL)
        admin->unix_path = span_duplicate(span_of(configuration->admin_unix_path));
    admin->port = port_of(listener);
    admin->listening = evconnlistener_get_fd(listener);
    admin->bound = evhttp_bind_listener(admin->http, listener);
    if (admin->bound != NULL)
        return true;
    evconnlistener_free(listener);
    return false;
}

static void say_why(const struct configuration *configuration, int reason, struct error *error)
{
    char address[IP_TEXT_SIZE];
    ip_format_with_port(&configuration->admin_ip, configuration->admin_port, address);
    error_set_at(error, configuration->file, configuration->admin_at,
                 "cannot listen on admin.address %s: %s%s",
                 configuration->admin_unix_path != NULL ? configuration->admin_unix_path : address,
                 strerror(reason), listener_advice(reason));
}

struct admin *admin_new(struct event_base *base, const struct configuration *configuration,
                        int listening, const struct admin_source *source, struct error *error)
{
    struct admin *admin = calloc(1, sizeof(*admin));
    errno = ENOMEM;
    if (admin != NULL) {
        admin->source = *source;
        admin->http = evhttp_new(base);
    }
    if (admin != NULL && admin->http != NULL && set_pages(admin) &&
        start_listening(admin, base, configuration, listening))
        return admin;
    say_why(configuration, errno, error);
    admin_free(admin);
    return NULL;
}

void admin_free(struct admin *admin)
{
    if (admin == NULL)
        return;
    if (admin->http != NULL)
        evhttp_free(admin->http);
    if (admin->unix_path != NULL)
        unlink(admin->unix_path);
    free(admin->unix_path);
    free(admin);
}

const int *admin_socket(const struct admin *admin)
{
    return &admin->listening;
}

void admin_leave(struct admin *admin)
{
    if (admin->bound != NULL)
        evhttp_del_accept_socket(admin->http, admin->bound);
    admin->bound = NULL;
    free(admin->unix_path);
    admin->unix_path = NULL;
}

uint16_t admin_port(const struct admin *admin)
{
    return admin->port;
}
