/* Promises of log_reader_find: the lines that hold a needle, out of any log, and the rest passed
 * by. */
#include <unistd.h>
#include <zlib.h>

#include "policy/log_reader.h"
#include "test/suite.h"

#define NEEDLE SPAN("\"id\":\"wanted\"")

static char path[64];
static struct error error;

static void set_up(void)
{
    strcpy(path, "/tmp/sallyport-search-XXXXXX");
    int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    close(descriptor);
}

static void tear_down(void)
{
    unlink(path);
}

static FILE *begin(void)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    return file;
}

static void add_bytes(FILE *file, char byte, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fputc(byte, file);
}

/* What searching the file gives: numbers and lengths of lines, and at last "end" or "failed". */
static const char *found(void)
{
    static char seen[1024];
    struct text text;
    struct span line;
    enum log_line kind;
    struct log_reader *reader = log_reader_open(path, &error);
    ck_assert_ptr_nonnull(reader);
    text_init_fixed(&text, seen, sizeof(seen) - 1);
    while ((kind = log_reader_find(reader, NEEDLE, &line, &error)) == LOG_LINE)
        text_add_format(&text, "%u[%zu] ", (unsigned)log_reader_line(reader), line.length);
    ck_assert(kind == LOG_END || kind == LOG_FAILED);
    text_add_string(&text, kind == LOG_END ? "end" : "failed");
    seen[text.length] = '\0';
    log_reader_close(reader);
    return seen;
}

START_TEST(finds_lines_wherever_they_stand)
{
    FILE *file = begin();
    fputs("{\"id\":\"wanted\"}\nother\n\n{\"id\":\"wanted\",\"id\":\"wanted\"}\r\n{\"id\":\"want\n"
          "{\"id\":\"wanted\"}",
          file);
    fclose(file);
    ck_assert_str_eq(found(), "1[15] 4[29] 6[15] end");
}
END_TEST

/* GIVEN lines of LENGTH bytes before it, so that it falls on every place of the reader's blocks. */
START_TEST(finds_a_line_across_the_ends_of_blocks)
{
    static const size_t lengths[] = {1, 97, 4095, 65535};
    for (size_t i = 0; i < 4; i++) {
        for (size_t shift = 0; shift < 20; shift++) {
            size_t count = 200000 / (lengths[i] + 1) + 1;
            char expected[64];
            FILE *file = begin();
            add_bytes(file, 'x', 65536 - shift);
            fputc('\n', file);
            for (size_t line = 0; line < count; line++) {
                add_bytes(file, 'y', lengths[i]);
                fputc('\n', file);
            }
            fputs("{\"id\":\"wanted\"}\n", file);
            fclose(file);
            snprintf(expected, sizeof(expected), "%zu[15] end", count + 2);
            ck_assert_str_eq(found(), expected);
        }
    }
}
END_TEST

START_TEST(passes_over_lines_that_are_too_long_for_a_record)
{
    FILE *file = begin();
    add_bytes(file, 'x', 300000);
    fputs("{\"id\":\"wanted\"}\n{\"id\":\"wanted\"}\n", file);
    fputs("{\"id\":\"wanted\"}", file);
    add_bytes(file, ' ', LOG_LINE_MAXIMUM);
    fputs("\n{\"id\":\"wanted\"}\n", file);
    fclose(file);
    ck_assert_str_eq(found(), "2[15] 4[15] end");
}
END_TEST

START_TEST(finds_in_gzip_and_says_when_it_was_cut)
{
    gzFile file = gzopen(path, "wb");
    ck_assert_int_eq(gzputs(file, "other\n{\"id\":\"wanted\"}\n"), 22);
    ck_assert_int_eq(gzclose(file), Z_OK);
    ck_assert_str_eq(found(), "2[15] end");
    ck_assert_int_eq(truncate(path, 30), 0);
    ck_assert_ptr_nonnull(strstr(found(), "failed"));
    ck_assert_ptr_nonnull(strstr(error.message, "the file was cut"));
}
END_TEST

START_TEST(finds_nothing_in_an_empty_log)
{
    ck_assert_str_eq(found(), "end");
}
END_TEST

static int order(const char *a, const char *b)
{
    ck_assert(log_time_valid(span_of(a)) && log_time_valid(span_of(b)));
    int forth = log_time_compare(span_of(a), span_of(b));
    int back = log_time_compare(span_of(b), span_of(a));
    ck_assert_int_eq((forth > 0) - (forth < 0), (back < 0) - (back > 0));
    return (forth > 0) - (forth < 0);
}

START_TEST(orders_times_with_fractions_of_any_length)
{
    ck_assert_int_eq(order("2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"), -1);
    ck_assert_int_eq(order("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000001Z"), -1);
    ck_assert_int_eq(order("2026-01-02T03:04:05.5Z", "2026-01-02T03:04:05.50Z"), 0);
    ck_assert_int_eq(order("2026-01-02T03:04:05.9Z", "2026-01-02T03:04:05.123456789Z"), 1);
    ck_assert_int_eq(order("2025-12-31T23:59:59.999999999Z", "2026-01-01T00:00:00Z"), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log_search");
    TCase *promises = tcase_create("log_search");
    tcase_add_checked_fixture(promises, set_up, tear_down);
    tcase_add_test(promises, finds_lines_wherever_they_stand);
    tcase_add_test(promises, finds_a_line_across_the_ends_of_blocks);
    tcase_add_test(promises, passes_over_lines_that_are_too_long_for_a_record);
    tcase_add_test(promises, finds_in_gzip_and_says_when_it_was_cut);
    tcase_add_test(promises, finds_nothing_in_an_empty_log);
    tcase_add_test(promises, orders_times_with_fractions_of_any_length);
    suite_add_tcase(suite, promises);
    return suite_run(suite);
}
