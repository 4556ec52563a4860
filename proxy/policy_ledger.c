/* One audit, kept from load to load. */
#include "proxy/policy_ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include "policy/ledger_lock.h"

#define HOLD_MILLISECONDS 1000

int policy_ledger_hold(const char *directory, enum ledger_mode mode)
{
    if (mode == LEDGER_OFF)
        return -1;
    int below = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (below < 0)
        return -1;
    int lock = ledger_lock_share(below, HOLD_MILLISECONDS);
    close(below);
    return lock;
}

static void keep_first(void *context, const struct error *trouble)
{
    struct policy_ledger *ledger = context;
    if (!ledger->broken)
        ledger->trouble = *trouble;
    ledger->broken = true;
}

static void take_state(struct policy_ledger *ledger, enum ledger_state state,
                       const struct error *error)
{
    ledger->there = state == LEDGER_WHOLE || state == LEDGER_AMISS;
    if (state == LEDGER_UNREADABLE && !ledger->broken)
        keep_first(ledger, error);
}

static void audit(struct policy_ledger *ledger, const char *directory, enum ledger_mode mode,
                  const struct policy_change *change)
{
    struct error error = {.message = ""};
    if (!ledger->begun || ledger->broken)
        change = NULL;
    ledger->broken = false;
    bool open = ledger->begun ? ledger_audit_reopen(&ledger->audit, &error)
                              : ledger_audit_init(&ledger->audit, directory, &error);
    if (!open && !ledger->begun)
        ledger_audit_clear(&ledger->audit);
    ledger->begun = ledger->begun || open;
    enum ledger_state state = LEDGER_UNREADABLE;
    if (open)
        state = ledger_audit_run(&ledger->audit, change, keep_first, ledger, &error);
    take_state(ledger, state, &error);
    if (state != LEDGER_NONE || mode != LEDGER_REQUIRE)
        return;
    error_set_at(&error, directory, (struct position){0, 0},
                 "there is no ledger, and policy.ledger is require; `sallyport ledger record` "
                 "begins one");
    keep_first(ledger, &error);
}

bool policy_ledger_check(struct policy_ledger *ledger, const char *directory, enum ledger_mode mode,
                         const struct policy_change *change, struct error *error)
{
    char words[sizeof(error->file) + sizeof(error->message) + 32];
    if (mode == LEDGER_OFF)
        return true;
    audit(ledger, directory, mode, change);
    if (!ledger->broken)
        return true;
    *error = ledger->trouble;
    if (mode == LEDGER_REQUIRE)
        return false;
    error_format(error, words, sizeof(words));
    fprintf(stderr, "sallyport: the ledger does not hold, the policy is taken all the same: %s\n",
            words);
    return true;
}

void policy_ledger_tell(const struct policy_ledger *ledger, struct log_queue *log,
                        const char *revision)
{
    char words[sizeof(ledger->trouble.file) + sizeof(ledger->trouble.message) + 32];
    if (ledger->there && !ledger->broken)
        log_queue_ledger(log, ledger->audit.head.n, ledger->audit.head.hash, revision);
    if (!ledger->broken)
        return;
    error_format(&ledger->trouble, words, sizeof(words));
    log_queue_event(log, "ledger_broken", span_of(words), revision);
}

void policy_ledger_clear(struct policy_ledger *ledger)
{
    if (ledger->begun)
        ledger_audit_clear(&ledger->audit);
    *ledger = (struct policy_ledger){.begun = false};
}
