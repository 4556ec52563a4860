/* The one way of strangers' bytes into a page; see the header. */
#include "policy/html.h"

/* The reference that stands for BYTE; NULL: it stands for itself. */
static const char *reference(char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* What BYTES begin with. Returns its length. */
static size_t add_character(struct text *text, struct span bytes)
{
    size_t unseen = text_add_unseen(text, bytes);
    if (unseen > 0)
        return unseen;
    size_t length = text_utf8_length(bytes);
    const char *name = reference(bytes.data[0]);
    if (name != NULL)
        text_add_string(text, name);
    else
        text_add(text, span_slice(bytes, 0, length));
    return length;
}

void html_add(struct text *text, struct span bytes)
{
    while (bytes.length > 0)
        bytes = span_after(bytes, add_character(text, bytes));
}

void html_add_string(struct text *text, const char *string)
{
    html_add(text, span_of(string));
}

void html_add_code(struct text *text, struct span bytes)
{
    text_add_string(text, "<code>");
    html_add(text, bytes);
    text_add_string(text, "</code>");
}

void html_add_number(struct text *text, uint64_t number)
{
    uint64_t unit = 1;
    while (number / unit >= 1000)
        unit *= 1000;
    text_add_decimal(text, number / unit);
    for (unit /= 1000; unit > 0; unit /= 1000)
        text_add_format(text, ",%03u", (unsigned)(number / unit % 1000));
}
