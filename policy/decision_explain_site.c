/*
 * Denials for the sake of an installation, in words: what waits for the site's
 * admin, what the admin has switched off, and the very command that changes it.
 */
#include "policy/decision_explain.h"

/* DIR of DIR/APP/ENVIRONMENT/manifest.yml. */
static struct span policy_directory_of(const char *manifest)
{
    struct span path = span_of(manifest);
    for (int level = 0; level < 3 && path.length > 0; level++) {
        while (path.length > 0 && path.data[path.length - 1] != '/')
            path.length--;
        path.length -= path.length > 0;
    }
    return path;
}

/* As one word for a shell: in single quotes where a byte could mean something to it. */
static void add_shell_word(struct text *text, struct span word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._-+:@%,=";
    bool quote = word.length == 0;
    for (size_t i = 0; i < word.length && !quote; i++)
        quote = word.data[i] == '\0' || strchr(plain, word.data[i]) == NULL;
    if (!quote) {
        text_add(text, word);
        return;
    }
    text_add_char(text, '\'');
    for (size_t i = 0; i < word.length; i++) {
        if (word.data[i] == '\'')
            text_add_string(text, "'\\'");
        text_add_char(text, word.data[i]);
    }
    text_add_char(text, '\'');
}

/* "sallyport installation VERB --policy DIR --app A --environment E --id ID". */
static void add_command(struct text *text, const char *verb, const struct decision *decision,
                        const struct subject *subject)
{
    text_add_format(text, "sallyport installation %s --policy ", verb);
    add_shell_word(text, policy_directory_of(decision->file));
    text_add_string(text, " --app ");
    text_add(text, subject->app);
    text_add_string(text, " --environment ");
    text_add(text, subject->environment);
    text_add_string(text, " --id ");
    text_add(text, subject->installation);
}

/* "installation site-a of app demo in production". */
static void add_site(struct text *text, const struct subject *subject)
{
    char quoted[TEXT_QUOTE_SIZE];
    text_add_string(text, "installation ");
    text_add_string(text, text_quote(subject->installation, quoted));
    text_add_string(text, " of app ");
    text_add(text, subject->app);
    text_add_string(text, " in ");
    text_add(text, subject->environment);
}

/* Where installations.yml speaks of it. */
static void add_site_place(struct text *text, const struct decision *decision)
{
    const struct decision_rule place = {.file = decision->site_file, .at = decision->site_at};
    explain_add_place(text, &place);
}

void explain_pending(const struct decision *decision, const struct subject *subject,
                     const struct target *target, struct text *text)
{
    explain_add_target(text, target);
    text_add_format(text, " is declared by version %u, which waits for approval at ",
                    decision->newest_major);
    add_site(text, subject);
    text_add_string(text, ": ");
    text_add(text, decision->rule.address);
    text_add_string(text, " at ");
    explain_add_place(text, &decision->rule);
    text_add_format(text, "; version %u is approved", decision->approved_major);
    if (decision->app_managed)
        text_add_format(text,
                        " (the code of version %u runs already, its permissions wait: "
                        "enforcement is app-managed)",
                        decision->newest_major);
    text_add_string(text, "; the site's admin approves it by: ");
    add_command(text, "approve", decision, subject);
    text_add_format(text, " --version %u --by WHO --why TEXT", decision->newest_major);
}

void explain_analytics(const struct decision *decision, const struct subject *subject,
                       const struct target *target, struct text *text)
{
    explain_add_target(text, target);
    text_add_string(text, " is declared for analytics, which are off at ");
    add_site(text, subject);
    text_add_string(text, ": ");
    text_add(text, decision->rule.address);
    text_add_string(text, " at ");
    explain_add_place(text, &decision->rule);
    text_add_string(text, "; the site's admin switches them in ");
    add_site_place(text, decision);
}

void explain_site(const struct decision *decision, const struct subject *subject, struct text *text)
{
    add_site(text, subject);
    if (decision->site == SITE_SUSPENDED) {
        text_add_string(text, " is suspended, so nothing is allowed; its admin has said so at ");
        add_site_place(text, decision);
        return;
    }
    text_add_string(text, " is not known; ");
    text_add(text, policy_directory_of(decision->file));
    text_add_char(text, '/');
    text_add(text, subject->app);
    text_add_char(text, '/');
    text_add(text, subject->environment);
    text_add_string(text, "/installations.yml would list it");
}
