/* On the main thread; workers take a new context over with their next connection. */
#include "proxy/certificate_keeper.h"

#define SECONDS_A_DAY   86400
#define WARN_DAYS       14
#define WARNING_MAXIMUM 1024

/* ---- Expiry -------------------------------------------------------------------- */

struct expiry {
    const char *owner; /* a listener's address, "inspect" or "client_certificates" */
    const char *kind;  /* "certificate", "crl" */
    const char *file;
    time_t when;
};

/* What SOCKET has that can expire, into EXPIRIES. Returns how many. */
static size_t list_expiries(const struct listener_socket *socket, struct expiry expiries[2])
{
    const struct listener_configuration *listener = socket->configuration;
    size_t count = 0;
    if (socket->tls == NULL)
        return 0;
    expiries[count++] = (struct expiry){listener->text, "certificate", listener->certificate,
                                        tls_context_certificate_expires(socket->tls)};
    if (tls_context_crl_expires(socket->tls) != 0)
        expiries[count++] = (struct expiry){listener->text, "crl", listener->crl,
                                            tls_context_crl_expires(socket->tls)};
    return count;
}

/* What is not a listener's: authorities of inspection, then certificates that are shown to origins.
 */
static size_t count_own(const struct certificate_keeper *keeper)
{
    return keeper->configuration->inspection_count +
           keeper->configuration->client_certificate_count;
}

static struct expiry own_expiry(const struct certificate_keeper *keeper, size_t index)
{
    const struct configuration *configuration = keeper->configuration;
    const size_t inspections = configuration->inspection_count;
    if (index < inspections)
        return (struct expiry){"inspect", "certificate", configuration->inspections[index].ca,
                               keyring_minter_expires(keeper->keyring, index)};
    index -= inspections;
    return (struct expiry){"client_certificates", "certificate",
                           configuration->client_certificates[index].certificate,
                           keyring_context_expires(keeper->keyring, index)};
}

/* Nobody gets in any more when it has expired: clients refuse it, or we refuse clients. */
static void warn(const struct certificate_keeper *keeper, const struct expiry *expiry)
{
    char storage[WARNING_MAXIMUM], date[32] = "";
    struct tm parts;
    struct text words;
    if (gmtime_r(&expiry->when, &parts) != NULL)
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &parts);
    text_init_fixed(&words, storage, sizeof(storage));
    text_add_format(&words, "%s of %s, %s, %s %s", expiry->kind, expiry->owner, expiry->file,
                    expiry->when <= time(NULL) ? "has expired" : "expires", date);
    log_queue_event(keeper->log, "certificate_expires", text_span(&words), NULL);
    fprintf(stderr, "sallyport: %.*s\n", SPAN_FORMAT(text_span(&words)));
}

static void look(const struct certificate_keeper *keeper)
{
    struct expiry expiries[2];
    const time_t limit = time(NULL) + (time_t)WARN_DAYS * SECONDS_A_DAY;
    for (size_t i = 0; i < keeper->sockets->count; i++) {
        size_t count = list_expiries(&keeper->sockets->items[i], expiries);
        for (size_t j = 0; j < count; j++) {
            if (expiries[j].when <= limit)
                warn(keeper, &expiries[j]);
        }
    }
    for (size_t i = 0; i < count_own(keeper); i++) {
        const struct expiry own = own_expiry(keeper, i);
        if (own.when <= limit)
            warn(keeper, &own);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    look(context);
}

static void on_ticket_timer(evutil_socket_t fd, short what, void *context)
{
    const struct certificate_keeper *keeper = context;
    (void)fd;
    (void)what;
    for (size_t i = 0; i < keeper->sockets->count; i++) {
        if (keeper->sockets->items[i].tls != NULL)
            tls_context_rotate_tickets(keeper->sockets->items[i].tls);
    }
}

bool certificate_keeper_open(struct certificate_keeper *keeper,
                             const struct configuration *configuration, struct error *error)
{
    keeper->configuration = configuration;
    keeper->keyring = keyring_new(configuration, error);
    return keeper->keyring != NULL;
}

bool certificate_keeper_start(struct certificate_keeper *keeper, struct event_base *base)
{
    const struct timeval day = {.tv_sec = SECONDS_A_DAY}, hour = {.tv_sec = TLS_TICKET_SECONDS};
    keeper->timer = event_new(base, -1, EV_PERSIST, on_timer, keeper);
    keeper->ticket_timer = event_new(base, -1, EV_PERSIST, on_ticket_timer, keeper);
    look(keeper);
    return keeper->timer != NULL && event_add(keeper->timer, &day) == 0 &&
           keeper->ticket_timer != NULL && event_add(keeper->ticket_timer, &hour) == 0;
}

void certificate_keeper_clear(struct certificate_keeper *keeper)
{
    if (keeper->timer != NULL)
        event_free(keeper->timer);
    if (keeper->ticket_timer != NULL)
        event_free(keeper->ticket_timer);
    keeper->timer = keeper->ticket_timer = NULL;
    keyring_unref(keeper->keyring);
    keeper->keyring = NULL;
}

/* ---- Reload --------------------------------------------------------------------- */

static void keep_old(struct certificate_keeper *keeper, const struct error *error)
{
    char words[sizeof(error->file) + sizeof(error->message) + 32];
    error_format(error, words, sizeof(words));
    keeper->error = *error;
    keeper->stale = true;
    keeper->failed_reloads++;
    log_queue_event(keeper->log, "certificate_rejected", span_of(words), NULL);
    fprintf(stderr, "sallyport: certificates not reloaded, the old ones stay: %s\n", words);
}

static void put_in_force(struct certificate_keeper *keeper, size_t index,
                         struct tls_context *context)
{
    struct listener_socket *socket = &keeper->sockets->items[index];
    tls_context_unref(socket->tls);
    socket->tls = context;
    for (size_t i = 0; i < keeper->worker_count; i++) {
        listener_set_offer(&keeper->workers[i]->listeners, socket);
        worker_wake(keeper->workers[i]);
    }
    keeper->reloads++;
    log_queue_event(keeper->log, "certificate_loaded", span_of(socket->configuration->certificate),
                    NULL);
}

static void reload_keyring(struct certificate_keeper *keeper)
{
    struct error error;
    struct keyring *keyring = keyring_new(keeper->configuration, &error);
    if (keyring == NULL) {
        keep_old(keeper, &error);
        return;
    }
    for (size_t i = 0; i < keeper->worker_count; i++)
        worker_set_keyring(keeper->workers[i], keyring);
    keyring_unref(keeper->keyring);
    keeper->keyring = keyring;
    keeper->reloads++;
}

void certificate_keeper_reload(struct certificate_keeper *keeper)
{
    struct error error;
    keeper->stale = false;
    reload_keyring(keeper);
    for (size_t i = 0; i < keeper->sockets->count; i++) {
        const struct listener_socket *socket = &keeper->sockets->items[i];
        if (socket->tls == NULL)
            continue;
        struct tls_context *context = listener_tls_new(socket->configuration, &error);
        if (context == NULL)
            keep_old(keeper, &error);
        else
            put_in_force(keeper, i, context);
    }
    look(keeper);
}

/* ---- What is told ------------------------------------------------------------------ */

void certificate_keeper_write_trouble(const struct certificate_keeper *keeper, struct text *out)
{
    char words[sizeof(keeper->error.file) + sizeof(keeper->error.message) + 32];
    if (!keeper->stale)
        return;
    error_format(&keeper->error, words, sizeof(words));
    text_add_string(out, "certificates: the files do not load, the old ones are in force: ");
    text_add_string(out, words);
    text_add_char(out, '\n');
}

static void write_expiry(const struct expiry *expiry, struct text *out)
{
    text_add_string(out, "sallyport_certificate_expires_timestamp_seconds{listener=");
    metrics_add_label_value(out, span_of(expiry->owner));
    text_add_string(out, ",kind=");
    metrics_add_label_value(out, span_of(expiry->kind));
    text_add_string(out, ",file=");
    metrics_add_label_value(out, span_of(expiry->file));
    text_add_format(out, "} %lld\n", (long long)expiry->when);
}

void certificate_keeper_write_metrics(const struct certificate_keeper *keeper, struct text *out)
{
    struct expiry expiries[2];
    text_add_string(out, "# HELP sallyport_certificate_expires_timestamp_seconds When a listener's "
                         "certificate or list of what is revoked expires, in seconds since 1970.\n"
                         "# TYPE sallyport_certificate_expires_timestamp_seconds gauge\n");
    for (size_t i = 0; i < keeper->sockets->count; i++) {
        size_t count = list_expiries(&keeper->sockets->items[i], expiries);
        for (size_t j = 0; j < count; j++)
            write_expiry(&expiries[j], out);
    }
    for (size_t i = 0; i < count_own(keeper); i++) {
        const struct expiry own = own_expiry(keeper, i);
        write_expiry(&own, out);
    }
    text_add_format(
        out,
        "# HELP sallyport_certificate_reloads_total Reloads of listeners' certificates, by result.\n"
        "# TYPE sallyport_certificate_reloads_total counter\n"
        "sallyport_certificate_reloads_total{result=\"loaded\"} %llu\n"
        "sallyport_certificate_reloads_total{result=\"rejected\"} %llu\n",
        (unsigned long long)keeper->reloads, (unsigned long long)keeper->failed_reloads);
}
