/*
 * Characters that make a manifest look other than it reads: those that turn the
 * reading direction and those that show nothing (CVE-2021-42574 has the story
 * for source code). A reviewer decides from what is shown.
 */
#include "policy/lint_rules.h"

struct hidden_range {
    uint32_t first;
    uint32_t last;
};

/* All lie in U+0080..U+FFFF: two bytes of UTF-8, or three. */
static const struct hidden_range hidden[] = {
    {0x00AD, 0x00AD}, /* soft hyphen */
    {0x061C, 0x061C}, /* Arabic letter mark */
    {0x200B, 0x200F}, /* zero width, direction marks */
    {0x202A, 0x202E}, /* embeddings and overrides */
    {0x2060, 0x2064}, /* word joiner and other invisible operators */
    {0x2066, 0x2069}, /* isolates */
};

static bool is_hidden(uint32_t code_point)
{
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        if (code_point >= hidden[i].first && code_point <= hidden[i].last)
            return true;
    }
    return false;
}

/* The code point at the front of TEXT, which is UTF-8, if it has two or three bytes; else 0. */
static uint32_t wide_code_point(struct span text)
{
    const unsigned char *byte = (const unsigned char *)text.data;
    if (byte[0] >= 0xC0 && byte[0] < 0xE0 && text.length >= 2)
        return (byte[0] & 0x1FU) << 6 | (byte[1] & 0x3FU);
    if (byte[0] >= 0xE0 && byte[0] < 0xF0 && text.length >= 3)
        return (byte[0] & 0x0FU) << 12 | (byte[1] & 0x3FU) << 6 | (byte[2] & 0x3FU);
    return 0;
}

static void report(const struct lint *lint, struct position at, uint32_t code_point)
{
    finding_add(lint->findings, FINDING_WARNING, "hidden-character", at,
                (struct position){at.line, at.column + 1},
                "U+%04X shows nothing, or changes how the line is shown; take it out, or write it "
                "as an escape",
                code_point);
}

static bool ends_line(struct span text)
{
    return text.data[0] == '\n' ||
           (text.data[0] == '\r' && (text.length == 1 || text.data[1] != '\n'));
}

void lint_hidden_characters(struct lint *lint, struct span source)
{
    struct position at = {1, 1};
    for (; source.length > 0; source = span_after(source, 1)) {
        if (((unsigned char)source.data[0] & 0xC0) == 0x80)
            continue;
        uint32_t code_point = wide_code_point(source);
        if (is_hidden(code_point))
            report(lint, at, code_point);
        at.column++;
        if (ends_line(source))
            at = (struct position){at.line + 1, 1};
    }
}
