/*
 * Why: two spellings of one host that a policy takes for two hosts, or one text
 * that the policy and a resolver read differently, are holes in the wall. So all
 * hosts become canonical here, and nowhere else.
 * Rests on: one pass over the bytes for plain ASCII names, which nearly all are;
 * whatever else the text may be (IP literal, international name, mistake) is
 * told apart by that pass and handled off the fast path.
 */
#include "policy/host.h"

#include "policy/idna.h"
#include "policy/ip_literal.h"

#define NAME_LENGTH_MAXIMUM  253
#define LABEL_LENGTH_MAXIMUM 63

/* What a byte of a name becomes: itself, lower case, or 0 where it cannot stand in one. */
static const char name_byte[256] = {
    ['-'] = '-', ['.'] = '.', ['_'] = '_', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3',
    ['4'] = '4', ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9', ['a'] = 'a',
    ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g', ['h'] = 'h',
    ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o',
    ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v',
    ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c',
    ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j',
    ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q',
    ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x',
    ['Y'] = 'y', ['Z'] = 'z',
};

enum name_form {
    NAME_PLAIN,         /* written to the host: letters, digits, "-", "_", "." */
    NAME_ENCODED,       /* the same, with a label that begins "xn--" */
    NAME_INTERNATIONAL, /* a byte beyond ASCII */
    NAME_WRONG_BYTE,
    NAME_EMPTY_LABEL,
    NAME_LONG_LABEL,
    NAME_LONG,
};

static bool refuse(struct error *error, struct span text, const char *why)
{
    char quoted[TEXT_QUOTE_SIZE];
    error_set(error, "%s is not a host: %s", text_quote(text, quoted), why);
    return false;
}

static bool is_encoded(const char *label, size_t length)
{
    return length >= 4 && memcmp(label, "xn--", 4) == 0;
}

/* TEXT without its one trailing dot. */
static struct span without_root(struct span text)
{
    bool rooted = text.length > 1 && text.data[text.length - 1] == '.';
    return rooted ? span_slice(text, 0, text.length - 1) : text;
}

/*
 * The fast path: reads an ASCII name into HOST, lower case. Past the last byte
 * it sees a dot, so that every label ends alike.
 */
static enum name_form read_name(struct span text, struct host *host)
{
    enum name_form form = NAME_PLAIN;
    size_t start = 0;
    text = without_root(text);
    for (size_t i = 0; i <= text.length; i++) {
        unsigned char raw = i < text.length ? (unsigned char)text.data[i] : '.';
        char byte = name_byte[raw];
        if (byte == '\0')
            return raw < 0x80 ? NAME_WRONG_BYTE : NAME_INTERNATIONAL;
        if (i > NAME_LENGTH_MAXIMUM)
            return NAME_LONG;
        host->text[i] = byte;
        if (byte != '.')
            continue;
        if (i == start)
            return NAME_EMPTY_LABEL;
        if (i - start > LABEL_LENGTH_MAXIMUM)
            return NAME_LONG_LABEL;
        if (is_encoded(host->text + start, i - start))
            form = NAME_ENCODED;
        start = i + 1;
    }
    host->text[text.length] = '\0';
    host->length = (uint8_t)text.length;
    return form;
}

static const char *wrong_byte_reason(struct span text, char byte)
{
    uint8_t address[16];
    if (byte == ':' && ipv6_parse(text, address))
        return "an IPv6 address is written in brackets, [2001:db8::1]";
    switch (byte) {
    case ' ':
        return "a host has no spaces";
    case '%':
        return "percent signs are not decoded in a host; write the name itself";
    case '@':
        return "user names and passwords are not taken; write the host alone";
    case ':':
        return "a colon cannot stand in a host";
    case '\\':
        return "backslashes are not taken for slashes; write \"/\" where one is meant";
    case '*':
        return "a wildcard cannot stand here; name one host";
    case '/':
    case '?':
    case '#':
        return "a path, query or fragment cannot stand in a host";
    case '[':
    case ']':
        return "brackets enclose an IPv6 address and nothing else, [2001:db8::1]";
    default:
        break;
    }
    if ((unsigned char)byte < 0x20 || byte == 0x7F)
        return "control characters cannot stand in a host";
    return "a name is made of letters, digits, \"-\", \"_\" and \".\"";
}

/* The first ASCII byte that no name has, or text.length. */
static size_t find_wrong_byte(struct span text)
{
    size_t at = 0;
    while (at < text.length &&
           ((unsigned char)text.data[at] >= 0x80 || name_byte[(unsigned char)text.data[at]] != 0))
        at++;
    return at;
}

static bool refuse_form(struct error *error, struct span text, enum name_form form)
{
    size_t wrong = find_wrong_byte(text);
    if (text.length == 0)
        error_set(error, "the host is empty; name one, such as api.example.com");
    else if (wrong < text.length)
        refuse(error, text, wrong_byte_reason(text, text.data[wrong]));
    else if (form == NAME_LONG)
        refuse(error, text, "a name has at most 253 bytes");
    else if (form == NAME_LONG_LABEL)
        refuse(error, text, "a label, the part between two dots, has at most 63 bytes");
    else
        refuse(error, text, "a label is empty; take out the extra dot");
    return false;
}

static bool refuse_spelling(struct error *error, struct span text, const uint8_t address[4])
{
    char quoted[TEXT_QUOTE_SIZE], canonical[IP_LITERAL_TEXT_SIZE];
    ipv4_format(address, canonical);
    error_set(error, "%s is another spelling of %s; write it so", text_quote(text, quoted),
              canonical);
    return false;
}

/*
 * HOST's text is a clean ASCII name: tells an IPv4 address from a name. WRITTEN
 * is how the host was written; IS_ASCII, that no mapping was needed to read it.
 */
static bool settle_kind(struct span written, bool is_ascii, struct host *host, struct error *error)
{
    uint8_t address[4];
    memset(host->address, 0, sizeof(host->address));
    host->kind = HOST_NAME;
    enum ipv4_form form = ipv4_judge(host_span(host), address);
    if (form == IPV4_NONE)
        return true;
    if (form == IPV4_NOT_ADDRESS)
        return refuse(error, written,
                      "it ends in a number but is not an IPv4 address, such as 192.0.2.1");
    if (form == IPV4_OTHER_FORM || !is_ascii)
        return refuse_spelling(error, written, address);
    host->kind = HOST_IPV4;
    memcpy(host->address, address, sizeof(address));
    return true;
}

/* An international name: mapped to ASCII, then read again as if a stranger had sent the result. */
static bool parse_international(struct span text, struct host *host, struct error *error)
{
    if (find_wrong_byte(text) < text.length)
        return refuse_form(error, text, NAME_WRONG_BYTE);
    char *mapped = idna_to_ascii(text, error);
    if (mapped == NULL)
        return false;
    enum name_form form = read_name(span_of(mapped), host);
    bool accepted;
    if (form == NAME_PLAIN || form == NAME_ENCODED)
        accepted = settle_kind(text, false, host, error) &&
                   (form == NAME_PLAIN || idna_check(host->text, error));
    else
        accepted = refuse_form(error, span_of(mapped), form);
    idna_free(mapped);
    return accepted;
}

/* TEXT begins with "[". RFC 3986, section 3.2.2: IP-literal, of which only IPv6 is taken. */
static bool parse_bracketed(struct span text, struct host *host, struct error *error)
{
    if (span_find(text, ']') != text.length - 1)
        return refuse(error, text, "the bracket of an IPv6 address is closed at its end, [::1]");
    struct span inside = span_slice(text, 1, text.length - 2);
    if (span_find(inside, '%') != inside.length)
        return refuse(error, text, "an IPv6 zone means nothing to another machine; leave it out");
    if (inside.length > 0 && (inside.data[0] == 'v' || inside.data[0] == 'V'))
        return refuse(error, text, "no future kind of IP address is known; write an IPv6 address");
    if (!ipv6_parse(inside, host->address))
        return refuse(error, text, "not an IPv6 address, such as [2001:db8::1]");
    ipv6_format(host->address, host->text);
    host->length = (uint8_t)strlen(host->text);
    host->kind = HOST_IPV6;
    return true;
}

bool host_parse(struct span text, struct host *host, struct error *error)
{
    if (text.length > 0 && text.data[0] == '[')
        return parse_bracketed(text, host, error);
    enum name_form form = read_name(text, host);
    switch (form) {
    case NAME_PLAIN:
        return settle_kind(text, true, host, error);
    case NAME_ENCODED:
        return settle_kind(text, true, host, error) && idna_check(host->text, error);
    case NAME_INTERNATIONAL:
        return parse_international(text, host, error);
    default:
        return refuse_form(error, text, form);
    }
}

void host_add_to_text(const struct host *host, struct text *text)
{
    if (host->kind == HOST_IPV6)
        text_add_char(text, '[');
    text_add(text, host_span(host));
    if (host->kind == HOST_IPV6)
        text_add_char(text, ']');
}
