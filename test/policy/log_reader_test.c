/* Promises of policy/log_reader: lines out of files, records out of lines. */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "policy/log_reader.h"
#include "test/policy/slow.h"
#include "test/suite.h"

static char path[64];
static struct error error;
static char scratch_storage[LOG_LINE_MAXIMUM];
static struct text scratch;
static struct log_record record;

static void setup(void)
{
    strcpy(path, "/tmp/sallyport-log-XXXXXX");
    int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    close(descriptor);
    text_init_fixed(&scratch, scratch_storage, sizeof(scratch_storage));
}

static void teardown(void)
{
    unlink(path);
}

static void write_bytes(const char *mode, const char *bytes, size_t length)
{
    FILE *file = fopen(path, mode);
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static void write_gzip(const char *mode, const char *text)
{
    gzFile file = gzopen(path, mode);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(gzputs(file, text), (int)strlen(text));
    ck_assert_int_eq(gzclose(file), Z_OK);
}

/* What reading the file gives: lines in brackets, "long", and at last "end" or "failed". */
static const char *read_all(void)
{
    static char seen[4096];
    struct text text;
    struct span line;
    enum log_line kind;
    struct log_reader *reader = log_reader_open(path, &error);
    ck_assert_ptr_nonnull(reader);
    text_init_fixed(&text, seen, sizeof(seen) - 1);
    while ((kind = log_reader_next(reader, &line, &error)) == LOG_LINE || kind == LOG_LINE_LONG) {
        text_add_format(&text, "%u", (unsigned)log_reader_line(reader));
        if (kind == LOG_LINE)
            text_add_format(&text, "[%.*s]", SPAN_FORMAT(line));
        else
            text_add_string(&text, "long");
    }
    text_add_string(&text, kind == LOG_END ? "end" : "failed");
    ck_assert_int_eq(log_reader_next(reader, &line, &error), kind);
    log_reader_close(reader);
    seen[text.length] = '\0';
    return seen;
}

START_TEST(gives_lines_without_their_ends_and_a_last_one_that_has_none)
{
    write_bytes("w", "one\ntwo\r\n\nlast", 14);
    ck_assert_str_eq(read_all(), "1[one]2[two]3[]4[last]end");
}
END_TEST

START_TEST(gives_nothing_of_an_empty_file)
{
    ck_assert_str_eq(read_all(), "end");
}
END_TEST

START_TEST(reads_gzip_by_its_bytes_whatever_the_name)
{
    write_gzip("w", "one\ntwo\n");
    ck_assert_str_eq(read_all(), "1[one]2[two]end");
}
END_TEST

START_TEST(reads_gzip_files_that_were_put_together)
{
    write_gzip("w", "one\n");
    write_gzip("a", "two\n");
    ck_assert_str_eq(read_all(), "1[one]2[two]end");
}
END_TEST

START_TEST(says_that_gzip_data_are_cut_after_giving_what_was_whole)
{
    write_gzip("w", "one\ntwo\n");
    ck_assert_int_eq(truncate(path, 20), 0);
    const char *seen = read_all();
    ck_assert_ptr_nonnull(strstr(seen, "failed"));
    ck_assert_ptr_nonnull(strstr(error.message, "cut"));
    ck_assert_str_eq(error.file, path);
}
END_TEST

START_TEST(says_that_gzip_data_are_broken)
{
    write_bytes("w", "\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\x03garbage", 17);
    ck_assert_ptr_nonnull(strstr(read_all(), "failed"));
    ck_assert_ptr_nonnull(strstr(error.message, "gzip"));
}
END_TEST

static void write_line_of(size_t length, const char *end)
{
    char *line = malloc(length);
    ck_assert_ptr_nonnull(line);
    memset(line, 'x', length);
    write_bytes("a", line, length);
    write_bytes("a", end, strlen(end));
    free(line);
}

START_TEST(gives_a_line_of_the_maximum_and_passes_over_a_longer_one)
{
    struct span line;
    write_line_of(LOG_LINE_MAXIMUM, "\r\n");
    write_line_of(LOG_LINE_MAXIMUM + 1, "\n");
    write_line_of((size_t)10 * LOG_LINE_MAXIMUM, "\n");
    write_bytes("a", "after\n", 6);
    struct log_reader *reader = log_reader_open(path, &error);
    ck_assert_ptr_nonnull(reader);
    ck_assert_int_eq(log_reader_next(reader, &line, &error), LOG_LINE);
    ck_assert_uint_eq(line.length, LOG_LINE_MAXIMUM);
    ck_assert_int_eq(log_reader_next(reader, &line, &error), LOG_LINE_LONG);
    ck_assert_int_eq(log_reader_next(reader, &line, &error), LOG_LINE_LONG);
    ck_assert_uint_le(line.length, 80);
    ck_assert_int_eq(log_reader_next(reader, &line, &error), LOG_LINE);
    ck_assert(span_equal(line, SPAN("after")));
    ck_assert_uint_eq(log_reader_line(reader), 4);
    ck_assert_int_eq(log_reader_next(reader, &line, &error), LOG_END);
    log_reader_close(reader);
}
END_TEST

START_TEST(a_long_line_at_the_end_without_its_end_is_given_once)
{
    write_line_of((size_t)5 * LOG_LINE_MAXIMUM + 7, "");
    ck_assert_str_eq(read_all(), "1longend");
}
END_TEST

START_TEST(opens_neither_directories_nor_what_is_not_there)
{
    ck_assert_ptr_null(log_reader_open("/tmp", &error));
    ck_assert_ptr_nonnull(strstr(error.message, "directory"));
    ck_assert_ptr_null(log_reader_open("/nowhere/at/all", &error));
    ck_assert_str_eq(error.file, "/nowhere/at/all");
}
END_TEST

/* ---- Records ------------------------------------------------------------- */

static bool parse(const char *line)
{
    return log_record_parse(span_of(line), &scratch, &record, &error);
}

START_TEST(takes_a_whole_record_apart)
{
    ck_assert(parse("{\"time\":\"2026-01-02T03:04:05.678901Z\",\"event\":\"decision\",\"id\":\"x\","
                    "\"app\":\"demo\",\"environment\":\"staging\",\"installation\":null,"
                    "\"client\":\"127.0.0.1:5\",\"method\":\"CONNECT\",\"scheme\":\"https\","
                    "\"host\":\"a.example.com\",\"port\":443,\"verdict\":\"allow\","
                    "\"reason\":\"declared\",\"rule\":{\"address\":\"*.example.com\",\"file\":"
                    "\"m.yml\",\"line\":12},\"mode\":\"enforce\",\"policy\":\"0\"}"));
    ck_assert(span_equal(record.event, SPAN("decision")));
    ck_assert(span_equal(record.app, SPAN("demo")));
    ck_assert(span_equal(record.environment, SPAN("staging")));
    ck_assert_uint_eq(record.installation.length, 0);
    ck_assert(span_equal(record.host, SPAN("a.example.com")));
    ck_assert_uint_eq(record.port, 443);
    ck_assert(span_equal(record.rule_address, SPAN("*.example.com")));
    ck_assert(log_time_valid(record.time));
}
END_TEST

struct row {
    const char *line;
    const char *host; /* NULL: refused */
};

static const struct row rows[] = {
    {" { } ", ""},
    {"{\"host\":\"\"}", ""},
    {"{\"host\" : \"a\" , \"x\" : [ ] }", "a"},
    {"{\"host\":\"\\u0061\\/\\\"\\\\\\b\\f\\n\\r\\t\"}", "a/\"\\\b\f\n\r\t"},
    {"{\"host\":\"x\\u00e9\\u20AC\\uD83D\\uDE00y\"}", "x\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80y"},
    {"{\"ho\\u0073t\":\"a\"}", "a"},
    {"{\"x\":[1,-0.5e+7,[{}],{\"a\":[true,false,null]},\"s\"],\"host\":\"b\"}", "b"},
    {"{\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]],\"host\":\"b\"}", "b"},
    {"{\"x\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]],\"host\":\"b\"}", NULL},
    {"", NULL},
    {"[]", NULL},
    {"\"host\"", NULL},
    {"{", NULL},
    {"{\"host\"", NULL},
    {"{\"host\":", NULL},
    {"{\"host\":\"a", NULL},
    {"{\"host\":\"a\"", NULL},
    {"{\"host\":\"a\"}{", NULL},
    {"{\"host\":\"a\"} x", NULL},
    {"{\"host\":\"a\",}", NULL},
    {"{,\"host\":\"a\"}", NULL},
    {"{\"host\" \"a\"}", NULL},
    {"{\"host\":\"a\" \"x\":1}", NULL},
    {"{host:\"a\"}", NULL},
    {"{'host':'a'}", NULL},
    {"{\"host\":\"a\",\"host\":\"b\"}", NULL},
    {"{\"host\":\"a\",\"h\\u006fst\":\"b\"}", NULL},
    {"{\"host\":5}", NULL},
    {"{\"host\":{}}", NULL},
    {"{\"host\":nul}", NULL},
    {"{\"host\":\"a\tb\"}", NULL},
    {"{\"host\":\"a\\x\"}", NULL},
    {"{\"host\":\"\\u12g4\"}", NULL},
    {"{\"host\":\"\\u12", NULL},
    {"{\"host\":\"\\ud83d\"}", NULL},
    {"{\"host\":\"\\ud83dx\"}", NULL},
    {"{\"host\":\"\\ud83d\\u0041\"}", NULL},
    {"{\"host\":\"\\ude00\"}", NULL},
    {"{\"port\":65536}", NULL},
    {"{\"port\":-1}", NULL},
    {"{\"port\":443.0}", NULL},
    {"{\"port\":0443}", NULL},
    {"{\"port\":\"443\"}", NULL},
    {"{\"x\":01}", NULL},
    {"{\"x\":1.}", NULL},
    {"{\"x\":.5}", NULL},
    {"{\"x\":+1}", NULL},
    {"{\"x\":1e}", NULL},
    {"{\"x\":NaN}", NULL},
    {"{\"x\":[1,]}", NULL},
    {"{\"x\":[,1]}", NULL},
    {"{\"x\":[1 2]}", NULL},
    {"{\"x\":[}]}", NULL},
    {"{\"x\":{1:2}}", NULL},
    {"{\"x\":{\"a\":1,}}", NULL},
    {"{\"rule\":[]}", NULL},
    {"{\"rule\":{\"address\":\"a\",\"address\":\"b\"}}", NULL},
    {"{\"rule\":{\"address\":5}}", NULL},
    {"{\"rule\":{},\"rule\":{}}", NULL},
};

START_TEST(holds_a_line_to_the_grammar)
{
    const struct row *row = &rows[_i];
    bool parsed = parse(row->line);
    ck_assert_msg(parsed == (row->host != NULL), "%s", row->line);
    if (parsed)
        ck_assert_msg(span_equal(record.host, span_of(row->host)), "%s", row->line);
    else
        ck_assert_uint_gt(error.at.column, 0);
}
END_TEST

START_TEST(refuses_every_beginning_of_a_record)
{
    const struct span whole = SPAN("{\"host\":\"a\\u0041\",\"x\":[1,{\"y\":null}],\"rule\":{}}");
    ck_assert(log_record_parse(whole, &scratch, &record, &error));
    for (size_t length = 0; length < whole.length; length++)
        ck_assert(!log_record_parse(span_slice(whole, 0, length), &scratch, &record, &error));
}
END_TEST

START_TEST(does_not_grow_slow_over_a_line_of_brackets)
{
    char *line = malloc(LOG_LINE_MAXIMUM);
    clock_t start = clock();
    ck_assert_ptr_nonnull(line);
    memset(line, '[', LOG_LINE_MAXIMUM);
    line[0] = '{';
    memcpy(line + 1, "\"x\":", sizeof("\"x\":") - 1);
    for (int i = 0; i < 1000; i++)
        ck_assert(
            !log_record_parse((struct span){line, LOG_LINE_MAXIMUM}, &scratch, &record, &error));
    free(line);
    ck_assert_double_lt(seconds_since(start), 0.5);
}
END_TEST

/* ---- Decisions ----------------------------------------------------------- */

#define TARGET(method, scheme, host, port)                                                         \
    "{\"verdict\":\"deny\",\"reason\":\"undeclared\",\"method\":" method ",\"scheme\":" scheme     \
    ",\"host\":" host ",\"port\":" port "}"

static const char *decision_of(const char *line)
{
    static char words[512];
    struct log_decision decision;
    ck_assert_msg(parse(line), "%s", line);
    if (!log_decision_read(&record, &decision, &error))
        return "refused";
    if (decision.target.port == 0)
        return "no target";
    snprintf(words, sizeof(words), "%s %s %s %d", verdict_name(decision.verdict),
             scheme_name(decision.target.scheme), decision.target.host.text, decision.target.port);
    return words;
}

static const struct row decision_rows[] = {
    {TARGET("\"CONNECT\"", "\"https\"", "\"a.b\"", "443"), "deny tunnel a.b 443"},
    {TARGET("null", "\"https\"", "\"a.b\"", "8443"), "deny tunnel a.b 8443"},
    {TARGET("\"GET\"", "\"http\"", "\"a.b\"", "80"), "deny http a.b 80"},
    {TARGET("\"GET\"", "\"https\"", "\"a.b\"", "443"), "deny https a.b 443"},
    {TARGET("\"CONNECT\"", "\"https\"", "\"2001:db8::1\"", "443"), "deny tunnel 2001:db8::1 443"},
    {TARGET("\"CONNECT\"", "null", "\"A.b.\"", "443"), "deny tunnel a.b 443"},
    {TARGET("null", "null", "null", "null"), "no target"},
    {TARGET("\"CONNECT\"", "\"https\"", "\"a.b\"", "null"), "refused"},
    {TARGET("\"CONNECT\"", "\"gopher\"", "\"a.b\"", "70"), "refused"},
    {TARGET("\"CONNECT\"", "\"https\"", "\"a b\"", "443"), "refused"},
    {TARGET("\"CONNECT\"", "\"https\"", "\"x\\u001b[2J\"", "443"), "refused"},
    {TARGET("\"CONNECT\"", "\"https\"", "\"::1]:1/[\"", "443"), "refused"},
    {"{\"verdict\":\"perhaps\"}", "refused"},
    {"{\"verdict\":\"allow\",\"method\":\"GET\",\"scheme\":\"http\",\"host\":\"a.b\",\"port\":80,"
     "\"rule\":{\"address\":\"ws://a.b\"}}",
     "allow ws a.b 80"},
};

START_TEST(reads_what_was_asked_as_it_was_asked)
{
    ck_assert_str_eq(decision_of(decision_rows[_i].line), decision_rows[_i].host);
}
END_TEST

START_TEST(knows_every_reason_and_says_when_it_does_not)
{
    struct log_decision decision;
    ck_assert(parse("{\"verdict\":\"deny\",\"reason\":\"path_not_declared\"}"));
    ck_assert(log_decision_read(&record, &decision, &error));
    ck_assert_int_eq(decision.reason, REASON_PATH_NOT_DECLARED);
    ck_assert(parse("{\"verdict\":\"deny\",\"reason\":\"bad_weather\"}"));
    ck_assert(log_decision_read(&record, &decision, &error));
    ck_assert_int_eq(decision.reason, REASON_COUNT);
}
END_TEST

START_TEST(knows_a_time_by_its_shape)
{
    ck_assert(log_time_valid(SPAN("2026-01-02T03:04:05Z")));
    ck_assert(log_time_valid(SPAN("2026-01-02T03:04:05.123456789Z")));
    ck_assert(!log_time_valid(SPAN("2026-01-02T03:04:05.1234567890Z")));
    ck_assert(!log_time_valid(SPAN("2026-01-02T03:04:05.Z")));
    ck_assert(!log_time_valid(SPAN("2026-01-02T03:04:05+00:00")));
    ck_assert(!log_time_valid(SPAN("2026-01-02 03:04:05Z")));
    ck_assert(!log_time_valid(SPAN("\033[31m6-01-02T03:04:05Z")));
    ck_assert(!log_time_valid(SPAN("")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log_reader");
    TCase *lines = tcase_create("lines"), *records = tcase_create("records");
    tcase_add_checked_fixture(lines, setup, teardown);
    tcase_add_test(lines, gives_lines_without_their_ends_and_a_last_one_that_has_none);
    tcase_add_test(lines, gives_nothing_of_an_empty_file);
    tcase_add_test(lines, reads_gzip_by_its_bytes_whatever_the_name);
    tcase_add_test(lines, reads_gzip_files_that_were_put_together);
    tcase_add_test(lines, says_that_gzip_data_are_cut_after_giving_what_was_whole);
    tcase_add_test(lines, says_that_gzip_data_are_broken);
    tcase_add_test(lines, gives_a_line_of_the_maximum_and_passes_over_a_longer_one);
    tcase_add_test(lines, a_long_line_at_the_end_without_its_end_is_given_once);
    tcase_add_test(lines, opens_neither_directories_nor_what_is_not_there);
    tcase_add_checked_fixture(records, setup, teardown);
    tcase_add_test(records, takes_a_whole_record_apart);
    tcase_add_loop_test(records, holds_a_line_to_the_grammar, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(records, refuses_every_beginning_of_a_record);
    tcase_add_test(records, does_not_grow_slow_over_a_line_of_brackets);
    tcase_add_loop_test(records, reads_what_was_asked_as_it_was_asked, 0,
                        sizeof(decision_rows) / sizeof(decision_rows[0]));
    tcase_add_test(records, knows_every_reason_and_says_when_it_does_not);
    tcase_add_test(records, knows_a_time_by_its_shape);
    suite_add_tcase(suite, lines);
    suite_add_tcase(suite, records);
    return suite_run(suite);
}
