/* Writes JUnit XML; one function escapes all that comes from outside. */
#include "policy/junit.h"

void junit_init(struct junit *junit)
{
    *junit = (struct junit){.suite = ""};
    text_init(&junit->suites, JUNIT_MAXIMUM);
    text_init(&junit->cases, JUNIT_MAXIMUM);
}

void junit_clear(struct junit *junit)
{
    text_clear(&junit->suites);
    text_clear(&junit->cases);
}

/* XML 1.0, section 2.2: no control characters but these three, no U+FFFE and U+FFFF. */
static bool is_character(struct span sequence)
{
    unsigned char first = (unsigned char)sequence.data[0];
    if (sequence.length == 1)
        return first >= 0x20 || first == '\t' || first == '\n' || first == '\r';
    return !span_equal(sequence, SPAN("\xEF\xBF\xBE")) &&
           !span_equal(sequence, SPAN("\xEF\xBF\xBF"));
}

static void add_character(struct text *text, struct span sequence)
{
    static const char special[] = "&<>\"'\t\n\r\x7F";
    char first = sequence.data[0];
    if (!is_character(sequence))
        text_add_string(text, "\xEF\xBF\xBD");
    else if (sequence.length == 1 && memchr(special, first, sizeof(special) - 1) != NULL)
        text_add_format(text, "&#%d;", first);
    else
        text_add(text, sequence);
}

/* BYTES as the value of an attribute, or as text; what is no character becomes U+FFFD. */
static void add_escaped(struct text *text, struct span bytes)
{
    while (bytes.length > 0) {
        size_t length = text_utf8_length(bytes);
        if (length == 0)
            text_add_string(text, "\xEF\xBF\xBD");
        else
            add_character(text, span_slice(bytes, 0, length));
        bytes = span_after(bytes, length == 0 ? 1 : length);
    }
}

static void add_attribute(struct text *text, const char *name, struct span value)
{
    text_add_format(text, " %s=\"", name);
    add_escaped(text, value);
    text_add_char(text, '"');
}

static void add_counts(struct text *text, size_t count, size_t failures, size_t errors)
{
    text_add_format(text, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"0\"", count,
                    failures, errors);
}

void junit_begin_suite(struct junit *junit, const char *name)
{
    text_reset(&junit->cases);
    junit->suite = name;
    junit->count = junit->failures = junit->errors = 0;
}

void junit_end_suite(struct junit *junit)
{
    struct text *text = &junit->suites;
    text_add_string(text, "  <testsuite");
    add_attribute(text, "name", span_of(junit->suite));
    add_counts(text, junit->count, junit->failures, junit->errors);
    text_add_string(text, ">\n");
    text_add(text, text_span(&junit->cases));
    text_add_string(text, "  </testsuite>\n");
    text->overflow = text->overflow || junit->cases.overflow;
    junit->all += junit->count;
    junit->all_failures += junit->failures;
    junit->all_errors += junit->errors;
}

void junit_add_case(struct junit *junit, struct span name, uint32_t line, enum junit_result result,
                    struct span message)
{
    struct text *text = &junit->cases;
    const char *element = result == JUNIT_FAILED ? "failure" : "error";
    junit->count++;
    junit->failures += result == JUNIT_FAILED;
    junit->errors += result == JUNIT_ERROR;
    text_add_string(text, "    <testcase");
    add_attribute(text, "classname", span_of(junit->suite));
    add_attribute(text, "name", name);
    add_attribute(text, "file", span_of(junit->suite));
    text_add_format(text, " line=\"%u\"", line);
    if (result == JUNIT_PASSED) {
        text_add_string(text, "/>\n");
        return;
    }
    text_add_format(text, "><%s", element);
    add_attribute(text, "message", message);
    text_add_char(text, '>');
    add_escaped(text, message);
    text_add_format(text, "</%s></testcase>\n", element);
}

bool junit_write(struct junit *junit, FILE *stream)
{
    struct text head;
    char storage[256];
    text_init_fixed(&head, storage, sizeof(storage));
    text_add_string(&head, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "
                           "name=\"sallyport test\"");
    add_counts(&head, junit->all, junit->all_failures, junit->all_errors);
    text_add_string(&head, ">\n");
    fwrite(head.data, 1, head.length, stream);
    if (junit->suites.length > 0)
        fwrite(junit->suites.data, 1, junit->suites.length, stream);
    fputs("</testsuites>\n", stream);
    return fflush(stream) == 0 && ferror(stream) == 0 && !junit->suites.overflow;
}
