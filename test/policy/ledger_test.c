/* policy/ledger: what is written is read again, and no byte of it can be changed unseen. */
#include <check.h>
#include <stdio.h>
#include <unistd.h>

#include "policy/ledger.h"
#include "test/suite.h"

#define ENTRIES 3

static const char digest[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static char path[64];
static struct text whole; /* a ledger of ENTRIES lines */
static struct error error;
static struct ledger_entry entry;

static const struct ledger_entry first = {
    .n = 1,
    .time = {"2026-01-02T03:04:05.678901Z", 27},
    .event = {"approve", 7},
    .app = {"orders", 6},
    .environment = {"production", 10},
    .installation = {"site-1", 6},
    .version = {"2.1", 3},
    .by = {"Ann \"A\" Lee", 11},
    .why = {"line\nline, \xC3\xBC,\"hash\":\"", 21},
    .files = {{{"orders/production/manifest.yml", 30}, {digest, 64}},
              {{"orders/production/installations.yml", 35}, {digest, 64}}},
    .file_count = 2,
};

static void write_ledger(void)
{
    char previous[LEDGER_HASH_SIZE];
    struct ledger_head head;
    ledger_head_init(&head);
    memcpy(previous, head.hash, sizeof(previous));
    text_init(&whole, (size_t)ENTRIES * (LEDGER_LINE_MAXIMUM + 1));
    for (uint64_t n = 1; n <= ENTRIES; n++) {
        struct ledger_entry next = first;
        struct text line;
        next.n = n;
        next.previous = span_of(previous);
        text_init(&line, LEDGER_LINE_MAXIMUM + 1);
        ck_assert(ledger_entry_write(&next, &line));
        memcpy(previous, line.data + line.length - LEDGER_HASH_SIZE - 2, LEDGER_HASH_SIZE - 1);
        text_add(&whole, text_span(&line));
        text_clear(&line);
    }
}

static void put(struct span bytes)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes.data, 1, bytes.length, file), bytes.length);
    ck_assert_int_eq(fclose(file), 0);
}

static void setup(void)
{
    int file;
    snprintf(path, sizeof(path), "/tmp/sallyport-ledger-XXXXXX");
    file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    write_ledger();
}

static void teardown(void)
{
    text_clear(&whole);
    unlink(path);
}

/* Reads the file to its end; how many entries came. */
static uint64_t read_all(const struct ledger_head *from, enum ledger_line *end)
{
    struct ledger_reader *reader = ledger_reader_open(path, from, &error);
    uint64_t count = 0;
    ck_assert_ptr_nonnull(reader);
    while ((*end = ledger_reader_next(reader, &entry, &error)) == LEDGER_ENTRY)
        count++;
    ledger_reader_close(reader);
    return count;
}

/* The byte behind the line with number LINE, from 1. */
static size_t end_of(size_t line)
{
    size_t at = 0;
    for (; line > 0; line--)
        at += span_find(span_after(text_span(&whole), at), '\n') + 1;
    return at;
}

START_TEST(reads_what_was_written)
{
    put(text_span(&whole));
    struct ledger_reader *reader = ledger_reader_open(path, NULL, &error);
    ck_assert_int_eq(ledger_reader_next(reader, &entry, &error), LEDGER_ENTRY);
    ck_assert_uint_eq(entry.n, 1);
    ck_assert(span_equal(entry.time, first.time));
    ck_assert(span_equal(entry.event, first.event));
    ck_assert(span_equal(entry.app, first.app));
    ck_assert(span_equal(entry.environment, first.environment));
    ck_assert(span_equal(entry.installation, first.installation));
    ck_assert(span_equal(entry.version, first.version));
    ck_assert(span_equal(entry.by, first.by));
    ck_assert(span_equal(entry.why, first.why));
    ck_assert_uint_eq(entry.file_count, 2);
    ck_assert(span_equal(entry.files[1].path, first.files[1].path));
    ck_assert(span_equal(entry.files[1].digest, span_of(digest)));
    ck_assert_uint_eq(ledger_reader_head(reader)->n, 1);
    ck_assert_uint_eq(ledger_reader_head(reader)->offset, end_of(1));
    ck_assert_int_eq(ledger_reader_next(reader, &entry, &error), LEDGER_ENTRY);
    ck_assert_int_eq(ledger_reader_next(reader, &entry, &error), LEDGER_ENTRY);
    ck_assert_int_eq(ledger_reader_next(reader, &entry, &error), LEDGER_END);
    ledger_reader_close(reader);
}
END_TEST

START_TEST(writes_the_form_that_others_read)
{
    const struct ledger_entry small = {
        .n = 7, .time = first.time, .event = SPAN("recover"), .previous = {digest, 64}};
    struct text line;
    text_init(&line, LEDGER_LINE_MAXIMUM + 1);
    ck_assert(ledger_entry_write(&small, &line));
    text_add_char(&line, '\0');
    ck_assert_str_eq(
        line.data,
        "{\"n\":7,\"time\":\"2026-01-02T03:04:05.678901Z\",\"event\":\"recover\",\"previous\":"
        "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\"hash\":"
        "\"e291095255b2af1c81690ded9edf45361c1790c625dddb30ac5e0cd569b5e213\"}\n");
    text_clear(&line);
}
END_TEST

START_TEST(an_empty_ledger_has_no_entries)
{
    enum ledger_line end;
    put(SPAN(""));
    ck_assert_uint_eq(read_all(NULL, &end), 0);
    ck_assert_int_eq(end, LEDGER_END);
}
END_TEST

START_TEST(finds_every_flipped_byte_and_names_its_line)
{
    for (size_t i = 0; i < whole.length; i++) {
        enum ledger_line end;
        whole.data[i] ^= 1;
        put(text_span(&whole));
        whole.data[i] ^= 1;
        uint64_t before = i < end_of(1) ? 0 : i < end_of(2) ? 1 : 2;
        ck_assert_msg(read_all(NULL, &end) == before, "byte %zu", i);
        ck_assert_int_eq(end, i == whole.length - 1 ? LEDGER_TORN : LEDGER_BROKEN);
        ck_assert_str_eq(error.file, path);
        ck_assert_uint_eq(error.at.line, before + 1);
        ck_assert_uint_gt(error.at.column, 0);
    }
}
END_TEST

START_TEST(finds_every_missing_byte)
{
    for (size_t i = end_of(ENTRIES - 1); i < whole.length; i++) {
        struct text shorter;
        enum ledger_line end;
        text_init(&shorter, whole.length);
        text_add(&shorter, span_slice(text_span(&whole), 0, i));
        text_add(&shorter, span_after(text_span(&whole), i + 1));
        put(text_span(&shorter));
        text_clear(&shorter);
        ck_assert_uint_lt(read_all(NULL, &end), ENTRIES);
        ck_assert_int_eq(end, i == whole.length - 1 ? LEDGER_TORN : LEDGER_BROKEN);
    }
}
END_TEST

START_TEST(finds_a_missing_line)
{
    enum ledger_line end;
    struct text shorter;
    text_init(&shorter, whole.length);
    text_add(&shorter, span_slice(text_span(&whole), 0, end_of(1)));
    text_add(&shorter, span_after(text_span(&whole), end_of(2)));
    put(text_span(&shorter));
    text_clear(&shorter);
    ck_assert_uint_eq(read_all(NULL, &end), 1);
    ck_assert_int_eq(end, LEDGER_BROKEN);
    ck_assert_uint_eq(error.at.line, 2);
    ck_assert_ptr_nonnull(strstr(error.message, "entry 3 where 2 has to follow"));
    put(span_after(text_span(&whole), end_of(1)));
    ck_assert_uint_eq(read_all(NULL, &end), 0);
    ck_assert_int_eq(end, LEDGER_BROKEN);
}
END_TEST

START_TEST(finds_lines_that_changed_places)
{
    enum ledger_line end;
    struct text moved;
    text_init(&moved, whole.length);
    text_add(&moved, span_slice(text_span(&whole), 0, end_of(1)));
    text_add(&moved, span_after(text_span(&whole), end_of(2)));
    text_add(&moved, span_slice(text_span(&whole), end_of(1), end_of(2) - end_of(1)));
    put(text_span(&moved));
    text_clear(&moved);
    ck_assert_uint_eq(read_all(NULL, &end), 1);
    ck_assert_int_eq(end, LEDGER_BROKEN);
    ck_assert_uint_eq(error.at.line, 2);
}
END_TEST

/* GIVEN a line written anew with a right hash of its own, THEN the next one tells. */
START_TEST(finds_a_line_that_was_forged_whole)
{
    struct ledger_entry forged = first;
    struct ledger_head zero;
    struct text line, all;
    enum ledger_line end;
    ledger_head_init(&zero);
    forged.by = SPAN("Mallory");
    forged.previous = span_of(zero.hash);
    text_init(&line, LEDGER_LINE_MAXIMUM + 1);
    text_init(&all, 2 * whole.length);
    ck_assert(ledger_entry_write(&forged, &line));
    text_add(&all, text_span(&line));
    text_add(&all, span_after(text_span(&whole), end_of(1)));
    put(text_span(&all));
    text_clear(&line);
    text_clear(&all);
    ck_assert_uint_eq(read_all(NULL, &end), 1);
    ck_assert_int_eq(end, LEDGER_BROKEN);
    ck_assert_ptr_nonnull(strstr(error.message, "previous is not the hash"));
}
END_TEST

START_TEST(goes_on_from_a_head)
{
    enum ledger_line end;
    put(text_span(&whole));
    struct ledger_reader *reader = ledger_reader_open(path, NULL, &error);
    ck_assert_int_eq(ledger_reader_next(reader, &entry, &error), LEDGER_ENTRY);
    struct ledger_head head = *ledger_reader_head(reader);
    ledger_reader_close(reader);
    ck_assert_uint_eq(read_all(&head, &end), ENTRIES - 1);
    ck_assert_int_eq(end, LEDGER_END);
    head.hash[0] = head.hash[0] == '0' ? '1' : '0';
    ck_assert_uint_eq(read_all(&head, &end), 0);
    ck_assert_int_eq(end, LEDGER_BROKEN);
}
END_TEST

START_TEST(refuses_a_line_without_end_however_long)
{
    static char zeros[LEDGER_LINE_MAXIMUM + 2];
    enum ledger_line end;
    put((struct span){zeros, sizeof(zeros)});
    ck_assert_uint_eq(read_all(NULL, &end), 0);
    ck_assert_int_eq(end, LEDGER_BROKEN);
    put((struct span){zeros, 10});
    ck_assert_uint_eq(read_all(NULL, &end), 0);
    ck_assert_int_eq(end, LEDGER_TORN);
}
END_TEST

START_TEST(opens_nothing_that_is_no_file)
{
    ck_assert_ptr_null(ledger_reader_open("/nowhere/ledger.jsonl", NULL, &error));
    ck_assert_ptr_nonnull(strstr(error.message, "cannot be opened"));
    ck_assert_ptr_null(ledger_reader_open("/tmp", NULL, &error));
    ck_assert_ptr_nonnull(strstr(error.message, "not a regular file"));
}
END_TEST

static const char *const odd_paths[] = {"",     "/etc/passwd", "../a", "a/../b", "a//b",
                                        "a/.b", "a/",          "a b",  "a\nb",   ".lock"};

START_TEST(takes_no_path_that_leaves_the_directory)
{
    ck_assert(!ledger_path_valid(span_of(odd_paths[_i])));
    ck_assert(ledger_path_valid(SPAN("app/env/versions/1.1/manifest.yml")));
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("ledger");
    TCase *group = tcase_create("ledger");
    tcase_add_checked_fixture(group, setup, teardown);
    tcase_add_test(group, reads_what_was_written);
    tcase_add_test(group, writes_the_form_that_others_read);
    tcase_add_test(group, an_empty_ledger_has_no_entries);
    tcase_add_test(group, finds_every_flipped_byte_and_names_its_line);
    tcase_add_test(group, finds_every_missing_byte);
    tcase_add_test(group, finds_a_missing_line);
    tcase_add_test(group, finds_lines_that_changed_places);
    tcase_add_test(group, finds_a_line_that_was_forged_whole);
    tcase_add_test(group, goes_on_from_a_head);
    tcase_add_test(group, refuses_a_line_without_end_however_long);
    tcase_add_test(group, opens_nothing_that_is_no_file);
    tcase_add_loop_test(group, takes_no_path_that_leaves_the_directory, 0,
                        (int)(sizeof(odd_paths) / sizeof(odd_paths[0])));
    suite_add_tcase(all, group);
    return all;
}

int main(void)
{
    return suite_run(suite());
}
