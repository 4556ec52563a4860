/* The verbs, one function each, and their table. */
#include "policy/installation_edit.h"

#include <stdarg.h>

#include "policy/nearest.h"

static void tell(struct installation_edit *edit, const char *format, ...) PRINTF_LIKE(2, 3);

static void tell(struct installation_edit *edit, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(edit->told, sizeof(edit->told), format, arguments);
    va_end(arguments);
}

static const char *quote(const char *text, char quoted[TEXT_QUOTE_SIZE])
{
    return text_quote(span_of(text), quoted);
}

/* ---- Versions ----------------------------------------------------------------------------- */

static bool set_version(struct installation_edit *edit, uint32_t major, const char *how,
                        struct error *error)
{
    struct version version;
    if (!installation_file_version(edit->file, major, &version, error))
        return false;
    edit->unchanged = edit->installation->approved == version.major;
    edit->installation->approved = version.major;
    edit->versioned = true;
    tell(edit, "%s version %u (now %u.%u)", how, version.major, version.major, version.minor);
    return true;
}

static bool set_region(struct installation_edit *edit, const char *region, struct error *error)
{
    struct span name = span_of(region);
    if (!manifest_region_known(name)) {
        error_set(error,
                  "%s is not a region; there are default, EU, US, AU, DE, SG, CA, IN, KR, JP, GB "
                  "and CH",
                  quote(region, (char[TEXT_QUOTE_SIZE]){0}));
        return false;
    }
    struct span kept = span_equal(name, SPAN("default")) ? SPAN("") : name;
    edit->unchanged = span_equal(edit->installation->region, kept);
    edit->installation->region = kept;
    return true;
}

static bool add(struct installation_edit *edit, struct error *error)
{
    const struct installation_wish *wish = edit->wish;
    if (wish->region != NULL && !set_region(edit, wish->region, error))
        return false;
    return set_version(edit, wish->major, "installed with", error);
}

static bool approve(struct installation_edit *edit, struct error *error)
{
    if (edit->wish->major == 0) {
        error_set(error, "--version MAJOR says which version is approved");
        return false;
    }
    return set_version(edit, edit->wish->major, "approved", error);
}

/* Back to an earlier version: the one that is named, or the one that the ledger knows of. */
static bool revoke(struct installation_edit *edit, struct error *error)
{
    const uint32_t approved = edit->installation->approved;
    uint32_t major = edit->wish->major;
    if (major == 0 &&
        !installation_approved_before(edit->ledger, edit->file->request, &major, error))
        return false;
    if (major == 0) {
        error_set(error,
                  "no version was approved before %u that the ledger knows of; name one to go back "
                  "to by --version, or suspend the installation",
                  approved);
        return false;
    }
    if (major >= approved) {
        error_set(error,
                  "version %u is approved, and revoking goes back to an earlier one; "
                  "`sallyport installation approve` goes forward",
                  approved);
        return false;
    }
    char how[64];
    snprintf(how, sizeof(how), "version %u revoked, back to", approved);
    return set_version(edit, major, how, error);
}

/* ---- Settings ----------------------------------------------------------------------------- */

static bool change_region(struct installation_edit *edit, struct error *error)
{
    tell(edit, "region %s", edit->wish->arguments[0]);
    return set_region(edit, edit->wish->arguments[0], error);
}

static bool take_switch(struct installation_edit *edit, bool *on, struct error *error)
{
    const char *word = edit->wish->arguments[0];
    *on = strcmp(word, "on") == 0;
    if (*on || strcmp(word, "off") == 0)
        return true;
    error_set(error, "%s is neither on nor off", quote(word, (char[TEXT_QUOTE_SIZE]){0}));
    return false;
}

static bool set_analytics(struct installation_edit *edit, struct error *error)
{
    bool on;
    if (!take_switch(edit, &on, error))
        return false;
    edit->unchanged = edit->installation->analytics_off == !on;
    edit->installation->analytics_off = !on;
    tell(edit, "analytics %s", on ? "on" : "off");
    return true;
}

static bool set_log_access(struct installation_edit *edit, struct error *error)
{
    bool on;
    if (!take_switch(edit, &on, error))
        return false;
    edit->unchanged = edit->installation->log_access == on;
    edit->installation->log_access = on;
    tell(edit, "log access %s", on ? "on" : "off");
    return true;
}

static bool suspend(struct installation_edit *edit, struct error *error)
{
    (void)error;
    edit->unchanged = edit->installation->suspended;
    edit->installation->suspended = true;
    tell(edit, "suspended");
    return true;
}

static bool resume(struct installation_edit *edit, struct error *error)
{
    (void)error;
    edit->unchanged = !edit->installation->suspended;
    edit->installation->suspended = false;
    tell(edit, "resumed");
    return true;
}

/* ---- The table ---------------------------------------------------------------------------- */

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const char *const setting_names[SETTINGS] = {
    [SETTING_VERSION] = "--version",         [SETTING_REGION] = "--region",
    [SETTING_DOMAIN] = "--domain",           [SETTING_TYPE] = "--type",
    [SETTING_DESCRIPTION] = "--description", [SETTING_ENDPOINT] = "--endpoint",
    [SETTING_REMOVE] = "--remove",
};

static const struct installation_verb verbs[] = {
    {.name = "add",
     .event = "installation-add",
     .settings = 1U << SETTING_VERSION | 1U << SETTING_REGION,
     .adds = true,
     .edit = add},
    {.name = "list"},
    {.name = "show"},
    {.name = "approve",
     .event = "approve",
     .settings = 1U << SETTING_VERSION,
     .reasoned = true,
     .edit = approve},
    {.name = "revoke",
     .event = "revoke",
     .settings = 1U << SETTING_VERSION,
     .reasoned = true,
     .edit = revoke},
    {.name = "set-region",
     .event = "set-region",
     .argument = "a region",
     .arguments = 1,
     .edit = change_region},
    {.name = "set-analytics",
     .event = "set-analytics",
     .argument = "on or off",
     .arguments = 1,
     .edit = set_analytics},
    {.name = "set-log-access",
     .event = "set-log-access",
     .argument = "on or off",
     .arguments = 1,
     .edit = set_log_access},
    {.name = "egress",
     .event = "egress",
     .argument = "add KEY or remove KEY",
     .arguments = 2,
     .settings = 1U << SETTING_DOMAIN | 1U << SETTING_TYPE | 1U << SETTING_DESCRIPTION,
     .edit = installation_edit_egress},
    {.name = "remote",
     .event = "remote",
     .argument = "KEY",
     .arguments = 1,
     .settings = 1U << SETTING_ENDPOINT | 1U << SETTING_REMOVE,
     .edit = installation_edit_remote},
    {.name = "suspend", .event = "suspend", .edit = suspend},
    {.name = "resume", .event = "resume", .edit = resume},
};

const struct installation_verb *installation_verb_find(const char *name)
{
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

const char *installation_verb_nearest(const char *name)
{
    const char *names[VERBS + 1] = {NULL};
    for (size_t i = 0; i < VERBS; i++)
        names[i] = verbs[i].name;
    return nearest_name(span_of(name), names);
}

const char *installation_verb_refuses(const struct installation_verb *verb, uint32_t given)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        if ((given & ~verb->settings & 1U << i) != 0)
            return setting_names[i];
    }
    return NULL;
}
