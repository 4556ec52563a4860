/*
 * The steps of the JSON scanner. Each goes over its bytes once and without
 * recursion, so that no line can make it slow or deep.
 */
#include "policy/log_scan.h"

#define DEPTH_MAXIMUM 16 /* objects and lists inside each other */

bool scan_refuse(const struct scan *scan, const char *why)
{
    const struct position at = {0, (uint32_t)(scan->at - scan->begin) + 1};
    error_set_at(scan->error, NULL, at, "%s",
                 scan->at == scan->end ? "the line ends too early; it is torn" : why);
    return false;
}

void scan_skip_blank(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r'))
        scan->at++;
}

bool scan_take(struct scan *scan, char byte)
{
    if (scan->at == scan->end || *scan->at != byte)
        return false;
    scan->at++;
    return true;
}

/* ---- Strings ------------------------------------------------------------- */

static bool is_plain(char byte)
{
    return (unsigned char)byte >= 0x20 && byte != '"' && byte != '\\';
}

/* The four digits behind "\u". */
static bool take_unit(struct scan *scan, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, scan->at++) {
        int digit = scan->at < scan->end ? span_hex_digit(*scan->at) : -1;
        if (digit < 0)
            return scan_refuse(scan, "\\u without four hexadecimal digits");
        *unit = *unit << 4 | (uint32_t)digit;
    }
    return true;
}

static bool is_high_surrogate(uint32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(uint32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* RFC 3629, section 3. */
static void add_utf8(struct text *text, uint32_t code)
{
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    const size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    char bytes[4] = {(char)code};
    for (size_t i = length - 1; length > 1 && i > 0; i--) {
        bytes[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    if (length > 1)
        bytes[0] = (char)(leads[length] | code);
    text_add(text, (struct span){bytes, length});
}

/* What stands behind "\u"; a pair of surrogates is one character, a lone one is none. */
static bool take_character(struct scan *scan)
{
    uint32_t high, low;
    if (!take_unit(scan, &high))
        return false;
    if (is_low_surrogate(high))
        return scan_refuse(scan, "half a surrogate pair");
    if (!is_high_surrogate(high)) {
        add_utf8(scan->scratch, high);
        return true;
    }
    if (!scan_take(scan, '\\') || !scan_take(scan, 'u'))
        return scan_refuse(scan, "half a surrogate pair");
    if (!take_unit(scan, &low))
        return false;
    if (!is_low_surrogate(low))
        return scan_refuse(scan, "half a surrogate pair");
    add_utf8(scan->scratch, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
    return true;
}

static bool take_escape(struct scan *scan)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (scan_take(scan, 'u'))
        return take_character(scan);
    const char *name = scan->at == scan->end ? NULL : memchr(names, *scan->at, sizeof(names) - 1);
    if (name == NULL)
        return scan_refuse(scan, "no escape that JSON knows");
    text_add_char(scan->scratch, meanings[name - names]);
    scan->at++;
    return true;
}

/* The rest of a string in whose middle the first escape stands, behind BEGIN. */
static bool take_escaped(struct scan *scan, const char *begin, struct span *value)
{
    size_t from = scan->scratch->length;
    text_add(scan->scratch, (struct span){begin, (size_t)(scan->at - begin)});
    while (!scan_take(scan, '"')) {
        const char *plain = scan->at;
        if (scan_take(scan, '\\')) {
            if (!take_escape(scan))
                return false;
            continue;
        }
        while (scan->at < scan->end && is_plain(*scan->at))
            scan->at++;
        if (scan->at == plain)
            return scan_refuse(scan, "a control character in a string");
        text_add(scan->scratch, (struct span){plain, (size_t)(scan->at - plain)});
    }
    *value = (struct span){scan->scratch->data + from, scan->scratch->length - from};
    return true;
}

bool scan_take_string(struct scan *scan, struct span *value)
{
    if (!scan_take(scan, '"'))
        return scan_refuse(scan, "no string where one has to be");
    const char *begin = scan->at;
    while (scan->at < scan->end && is_plain(*scan->at))
        scan->at++;
    *value = (struct span){begin, (size_t)(scan->at - begin)};
    if (scan_take(scan, '"'))
        return true;
    if (scan->at < scan->end && *scan->at == '\\')
        return take_escaped(scan, begin, value);
    return scan_refuse(scan, "a control character in a string");
}

/* ---- Other values -------------------------------------------------------- */

bool scan_take_word(struct scan *scan, struct span word)
{
    struct span rest = {scan->at, (size_t)(scan->end - scan->at)};
    if (!span_starts_with(rest, word))
        return false;
    scan->at += word.length;
    return true;
}

static bool skip_digits(struct scan *scan)
{
    const char *begin = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > begin || scan_refuse(scan, "no digit where one has to be");
}

bool scan_take_number(struct scan *scan, struct span *value)
{
    const char *begin = scan->at;
    scan_take(scan, '-');
    if (!scan_take(scan, '0') && !skip_digits(scan))
        return false;
    if (scan_take(scan, '.') && !skip_digits(scan))
        return false;
    if (scan_take(scan, 'e') || scan_take(scan, 'E')) {
        if (!scan_take(scan, '+'))
            scan_take(scan, '-');
        if (!skip_digits(scan))
            return false;
    }
    *value = (struct span){begin, (size_t)(scan->at - begin)};
    return true;
}

static bool skip_scalar(struct scan *scan)
{
    struct span ignored;
    if (scan->at == scan->end)
        return scan_refuse(scan, "");
    if (*scan->at == '"')
        return scan_take_string(scan, &ignored);
    if (*scan->at == '-' || (*scan->at >= '0' && *scan->at <= '9'))
        return scan_take_number(scan, &ignored);
    return scan_take_word(scan, SPAN("null")) || scan_take_word(scan, SPAN("true")) ||
           scan_take_word(scan, SPAN("false")) || scan_refuse(scan, "no JSON value");
}

bool scan_take_name(struct scan *scan, struct span *name)
{
    scan_skip_blank(scan);
    if (!scan_take_string(scan, name))
        return false;
    scan_skip_blank(scan);
    if (!scan_take(scan, ':'))
        return scan_refuse(scan, "no colon behind a member's name");
    scan_skip_blank(scan);
    return true;
}

/* CLOSERS is the stack that recursion would have been. */
bool scan_skip_value(struct scan *scan)
{
    char closers[DEPTH_MAXIMUM];
    size_t depth = 0;
    struct span name;
    for (;;) {
        bool object = scan->at < scan->end && *scan->at == '{';
        bool opens = object || (scan->at < scan->end && *scan->at == '[');
        if (opens && depth == DEPTH_MAXIMUM)
            return scan_refuse(scan, "objects and lists too deep inside each other");
        if (!opens && !skip_scalar(scan))
            return false;
        if (opens) {
            closers[depth++] = object ? '}' : ']';
            scan->at++;
            scan_skip_blank(scan);
        }
        bool first = opens;
        while (depth > 0) {
            scan_skip_blank(scan);
            if (!scan_take(scan, closers[depth - 1]))
                break;
            depth--;
            first = false;
        }
        if (depth == 0)
            return true;
        if (!first && !scan_take(scan, ','))
            return scan_refuse(scan, "no comma between two values");
        scan_skip_blank(scan);
        if (closers[depth - 1] == '}' && !scan_take_name(scan, &name))
            return false;
    }
}
