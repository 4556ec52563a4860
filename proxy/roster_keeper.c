/* On the main thread, as certificate_keeper.c. */
#include "proxy/roster_keeper.h"

static void keep_old(struct roster_keeper *keeper, const struct error *error)
{
    char words[sizeof(error->file) + sizeof(error->message) + 32];
    error_format(error, words, sizeof(words));
    keeper->error = *error;
    keeper->stale = true;
    keeper->failed_reloads++;
    log_queue_event(keeper->log, "identities_rejected", span_of(words), NULL);
    fprintf(stderr, "sallyport: identities not reloaded, the old ones stay: %s\n", words);
}

static void put_in_force(struct roster_keeper *keeper, struct listener_socket *socket,
                         struct roster *roster)
{
    roster_unref(socket->roster);
    socket->roster = roster;
    for (size_t i = 0; i < keeper->worker_count; i++) {
        listener_set_offer(&keeper->workers[i]->listeners, socket);
        worker_wake(keeper->workers[i]);
    }
    keeper->reloads++;
    log_queue_event(keeper->log, "identities_loaded", span_of(socket->configuration->text), NULL);
}

void roster_keeper_reload(struct roster_keeper *keeper)
{
    struct error error;
    keeper->stale = false;
    for (size_t i = 0; i < keeper->sockets->count; i++) {
        struct listener_socket *socket = &keeper->sockets->items[i];
        if (!roster_is_named(socket->configuration))
            continue;
        struct roster *roster = roster_read(socket->configuration, &error);
        if (roster == NULL)
            keep_old(keeper, &error);
        else
            put_in_force(keeper, socket, roster);
    }
}

void roster_keeper_write_trouble(const struct roster_keeper *keeper, struct text *out)
{
    char words[sizeof(keeper->error.file) + sizeof(keeper->error.message) + 32];
    if (!keeper->stale)
        return;
    error_format(&keeper->error, words, sizeof(words));
    text_add_string(out, "identities: the files do not load, the old ones are in force: ");
    text_add_string(out, words);
    text_add_char(out, '\n');
}

void roster_keeper_write_metrics(const struct roster_keeper *keeper, struct text *out)
{
    text_add_format(
        out,
        "# HELP sallyport_identity_reloads_total Reloads of listeners' credentials and common "
        "names, by result.\n"
        "# TYPE sallyport_identity_reloads_total counter\n"
        "sallyport_identity_reloads_total{result=\"loaded\"} %llu\n"
        "sallyport_identity_reloads_total{result=\"rejected\"} %llu\n",
        (unsigned long long)keeper->reloads, (unsigned long long)keeper->failed_reloads);
}
