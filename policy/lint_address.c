/*
 * What is to be said about one address: that it opens more than it seems to,
 * that it names something that can change hands, that it is written in a form
 * that is on its way out.
 */
#include "policy/lint_rules.h"

struct declared {
    const struct address *address;
    struct span text;
    struct position at;
    struct position end;
};

static bool is_ascii(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    }
    return true;
}

static void check_wildcard(const struct lint *lint, const struct declared *declared)
{
    const char *host = declared->address->host.text;
    const char *reason = NULL;
    if (!declared->address->wildcard)
        return;
    const char *shared = lint_shared_host(host, &reason);
    if (shared == NULL)
        return;
    if (reason == NULL)
        finding_add(lint->findings, FINDING_WARNING, "wildcard-over-public-suffix", declared->at,
                    declared->end,
                    "%s covers the public suffix %s, where anyone can register a name; name the "
                    "hosts that the app needs",
                    FINDING_QUOTE(declared->text), shared);
    else
        finding_add(lint->findings, FINDING_WARNING, "wildcard-over-shared-host", declared->at,
                    declared->end, "%s covers %s, where %s; name the hosts that the app needs",
                    FINDING_QUOTE(declared->text), shared, reason);
}

/* What holds for entries and for the base URLs of remotes. */
static void check_host(const struct lint *lint, const struct declared *declared)
{
    const struct host *host = &declared->address->host;
    if (declared->address->scheme == SCHEME_ANY)
        return;
    if (host->kind != HOST_NAME)
        finding_add(lint->findings, FINDING_WARNING, "ip-literal", declared->at, declared->end,
                    "%s is an IP address, which can change hands; declare a name",
                    FINDING_QUOTE(declared->text));
    if (!is_ascii(declared->text))
        finding_add(lint->findings, FINDING_NOTE, "idn-u-form", declared->at, declared->end,
                    "%s is compared in its A-form; write %s%s", FINDING_QUOTE(declared->text),
                    declared->address->wildcard ? "*." : "", host->text);
    check_wildcard(lint, declared);
}

static void check_path(const struct lint *lint, const struct declared *declared)
{
    if (declared->address->has_path)
        finding_add(lint->findings, FINDING_WARNING, "path-ignored", declared->at, declared->end,
                    "the path of %s is ignored: all of %s is opened; leave the path out",
                    FINDING_QUOTE(declared->text), declared->address->host.text);
}

static void check_everything(const struct lint *lint, enum manifest_list list,
                             const struct declared *declared)
{
    if (declared->address->scheme == SCHEME_ANY)
        finding_add(lint->findings, FINDING_WARNING, "everything", declared->at, declared->end,
                    "\"*\" in %s opens every host; name the hosts that the app needs",
                    manifest_list_name(list));
}

static void check_form(const struct lint *lint, const struct manifest_entry *entry)
{
    char quoted[TEXT_QUOTE_SIZE];
    if (entry->form != ENTRY_STRING || entry->text.length == 0)
        return;
    text_quote(entry->text, quoted);
    finding_add(lint->findings, FINDING_WARNING, "string-form", entry->at, entry->end,
                "%s as a plain string is deprecated; write {address: %s}", quoted, quoted);
}

static void check_page_part(const struct lint *lint, enum manifest_list list,
                            const struct manifest_entry *entry)
{
    if (list != LIST_STYLES && list != LIST_FONTS)
        return;
    finding_add(lint->findings, FINDING_WARNING,
                list == LIST_STYLES ? "external-styles" : "external-fonts", entry->at, entry->end,
                "%s from %s tell their host who opens a page; ship them with the app",
                manifest_list_name(list), FINDING_QUOTE(entry->text));
}

static void check_entry(const struct lint *lint, enum manifest_list list,
                        const struct manifest_entry *entry)
{
    if (entry->form == ENTRY_REMOTE)
        return;
    check_form(lint, entry);
    check_page_part(lint, list, entry);
    if (!entry->valid)
        return;
    struct declared declared = {&entry->address, entry->text, entry->at, entry->end};
    check_everything(lint, list, &declared);
    check_host(lint, &declared);
    if (list == LIST_FETCH_BACKEND)
        check_path(lint, &declared);
}

static void check_remote(const struct lint *lint, const struct manifest_remote *remote)
{
    for (size_t i = 0; i < remote->url_count; i++) {
        const struct manifest_base_url *url = &remote->urls[i];
        struct declared declared = {&url->address, url->text, url->at, url->end};
        if (url->valid)
            check_host(lint, &declared);
    }
}

void lint_addresses(struct lint *lint)
{
    for (enum manifest_list list = 0; list < LIST_COUNT; list++) {
        const struct manifest_entries *entries = &lint->manifest->lists[list];
        for (size_t i = 0; i < entries->count; i++)
            check_entry(lint, list, &entries->items[i]);
    }
    for (size_t i = 0; i < lint->manifest->remote_count; i++)
        check_remote(lint, &lint->manifest->remotes[i]);
}
