/*
 * Why: everything that Sallyport writes is built from strangers' bytes, so one
 * place bounds it and one place escapes it.
 * Rests on: `overflow`, which sticks: after a write that did not fit nothing
 * more is written, and what stands there is a true beginning.
 */
#include "policy/text.h"

#include <stdarg.h>
#include <stdlib.h>

#include "policy/word.h"

/* Bytes of a quoted text; each is at most six when escaped, so that TEXT_QUOTE_SIZE holds them. */
#define QUOTE_MAXIMUM 80

#define DIGITS_MAXIMUM 20 /* of a 64-bit number */

void text_init_fixed(struct text *text, char *storage, size_t capacity)
{
    *text = (struct text){.data = storage, .capacity = capacity};
}

void text_init(struct text *text, size_t maximum)
{
    *text = (struct text){.maximum = maximum};
}

void text_clear(struct text *text)
{
    if (text->maximum != 0)
        free(text->data);
    *text = (struct text){.maximum = text->maximum};
}

void text_reset(struct text *text)
{
    text->length = 0;
    text->overflow = false;
}

/* Larger storage with the same text. What is left behind is wiped: texts carry payload, too. */
static char *grow(struct text *text, size_t capacity)
{
    char *larger = malloc(capacity);
    if (larger == NULL)
        return NULL;
    if (text->length > 0) {
        memcpy(larger, text->data, text->length);
        explicit_bzero(text->data, text->length);
    }
    free(text->data);
    return larger;
}

static bool grow_for(struct text *text, size_t count)
{
    if (text->maximum == 0 || count > text->maximum - text->length) {
        text->overflow = true;
        return false;
    }
    size_t wanted = text->capacity == 0 ? 256 : text->capacity * 2;
    if (wanted < text->length + count)
        wanted = text->length + count;
    if (wanted > text->maximum)
        wanted = text->maximum;
    char *grown = grow(text, wanted);
    if (grown == NULL) {
        text->overflow = true;
        return false;
    }
    text->data = grown;
    text->capacity = wanted;
    return true;
}

/* Room for COUNT more bytes, grown if need be. */
static inline bool make_room(struct text *text, size_t count)
{
    return !text->overflow && (count <= text->capacity - text->length || grow_for(text, count));
}

void text_add_growing(struct text *text, struct span bytes)
{
    if (!make_room(text, bytes.length))
        return;
    memcpy(text->data + text->length, bytes.data, bytes.length);
    text->length += bytes.length;
}

static size_t count_digits(uint64_t value)
{
    size_t count = 1;
    for (uint64_t power = 10; count < DIGITS_MAXIMUM && value >= power; power *= 10)
        count++;
    return count;
}

void text_add_decimal(struct text *text, uint64_t value)
{
    const size_t count = count_digits(value);
    if (!make_room(text, count))
        return;
    char *digits = text->data + text->length;
    for (size_t i = count; i-- > 0; value /= 10)
        digits[i] = (char)('0' + value % 10);
    text->length += count;
}

void text_add_format(struct text *text, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof(line)) {
        text_add(text, (struct span){line, (size_t)length});
        return;
    }
    if (length < 0 || !make_room(text, (size_t)length + 1)) {
        text->overflow = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

size_t text_utf8_length(struct span bytes)
{
    const unsigned char *byte = (const unsigned char *)bytes.data;
    unsigned char low = 0x80, high = 0xBF;
    size_t length;
    if (byte[0] < 0x80)
        return 1;
    if (byte[0] < 0xC2 || byte[0] > 0xF4)
        return 0;
    if (byte[0] == 0xE0)
        low = 0xA0;
    if (byte[0] == 0xED)
        high = 0x9F;
    if (byte[0] == 0xF0)
        low = 0x90;
    if (byte[0] == 0xF4)
        high = 0x8F;
    length = byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : 4;
    if (bytes.length < length || byte[1] < low || byte[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if (byte[i] < 0x80 || byte[i] > 0xBF)
            return 0;
    }
    return length;
}

/* The code point of a well-formed sequence of LENGTH bytes. */
static uint32_t utf8_decode(const char *bytes, size_t length)
{
    static const uint8_t first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = (uint8_t)bytes[0] & first_bits[length];
    for (size_t i = 1; i < length; i++)
        code = code << 6 | ((uint8_t)bytes[i] & 0x3F);
    return code;
}

static bool needs_no_escape(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
}

/* How many bytes from the beginning need no escape. */
static size_t count_plain(struct span bytes)
{
    size_t count = 0;
    while (count < bytes.length && needs_no_escape((unsigned char)bytes.data[count]))
        count++;
    return count;
}

static bool word_is_plain(uint64_t word)
{
    return (word_find_below(word, ' ') | word_find(word, 0x7F) | word_find(word, '"') |
            word_find(word, '\\')) == 0;
}

/* Nothing needs an escape: what is left of a word at the end is looked at with what is before it.
 */
static bool is_plain(struct span bytes)
{
    if (bytes.length < sizeof(uint64_t))
        return count_plain(bytes) == bytes.length;
    const size_t last = bytes.length - sizeof(uint64_t);
    for (size_t at = 0; at < last; at += sizeof(uint64_t)) {
        if (!word_is_plain(word_load(bytes.data + at)))
            return false;
    }
    return word_is_plain(word_load(bytes.data + last));
}

static void add_escaped(struct text *text, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
    if (byte == '"' || byte == '\\')
        text_add(text, (struct span){(char[]){'\\', (char)byte}, 2});
    else if (byte == '\n')
        text_add(text, SPAN("\\n"));
    else if (byte == '\t')
        text_add(text, SPAN("\\t"));
    else
        text_add(text, (struct span){escape, sizeof(escape)});
}

static void add_json_escaped(struct text *text, struct span bytes)
{
    text_add_char(text, '"');
    while (bytes.length > 0) {
        const size_t plain = count_plain(bytes);
        text_add(text, span_slice(bytes, 0, plain));
        bytes = span_after(bytes, plain);
        if (bytes.length == 0)
            break;
        size_t sequence = text_utf8_length(bytes);
        if (sequence > 1)
            text_add(text, span_slice(bytes, 0, sequence));
        else if (sequence == 1)
            add_escaped(text, (unsigned char)bytes.data[0]);
        else
            text_add(text, SPAN("\xEF\xBF\xBD"));
        bytes = span_after(bytes, sequence == 0 ? 1 : sequence);
    }
    text_add_char(text, '"');
}

/* Next to all that is logged is plain: one look at the room is enough for that. */
void text_add_json(struct text *text, struct span bytes)
{
    if (!is_plain(bytes) || !make_room(text, bytes.length + 2)) {
        add_json_escaped(text, bytes);
        return;
    }
    char *to = text->data + text->length;
    *to++ = '"';
    if (bytes.length > 0)
        memcpy(to, bytes.data, bytes.length);
    to[bytes.length] = '"';
    text->length += bytes.length + 2;
}

/* Beyond ASCII: C1 controls, soft hyphen, zero-width and bidirectional format characters, BOM. */
static bool is_unseen(uint32_t code)
{
    return code < 0xA0 || code == 0xAD || code == 0x61C || code == 0x180E ||
           (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2060 && code <= 0x206F) || (code >= 0xFFF0 && code <= 0xFFFB) ||
           code == 0xFEFF || (code >= 0xE0000 && code <= 0xE0FFF);
}

size_t text_add_unseen(struct text *text, struct span bytes)
{
    size_t sequence = text_utf8_length(bytes);
    unsigned char first = (unsigned char)bytes.data[0];
    if (sequence == 0) {
        text_add_format(text, "\\x%02x", first);
        return 1;
    }
    if (sequence == 1 && first >= 0x20 && first != 0x7F)
        return 0;
    if (sequence == 1) {
        add_escaped(text, first);
        return 1;
    }
    uint32_t code = utf8_decode(bytes.data, sequence);
    if (!is_unseen(code))
        return 0;
    text_add_format(text, "\\u{%x}", code);
    return sequence;
}

/* One character of BYTES, escaped where a terminal should not see it as it is. Returns its length.
 */
static size_t add_quoted(struct text *text, struct span bytes)
{
    size_t unseen = text_add_unseen(text, bytes);
    if (unseen > 0)
        return unseen;
    size_t sequence = text_utf8_length(bytes);
    if (bytes.data[0] == '"' || bytes.data[0] == '\\')
        add_escaped(text, (unsigned char)bytes.data[0]);
    else
        text_add(text, span_slice(bytes, 0, sequence));
    return sequence;
}

const char *text_quote(struct span bytes, char quoted[TEXT_QUOTE_SIZE])
{
    struct text text;
    size_t at = 0;
    text_init_fixed(&text, quoted, TEXT_QUOTE_SIZE);
    text_add_char(&text, '"');
    while (at < bytes.length && at < QUOTE_MAXIMUM)
        at += add_quoted(&text, span_after(bytes, at));
    if (at < bytes.length)
        text_add_string(&text, "…");
    text_add(&text, SPAN("\"\0"));
    /* Fixed text never grows, which the analyser does not see. NOLINTNEXTLINE */
    return quoted;
}

void text_add_shown(struct text *text, struct span bytes)
{
    char quoted[TEXT_QUOTE_SIZE];
    size_t plain = 0;
    while (plain < bytes.length && bytes.data[plain] >= ' ' && bytes.data[plain] <= '~')
        plain++;
    if (plain == bytes.length)
        text_add(text, bytes);
    else
        text_add_string(text, text_quote(bytes, quoted));
}
