/* Loading happens on the main thread; the workers go on deciding by what they have. */
#include "proxy/policy_keeper.h"

#include <unistd.h>

#include "policy/policy_directory.h"

static struct snapshot *read_directory(const struct policy_keeper *keeper,
                                       const struct policy_change *change, struct error *error)
{
    const struct policy_options options = {
        .plain_http = keeper->configuration->plain_http,
        .production_everything = keeper->configuration->production_everything,
    };
    const char *directory = keeper->configuration->policy_path;
    if (change != NULL)
        return policy_directory_load_changed(directory, &options, keeper->snapshot, change, error);
    return policy_directory_load(directory, &options, keeper->snapshot, error);
}

/* What is loaded is what the ledger tells of, where the configuration wants that looked at. */
static struct snapshot *load(struct policy_keeper *keeper, const struct policy_change *change,
                             struct error *error)
{
    const char *directory = keeper->configuration->policy_path;
    const enum ledger_mode mode = keeper->configuration->policy_ledger;
    int lock = policy_ledger_hold(directory, mode);
    struct snapshot *snapshot = read_directory(keeper, change, error);
    if (snapshot != NULL && !policy_ledger_check(&keeper->ledger, directory, mode, change, error)) {
        snapshot_unref(snapshot);
        snapshot = NULL;
    }
    if (lock >= 0)
        close(lock);
    return snapshot;
}

static void put_in_force(struct policy_keeper *keeper, struct snapshot *snapshot)
{
    if (keeper->snapshot != NULL)
        snapshot_unref(keeper->snapshot);
    keeper->snapshot = snapshot;
    keeper->loaded_at = time(NULL);
    keeper->stale = false;
}

bool policy_keeper_load(struct policy_keeper *keeper, struct error *error)
{
    struct snapshot *snapshot = load(keeper, NULL, error);
    if (snapshot == NULL)
        return false;
    put_in_force(keeper, snapshot);
    return true;
}

static void keep_old(struct policy_keeper *keeper)
{
    char words[sizeof(keeper->error.file) + sizeof(keeper->error.message) + 32];
    error_format(&keeper->error, words, sizeof(words));
    keeper->stale = true;
    keeper->failed_reloads++;
    log_queue_event(keeper->log, "policy_rejected", span_of(words),
                    snapshot_revision(keeper->snapshot));
    fprintf(stderr, "sallyport: policy not reloaded, the old one stays: %s\n", words);
}

static void hand_on(struct policy_keeper *keeper, struct snapshot *snapshot)
{
    put_in_force(keeper, snapshot);
    for (size_t i = 0; i < keeper->worker_count; i++)
        worker_set_snapshot(keeper->workers[i], snapshot);
}

static void tell(struct policy_keeper *keeper)
{
    keeper->reloads++;
    log_queue_event(keeper->log, "policy_loaded", span_of(keeper->configuration->policy_path),
                    snapshot_revision(keeper->snapshot));
    policy_keeper_tell_ledger(keeper);
}

void policy_keeper_reload(struct policy_keeper *keeper, const struct policy_change *change)
{
    if (keeper->stale || (change != NULL && change->whole))
        change = NULL;
    struct snapshot *snapshot = load(keeper, change, &keeper->error);
    keeper->looked_in_part = change != NULL && snapshot != NULL;
    if (snapshot == NULL) {
        keep_old(keeper);
        return;
    }
    hand_on(keeper, snapshot);
    tell(keeper);
}

/* The same revision is no proof of the same policy: the new one is in force in any case. */
void policy_keeper_look_again(struct policy_keeper *keeper)
{
    char old[32];
    if (!keeper->looked_in_part)
        return;
    snprintf(old, sizeof(old), "%s", snapshot_revision(keeper->snapshot));
    struct snapshot *snapshot = load(keeper, NULL, &keeper->error);
    keeper->looked_in_part = false;
    if (snapshot == NULL) {
        keep_old(keeper);
        return;
    }
    hand_on(keeper, snapshot);
    if (strcmp(old, snapshot_revision(snapshot)) != 0)
        tell(keeper);
}

void policy_keeper_tell_ledger(const struct policy_keeper *keeper)
{
    policy_ledger_tell(&keeper->ledger, keeper->log, snapshot_revision(keeper->snapshot));
}

void policy_keeper_clear(struct policy_keeper *keeper)
{
    if (keeper->snapshot != NULL)
        snapshot_unref(keeper->snapshot);
    keeper->snapshot = NULL;
    policy_ledger_clear(&keeper->ledger);
}

void policy_keeper_write_trouble(const struct policy_keeper *keeper, struct text *out)
{
    char words[sizeof(keeper->error.file) + sizeof(keeper->error.message) + 32];
    if (!keeper->stale)
        return;
    error_format(&keeper->error, words, sizeof(words));
    text_add_string(out, "policy: the files do not load, the old policy is in force: ");
    text_add_string(out, words);
    text_add_char(out, '\n');
}

void policy_keeper_write_metrics(const struct policy_keeper *keeper, struct text *out)
{
    text_add_format(
        out,
        "# HELP sallyport_policy_info The policy in force.\n"
        "# TYPE sallyport_policy_info gauge\n"
        "sallyport_policy_info{revision=\"%s\"} 1\n"
        "# HELP sallyport_policy_age_seconds Time since the policy in force was loaded.\n"
        "# TYPE sallyport_policy_age_seconds gauge\n"
        "sallyport_policy_age_seconds %lld\n",
        snapshot_revision(keeper->snapshot), (long long)(time(NULL) - keeper->loaded_at));
    text_add_format(out,
                    "# HELP sallyport_policy_apps Apps times environments in the policy in force.\n"
                    "# TYPE sallyport_policy_apps gauge\n"
                    "sallyport_policy_apps %zu\n",
                    snapshot_count(keeper->snapshot));
    text_add_format(out,
                    "# HELP sallyport_policy_reloads_total Reloads of the policy, by result.\n"
                    "# TYPE sallyport_policy_reloads_total counter\n"
                    "sallyport_policy_reloads_total{result=\"loaded\"} %llu\n"
                    "sallyport_policy_reloads_total{result=\"rejected\"} %llu\n",
                    (unsigned long long)keeper->reloads,
                    (unsigned long long)keeper->failed_reloads);
}
