/* The end of the page: the command that approves, and what happens without it. */
#include "policy/review_parts.h"

/* What a shell takes as one word without quotes. */
static bool is_plain(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || strchr("_-./:@%+,=", byte) != NULL;
}

/* A word that is to be copied must be one that can be seen. */
static bool can_be_copied(struct span word)
{
    for (size_t i = 0; i < word.length; i++) {
        if (word.data[i] < ' ' || word.data[i] > '~')
            return false;
    }
    return word.length > 0;
}

static bool is_plain_word(struct span word)
{
    for (size_t i = 0; i < word.length; i++) {
        if (word.data[i] == '\0' || !is_plain(word.data[i]))
            return false;
    }
    return true;
}

/* POSIX, Shell Command Language, section 2.2.2; a quote itself stands outside. */
static void add_quoted_word(struct text *text, struct span word)
{
    html_add_string(text, "'");
    for (size_t i = 0; i < word.length; i++)
        html_add(text, word.data[i] == '\'' ? SPAN("'\\''") : span_slice(word, i, 1));
    html_add_string(text, "'");
}

/* " OPTION VALUE", or a PLACEHOLDER where the value is not known. */
static void add_option(struct page *page, const char *option, struct span value,
                       const char *placeholder)
{
    struct text *text = page->text;
    text_add_format(text, " %s ", option);
    if (!can_be_copied(value))
        text_add_format(text, "<var>%s</var>", placeholder);
    else if (is_plain_word(value))
        html_add(text, value);
    else
        add_quoted_word(text, value);
}

static struct span known(const char *value)
{
    return value == NULL ? SPAN("") : span_of(value);
}

static void add_command(struct page *page)
{
    const struct review *review = page->review;
    struct span number = review->new.number;
    text_add_string(page->text, "<pre class=\"command\"><code>sallyport installation approve");
    add_option(page, "--policy", known(review->policy), "DIR");
    add_option(page, "\\\n    --app", known(review->app), "APP");
    add_option(page, "--environment", known(review->environment), "ENVIRONMENT");
    add_option(page, "\\\n    --id", known(review->installation), "INSTALLATION");
    add_option(page, "--version", span_slice(number, 0, span_find(number, '.')), "MAJOR");
    add_option(page, "\\\n    --by", SPAN(""), "WHO");
    add_option(page, "--why", SPAN(""), "REASON");
    text_add_string(page->text, "</code></pre>\n");
}

void review_add_decision(struct page *page)
{
    review_begin_section(page, "decide", "Decide");
    if (page->review->diff->bump != BUMP_MAJOR) {
        text_add_string(page->text, "<p>There is nothing to approve: a minor version reaches every "
                                    "installation of its major version by itself.</p>\n");
        review_end_section(page);
        return;
    }
    text_add_string(page->text, "<p><strong>To approve</strong>, run this once the version is "
                                "deployed. Put your own words where they stand in capitals.</p>\n");
    add_command(page);
    text_add_string(page->text,
                    "<p><strong>To refuse</strong>, do nothing: the installation keeps what was "
                    "approved before, and requests that only this version would let out are "
                    "refused with <code>pending_approval</code>.</p>\n"
                    "<p>An approval is written into the ledger with who, when and why, and "
                    "<code>sallyport installation revoke</code> takes it back.</p>\n");
    review_end_section(page);
}
