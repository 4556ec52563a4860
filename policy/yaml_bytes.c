/*
 * The first look at a YAML file: what is refused before a parser sees it. A
 * manifest is read by people, by its platform and by us, and all three must see
 * the same lines; so NEL, LS and PS, line ends for YAML 1.1 and none for YAML
 * 1.2, are refused, and so is everything that YAML does not call printable.
 */
#include "policy/yaml_build.h"

#define DIRECTIVES_MAXIMUM 16 /* a parser compares each %TAG with all before it */

struct scan {
    struct span rest;
    struct position at;
    size_t directives;
    const char *file;
    struct error *error;
};

struct span yaml_bytes_strip_mark(struct span bytes)
{
    static const struct span mark = {"\xEF\xBB\xBF", 3};
    return span_starts_with(bytes, mark) ? span_after(bytes, mark.length) : bytes;
}

/*
 * The code point that BYTES begins with and its length, or length 0 where they
 * are not well-formed UTF-8 (RFC 3629, section 4).
 */
static size_t decode(struct span bytes, uint32_t *code_point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *byte = (const unsigned char *)bytes.data;
    size_t length = byte[0] < 0x80   ? 1
                    : byte[0] < 0xC0 ? 0
                    : byte[0] < 0xE0 ? 2
                    : byte[0] < 0xF0 ? 3
                    : byte[0] < 0xF8 ? 4
                                     : 0;
    if (length == 0 || length > bytes.length)
        return 0;
    *code_point = length == 1 ? byte[0] : byte[0] & (0xFFU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((byte[i] & 0xC0) != 0x80)
            return 0;
        *code_point = *code_point << 6 | (byte[i] & 0x3FU);
    }
    bool surrogate = *code_point >= 0xD800 && *code_point <= 0xDFFF;
    return *code_point < smallest[length] || *code_point > 0x10FFFF || surrogate ? 0 : length;
}

/* YAML 1.2, section 5.1, c-printable. */
static bool is_printable(uint32_t code_point)
{
    return code_point == '\t' || code_point == '\n' || code_point == '\r' ||
           (code_point >= 0x20 && code_point <= 0x7E) || code_point == 0x85 ||
           (code_point >= 0xA0 && code_point <= 0xD7FF) ||
           (code_point >= 0xE000 && code_point <= 0xFFFD && code_point != 0xFEFF) ||
           code_point >= 0x10000;
}

static bool is_foreign_line_end(uint32_t code_point)
{
    return code_point == 0x85 || code_point == 0x2028 || code_point == 0x2029;
}

static bool refuse(const struct scan *scan, const char *why)
{
    error_set_at(scan->error, scan->file, scan->at, "%s", why);
    return false;
}

static bool check_code_point(const struct scan *scan, uint32_t code_point)
{
    if (code_point == 0)
        return refuse(scan, "a NUL byte; a manifest is UTF-8 text");
    if (is_foreign_line_end(code_point)) {
        error_set_at(scan->error, scan->file, scan->at,
                     "U+%04X, which some readers take for the end of a line and others do not; "
                     "leave it out, or write it as an escape in a string",
                     code_point);
        return false;
    }
    if (!is_printable(code_point)) {
        error_set_at(scan->error, scan->file, scan->at,
                     "the control character U+%04X; YAML wants it written as an escape in a "
                     "quoted string",
                     code_point);
        return false;
    }
    return true;
}

static void advance(struct scan *scan, size_t length)
{
    bool is_break =
        scan->rest.data[0] == '\n' ||
        (scan->rest.data[0] == '\r' && (scan->rest.length == 1 || scan->rest.data[1] != '\n'));
    scan->rest = span_after(scan->rest, length);
    scan->at.column++;
    if (is_break)
        scan->at = (struct position){scan->at.line + 1, 1};
}

static bool check_next(struct scan *scan)
{
    uint32_t code_point = 0;
    size_t length = decode(scan->rest, &code_point);
    if (length == 0)
        return refuse(scan, "bytes that are not UTF-8; save the file as UTF-8");
    if (!check_code_point(scan, code_point))
        return false;
    if (scan->at.column == 1 && code_point == '%' && ++scan->directives > DIRECTIVES_MAXIMUM)
        return refuse(scan, "more than 16 lines that begin with %; a manifest needs no directives");
    advance(scan, length);
    return true;
}

static bool is_utf16(struct span text)
{
    return span_starts_with(text, SPAN("\xFE\xFF")) || span_starts_with(text, SPAN("\xFF\xFE"));
}

void yaml_refuse_size(const char *file, size_t size, const struct yaml_limits *limits,
                      struct error *error)
{
    error_set_at(error, file, (struct position){0, 0},
                 "larger than %zu MiB (%zu bytes); %s is smaller", limits->bytes >> 20, size,
                 limits->kind);
}

bool yaml_bytes_check(struct span text, const char *file, const struct yaml_limits *limits,
                      struct error *error)
{
    struct scan scan = {.rest = text, .at = {1, 1}, .file = file, .error = error};
    if (text.length > limits->bytes) {
        yaml_refuse_size(file, text.length, limits, error);
        return false;
    }
    if (is_utf16(text))
        return refuse(&scan, "UTF-16 text; save the file as UTF-8");
    while (scan.rest.length > 0) {
        if (!check_next(&scan))
            return false;
    }
    return true;
}
