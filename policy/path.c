/*
 * One pass from left to right: each octet is decoded and written twice, as it goes
 * on the wire and as it is judged; each segment is looked at when it ends. A ".."
 * takes back what was written since the slash before.
 */
#include "policy/path.h"

#include "policy/text.h"

struct writer {
    struct path *path;
    char *wire;
    char *text;
    size_t wire_length;
    size_t text_length;
    size_t wire_segment; /* where the segment under way begins, behind its slash */
    size_t text_segment;
};

static bool refuse(struct path *path, const char *why)
{
    path->problem = why;
    return false;
}

/* The octet that the two digits behind a "%" stand for; below 0: they are none. */
static int decode(struct span digits)
{
    if (digits.length < 2 || span_hex_digit(digits.data[0]) < 0 ||
        span_hex_digit(digits.data[1]) < 0)
        return -1;
    return span_hex_digit(digits.data[0]) * 16 + span_hex_digit(digits.data[1]);
}

/* RFC 3986, section 2.3. */
static bool is_unreserved(int octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') ||
           (octet >= '0' && octet <= '9') ||
           (octet > 0 && octet < 0x80 && strchr("-._~", octet) != NULL);
}

/* RFC 3986, section 3.3: what stands in a segment unencoded and means something there. */
static bool is_reserved(int octet)
{
    return octet > 0 && octet < 0x80 && strchr("!$&'()*+,;=:@", octet) != NULL;
}

/* ---- segments -------------------------------------------------------------------- */

static void drop_segment(struct writer *writer)
{
    writer->wire_length = writer->wire_segment;
    writer->text_length = writer->text_segment;
}

/* Takes back the segment before the one under way, which is dropped already. */
static bool drop_parent(struct writer *writer)
{
    if (writer->text_segment <= 1)
        return refuse(writer->path, "\"..\" leads above the root");
    writer->wire_length--;
    writer->text_length--;
    while (writer->wire[writer->wire_length - 1] != '/')
        writer->wire_length--;
    while (writer->text[writer->text_length - 1] != '/')
        writer->text_length--;
    writer->wire_segment = writer->wire_length;
    writer->text_segment = writer->text_length;
    return true;
}

/* Some file systems drop dots and spaces at a name's end: nothing would be left of this one. */
static bool is_dots_and_spaces(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] != '.' && name.data[i] != ' ')
            return false;
    }
    return true;
}

/* Looks at the segment that ends here. *kept: it is one, and has not been taken back. */
static bool end_segment(struct writer *writer, bool *kept)
{
    struct span name = {writer->text + writer->text_segment,
                        writer->text_length - writer->text_segment};
    struct span bare = span_slice(name, 0, span_find(name, ';'));
    *kept = false;
    if (name.length == 0)
        return true;
    if (span_equal(name, SPAN(".")) || span_equal(name, SPAN(".."))) {
        drop_segment(writer);
        return name.length == 1 || drop_parent(writer);
    }
    if (is_dots_and_spaces(bare))
        return refuse(writer->path, "a segment of dots, spaces or parameters alone is read in "
                                    "more than one way");
    *kept = true;
    return true;
}

static bool add_slash(struct writer *writer)
{
    bool kept;
    if (!end_segment(writer, &kept))
        return false;
    if (!kept)
        return true; /* the slash before is there already */
    if (writer->wire_length == PATH_LENGTH_MAXIMUM)
        return refuse(writer->path, "the path is too long");
    writer->wire[writer->wire_length++] = '/';
    writer->text[writer->text_length++] = '/';
    writer->wire_segment = writer->wire_length;
    writer->text_segment = writer->text_length;
    return true;
}

/* ---- octets ---------------------------------------------------------------------- */

static bool check_octet(struct path *path, int octet, bool encoded)
{
    if (octet < 0x20 || octet == 0x7F)
        return refuse(path, "a control character in the path");
    if (octet == '\\')
        return refuse(path, "a backslash in the path, which some servers take for a slash");
    if (octet == '/' && encoded)
        return refuse(path, "an encoded slash in the path, which some servers decode");
    if (!encoded && octet == ' ')
        return refuse(path, "a space in the path; write %20");
    if (!encoded && (octet == '?' || octet == '#'))
        return refuse(path, "a path ends where its query or fragment begins");
    return true;
}

static bool add_octet(struct writer *writer, int octet, bool encoded)
{
    static const char digits[] = "0123456789ABCDEF";
    bool as_it_is = is_unreserved(octet) || (!encoded && is_reserved(octet));
    if (writer->wire_length + (as_it_is ? 1 : 3) > PATH_LENGTH_MAXIMUM)
        return refuse(writer->path, "the path is too long");
    writer->text[writer->text_length++] = (char)octet;
    if (as_it_is) {
        writer->wire[writer->wire_length++] = (char)octet;
        return true;
    }
    writer->wire[writer->wire_length++] = '%';
    writer->wire[writer->wire_length++] = digits[octet >> 4];
    writer->wire[writer->wire_length++] = digits[octet & 15];
    return true;
}

static bool add_next(struct writer *writer, struct span given, size_t *at)
{
    int octet = (unsigned char)given.data[*at];
    bool encoded = octet == '%';
    if (encoded)
        octet = decode(span_after(given, *at + 1));
    if (octet < 0)
        return refuse(writer->path, "invalid percent-encoding in the path");
    *at += encoded ? 3 : 1;
    if (!check_octet(writer->path, octet, encoded))
        return false;
    return octet == '/' ? add_slash(writer) : add_octet(writer, octet, encoded);
}

/* ---- the whole ------------------------------------------------------------------- */

/* What a server that decodes twice would find: never another path than this one. */
static bool check_second_decoding(struct path *path)
{
    for (size_t i = 0; i < path->text.length; i++) {
        if (path->text.data[i] != '%')
            continue;
        if (decode(span_after(path->text, i + 1)) >= 0)
            return refuse(path, "a character of the path is encoded twice");
    }
    return true;
}

static bool check_utf8(struct path *path)
{
    for (size_t at = 0; at < path->text.length;) {
        size_t length = text_utf8_length(span_after(path->text, at));
        if (length == 0)
            return refuse(path, "the path is not UTF-8");
        at += length;
    }
    return true;
}

static void drop_parameters(struct path *path)
{
    char *plain = path->storage + (size_t)2 * PATH_LENGTH_MAXIMUM;
    size_t length = 0;
    bool in_parameters = false;
    for (size_t i = 0; i < path->text.length; i++) {
        in_parameters = path->text.data[i] == ';' || (in_parameters && path->text.data[i] != '/');
        if (!in_parameters)
            plain[length++] = path->text.data[i];
    }
    path->plain = (struct span){plain, length};
}

bool path_normalise(struct span given, struct path *path)
{
    struct writer writer = {.path = path,
                            .wire = path->storage,
                            .text = path->storage + PATH_LENGTH_MAXIMUM,
                            .wire_length = 1,
                            .text_length = 1,
                            .wire_segment = 1,
                            .text_segment = 1};
    bool kept;
    path->problem = NULL;
    if (given.length > PATH_LENGTH_MAXIMUM)
        return refuse(path, "the path is too long");
    if (given.length > 0 && given.data[0] != '/')
        return refuse(path, "a path begins with \"/\"");
    writer.wire[0] = writer.text[0] = '/';
    for (size_t at = given.length > 0; at < given.length;) {
        if (!add_next(&writer, given, &at))
            return false;
    }
    if (!end_segment(&writer, &kept))
        return false;
    path->wire = (struct span){writer.wire, writer.wire_length};
    path->plain = path->text = (struct span){writer.text, writer.text_length};
    if (span_find(path->text, ';') < path->text.length)
        drop_parameters(path);
    return check_second_decoding(path) && check_utf8(path);
}
