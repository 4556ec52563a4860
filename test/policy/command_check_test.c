#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/command.h"
#include "policy/span.h"
#include "test/suite.h"

static char directory[64];
static char output[65536];
static char complaints[4096];

static const char *path_of(const char *name)
{
    static char paths[4][128];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    return path;
}

static void write_file(const char *name, const char *content)
{
    FILE *file = fopen(path_of(name), "w");
    ck_assert_ptr_nonnull(file);
    fputs(content, file);
    ck_assert_int_eq(fclose(file), 0);
}

static void start(void)
{
    strcpy(directory, "/tmp/sallyport-check-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    write_file("manifest.yml", "app: {id: 'ari:cloud:ecosystem::app/x'}\n"
                               "permissions:\n"
                               "  external:\n"
                               "    fetch:\n"
                               "      backend:\n"
                               "        - address: api.example.com\n"
                               "        - address: '*.example.org'\n");
}

static void end(void)
{
    static const char *const names[] = {"manifest.yml",
                                        "in",
                                        "out",
                                        "err",
                                        "variable.yml",
                                        "policy/demo/development/manifest.yml",
                                        "policy/demo/development",
                                        "policy/demo",
                                        "policy"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        remove(path_of(names[i]));
    rmdir(directory);
}

static void read_back(const char *name, char *to, size_t size)
{
    FILE *file = fopen(path_of(name), "r");
    ck_assert_ptr_nonnull(file);
    size_t length = fread(to, 1, size - 1, file);
    to[length] = '\0';
    fclose(file);
}

static void redirect(const char *name, int flags, int descriptor)
{
    int opened = open(path_of(name), flags, 0666);
    if (opened < 0 || dup2(opened, descriptor) < 0)
        _exit(99);
}

/* Runs `check` in a process of its own; its output is in `output` and `complaints`. */
static int run_words(char **words, int count)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        redirect("in", O_RDONLY | O_CREAT, STDIN_FILENO);
        redirect("out", O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
        redirect("err", O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
        exit(command_check_description.run(count, words)); /* flushes, and looks for leaks */
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    read_back("out", output, sizeof(output));
    read_back("err", complaints, sizeof(complaints));
    return WEXITSTATUS(status);
}

/* WHEN `check LINE` is run, its words parted by single spaces. */
static int check(const char *line)
{
    char copy[512];
    char *words[32] = {"check"};
    int count = 1;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        words[count++] = word;
    return run_words(words, count);
}

START_TEST(prints_a_line_a_target_by_the_contract)
{
    int status = check("-m manifest.yml api.example.com other.com https://a.example.org/x");
    ck_assert_str_eq(output, "ALLOW  api.example.com  declared  manifest.yml:6:20\n"
                             "DENY  other.com  undeclared\n"
                             "ALLOW  https://a.example.org/x  declared  manifest.yml:7:20\n");
    ck_assert_int_eq(status, 1);
}
END_TEST

START_TEST(names_the_nearest_declaration_of_a_denial)
{
    check("-m manifest.yml api.example.com:8443 wss://api.example.com example.org");
    ck_assert_str_eq(output,
                     "DENY  api.example.com:8443  port_not_declared  manifest.yml:6:20  "
                     "(api.example.com, declared on port 443 only)\n"
                     "DENY  wss://api.example.com  scheme_not_declared  manifest.yml:6:20  "
                     "(api.example.com, declared for https only)\n"
                     "DENY  example.org  undeclared  manifest.yml:7:20  "
                     "(*.example.org, which covers names below example.org but not itself)\n");
}
END_TEST

START_TEST(ends_with_0_when_all_are_allowed_and_2_when_one_is_no_target)
{
    ck_assert_int_eq(check("-m manifest.yml api.example.com"), 0);
    ck_assert_int_eq(check("-m manifest.yml other.com"), 1);
    ck_assert_int_eq(check("-m manifest.yml a@b.com other.com api.example.com"), 2);
    ck_assert_ptr_nonnull(strstr(output, "INVALID  a@b.com  invalid_target  ("));
    ck_assert_ptr_nonnull(strstr(output, "DENY  other.com"));
    ck_assert_ptr_nonnull(strstr(output, "ALLOW  api.example.com"));
}
END_TEST

START_TEST(prints_a_json_object_a_line)
{
    check("-m manifest.yml --format json https://API.example.com/?q=1");
    ck_assert_str_eq(
        output,
        "{\"target\":\"https://API.example.com/?q=1\",\"verdict\":\"allow\","
        "\"reason\":\"declared\",\"scheme\":\"https\",\"host\":\"api.example.com\",\"port\":443,"
        "\"rule\":{\"address\":\"api.example.com\",\"list\":\"fetch.backend\","
        "\"file\":\"manifest.yml\",\"line\":6,\"column\":20},"
        "\"detail\":\"api.example.com:443 (https) is declared by manifest.yml: api.example.com at "
        "manifest.yml:6:20\"}\n");
}
END_TEST

START_TEST(keeps_rule_for_what_decided_in_json)
{
    check("-m manifest.yml --format json api.example.com:81 other.com a@b");
    ck_assert_ptr_null(strstr(output, "\"rule\""));
    ck_assert_ptr_nonnull(strstr(output, "\"nearest\":{\"address\":\"api.example.com\""));
    ck_assert_ptr_nonnull(strstr(output, "{\"target\":\"a@b\",\"verdict\":\"invalid\","
                                         "\"reason\":\"invalid_target\",\"detail\":\""));
}
END_TEST

START_TEST(reads_targets_from_standard_input)
{
    write_file("in", "api.example.com\r\n\n  \t\n\r\nother.com\na.example.org");
    ck_assert_int_eq(check("-m manifest.yml -"), 1);
    ck_assert_str_eq(output, "ALLOW  api.example.com  declared  manifest.yml:6:20\n"
                             "DENY  other.com  undeclared\n"
                             "ALLOW  a.example.org  declared  manifest.yml:7:20\n");
}
END_TEST

START_TEST(takes_standard_input_between_other_targets)
{
    write_file("in", "b.example.org\n");
    check("-m manifest.yml a.example.org - c.example.org");
    const char *first = strstr(output, "a.example.org"), *second = strstr(output, "b.example.org");
    ck_assert(first != NULL && second != NULL && first < second);
    ck_assert(strstr(output, "c.example.org") > second);
}
END_TEST

START_TEST(allows_an_empty_stream)
{
    write_file("in", "");
    ck_assert_int_eq(check("-m manifest.yml -"), 0);
    ck_assert_str_eq(output, "");
}
END_TEST

/* Longer than a target may be, and than the buffer it is read into. */
START_TEST(refuses_a_line_of_any_length_once_and_goes_on)
{
    static const size_t lengths[] = {4097, 4098, 65535, 65536, 65537, 300000};
    FILE *file = fopen(path_of("in"), "w");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < lengths[_i]; i++)
        fputc('a', file);
    fputs("\napi.example.com\n", file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(check("-m manifest.yml -"), 2);
    ck_assert_ptr_nonnull(strstr(output, "a target has at most 4096 bytes"));
    const char *last = strchr(output, '\n') + 1;
    ck_assert_str_eq(last, "ALLOW  api.example.com  declared  manifest.yml:6:20\n");
}
END_TEST

START_TEST(decides_every_line_of_a_long_stream)
{
    size_t lines = 0;
    FILE *file = fopen(path_of("in"), "w");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 1000; i++)
        fprintf(file, "%.*sapi.example.com\n", i % 3, "xx");
    ck_assert_int_eq(fclose(file), 0);
    check("-m manifest.yml -");
    for (const char *at = output; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    ck_assert_uint_eq(lines, 1000);
}
END_TEST

START_TEST(never_sends_a_terminal_what_a_target_hides)
{
    char *words[] = {
        "check", "-m", "manifest.yml", "\033[31mred\n", "b\u00fccher.example", "a\u202eb.example",
        NULL};
    run_words(words, 6);
    ck_assert_ptr_null(strchr(output, '\033'));
    ck_assert_ptr_null(strstr(output, "\u202e"));
    ck_assert_ptr_nonnull(strstr(output, "DENY  b\u00fccher.example  undeclared"));
}
END_TEST

START_TEST(asks_one_environment_of_a_policy_directory)
{
    ck_assert_int_eq(mkdir(path_of("policy"), 0777), 0);
    ck_assert_int_eq(mkdir(path_of("policy/demo"), 0777), 0);
    ck_assert_int_eq(mkdir(path_of("policy/demo/development"), 0777), 0);
    ck_assert_int_eq(link("manifest.yml", "policy/demo/development/manifest.yml"), 0);
    ck_assert_int_eq(check("--policy policy -a demo -e development api.example.com"), 0);
    ck_assert_str_eq(output, "ALLOW  api.example.com  declared  "
                             "policy/demo/development/manifest.yml:6:20\n");
    ck_assert_int_eq(check("--policy policy --app demo --environment production a.com"), 2);
    ck_assert_ptr_nonnull(strstr(complaints, "sallyport: policy/demo/production: cannot be read"));
}
END_TEST

START_TEST(fills_in_what_set_gives)
{
    write_file("variable.yml", "app: {id: 'ari:cloud:ecosystem::app/x'}\n"
                               "permissions: {external: {fetch: {backend: ['${API}.com']}}}\n"
                               "environment: {variables: [API]}\n");
    ck_assert_int_eq(check("--manifest variable.yml --set API=chosen chosen.com"), 0);
    ck_assert_int_eq(check("--manifest variable.yml chosen.com"), 2);
}
END_TEST

START_TEST(takes_plain_http_only_where_it_is_enabled)
{
    write_file("variable.yml", "app: {id: 'ari:cloud:ecosystem::app/x'}\n"
                               "permissions: {external: {fetch: {backend: ['http://a.com']}}}\n");
    ck_assert_int_eq(check("-m variable.yml http://a.com"), 2);
    ck_assert_int_eq(check("-m variable.yml --plain-http http://a.com"), 0);
}
END_TEST

struct misuse {
    const char *line;
    const char *says;
};

static const struct misuse misuses[] = {
    {"a.com", "no policy is given"},
    {"-m manifest.yml", "no target is given"},
    {"-m manifest.yml --format xml a.com", "--format takes text or json, not xml"},
    {"-m manifest.yml --nonsense a.com", "unknown option --nonsense"},
    {"-m manifest.yml -x a.com", "unknown option -x"},
    {"a.com -m", "-m needs a value"},
    {"a.com --manifest", "--manifest needs a value"},
    {"--policy p a.com", "--policy needs --app APP"},
    {"--policy p -a demo a.com", "--policy needs --environment ENVIRONMENT"},
    {"--policy p -m manifest.yml a.com", "both given"},
    {"-m manifest.yml -e development a.com", "go with --policy"},
    {"--policy p -a De/mo -e development a.com", "cannot be the name of an app"},
    {"--policy p -a demo -e .. a.com", "cannot be the name of an environment"},
    {"--policy p -a demo -e dev --set A=b a.com", "--set goes with --manifest"},
    {"-m manifest.yml --set A a.com", "see 'sallyport help check'"},
};

START_TEST(says_what_is_wrong_with_its_usage)
{
    ck_assert_int_eq(check(misuses[_i].line), 2);
    ck_assert_msg(strstr(complaints, misuses[_i].says) != NULL, "%s", complaints);
    ck_assert_ptr_nonnull(strstr(complaints, "; see 'sallyport help check'\n"));
    ck_assert_str_eq(output, "");
}
END_TEST

START_TEST(names_a_manifest_that_cannot_be_read)
{
    ck_assert_int_eq(check("-m nowhere.yml a.com"), 2);
    ck_assert_str_eq(complaints,
                     "sallyport: nowhere.yml: cannot be opened: No such file or directory\n");
}
END_TEST

START_TEST(helps)
{
    ck_assert_int_eq(check("--help"), 0);
    ck_assert_ptr_nonnull(strstr(output, "usage: sallyport check SOURCE"));
    ck_assert_ptr_nonnull(strstr(output, "Exit status:"));
}
END_TEST

START_TEST(says_when_the_output_cannot_be_written)
{
    ck_assert_int_eq(symlink("/dev/full", "out"), 0);
    ck_assert_int_eq(check("-m manifest.yml api.example.com"), 2);
    ck_assert_ptr_nonnull(strstr(complaints, "standard output cannot be written"));
}
END_TEST

struct misspelling {
    const char *permissions;
    const char *says; /* "": nothing */
};

static const struct misspelling misspellings[] = {
    {"{external: {fetch: {backnd: [a.com], backend: []}}}",
     "sallyport: variable.yml:2:34: \"backnd\" is not a key of permissions.external.fetch; did you "
     "mean \"backend\"? (sallyport lint says more)\n"},
    {"{external: {fetsh: {backend: [a.com]}}}",
     "sallyport: variable.yml:2:26: \"fetsh\" is not a key of permissions.external; did you mean "
     "\"fetch\"? (sallyport lint says more)\n"},
    {"{extrnal: {fetch: {backend: [a.com]}}, outernal: {}}",
     "sallyport: variable.yml:2:15: \"extrnal\" is not a key of permissions; did you mean "
     "\"external\"? (sallyport lint says more)\n"},
    {"{external: {fetch: {\"\\e[2J\": []}}}",
     "sallyport: variable.yml:2:34: \"\\u001b[2J\" is not a key of permissions.external.fetch; take it "
     "out (sallyport lint says more)\n"},
    {"{external: {fetch: {backend: [b.com]}, images: ['no address']}, enforcement: x}", ""},
};

START_TEST(hints_at_an_unknown_key_and_keeps_standard_output_for_its_answers)
{
    char manifest[256];
    snprintf(manifest, sizeof(manifest),
             "app: {id: 'ari:cloud:ecosystem::app/x'}\npermissions: %s\n",
             misspellings[_i].permissions);
    write_file("variable.yml", manifest);
    ck_assert_int_eq(check("-m variable.yml --format json a.com"), 1);
    ck_assert_str_eq(complaints, misspellings[_i].says);
    ck_assert(
        span_starts_with(span_of(output), SPAN("{\"target\":\"a.com\",\"verdict\":\"deny\",")));
    ck_assert_ptr_eq(strchr(output, '\n'), output + strlen(output) - 1);
}
END_TEST

/* As long as YAML lets a key be: the key is cut, and not the hint. */
START_TEST(hints_at_a_key_of_any_length_in_one_line)
{
    FILE *file = fopen(path_of("variable.yml"), "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "app: {id: 'ari:cloud:ecosystem::app/x'}\npermissions: {\"");
    for (size_t i = 0; i < 500; i++)
        fputs("\\e", file);
    fputs("\": {}}\n", file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(check("-m variable.yml a.com"), 1);
    ck_assert_ptr_nonnull(strstr(complaints, " (sallyport lint says more)\n"));
    ck_assert_ptr_eq(strchr(complaints, '\n'), complaints + strlen(complaints) - 1);
}
END_TEST

START_TEST(hints_at_an_unknown_key_of_a_policy_directory)
{
    ck_assert_int_eq(mkdir(path_of("policy"), 0755), 0);
    ck_assert_int_eq(mkdir(path_of("policy/demo"), 0755), 0);
    ck_assert_int_eq(mkdir(path_of("policy/demo/development"), 0755), 0);
    write_file("policy/demo/development/manifest.yml",
               "app: {id: 'ari:cloud:ecosystem::app/x'}\n"
               "permissions: {external: {fetch: {backnd: [a.com]}}}\n");
    ck_assert_int_eq(check("--policy policy -a demo -e development a.com"), 1);
    ck_assert_ptr_nonnull(
        strstr(complaints, "sallyport: policy/demo/development/manifest.yml:2:34: \"backnd\" is"));
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("command_check");
    TCase *tests = tcase_create("command_check");
    tcase_add_checked_fixture(tests, start, end);
    tcase_add_test(tests, prints_a_line_a_target_by_the_contract);
    tcase_add_test(tests, names_the_nearest_declaration_of_a_denial);
    tcase_add_test(tests, ends_with_0_when_all_are_allowed_and_2_when_one_is_no_target);
    tcase_add_test(tests, prints_a_json_object_a_line);
    tcase_add_test(tests, keeps_rule_for_what_decided_in_json);
    tcase_add_test(tests, reads_targets_from_standard_input);
    tcase_add_test(tests, takes_standard_input_between_other_targets);
    tcase_add_test(tests, allows_an_empty_stream);
    tcase_add_loop_test(tests, refuses_a_line_of_any_length_once_and_goes_on, 0, 6);
    tcase_add_test(tests, decides_every_line_of_a_long_stream);
    tcase_add_test(tests, never_sends_a_terminal_what_a_target_hides);
    tcase_add_test(tests, asks_one_environment_of_a_policy_directory);
    tcase_add_test(tests, fills_in_what_set_gives);
    tcase_add_test(tests, takes_plain_http_only_where_it_is_enabled);
    tcase_add_loop_test(tests, says_what_is_wrong_with_its_usage, 0,
                        sizeof(misuses) / sizeof(misuses[0]));
    tcase_add_test(tests, names_a_manifest_that_cannot_be_read);
    tcase_add_loop_test(tests, hints_at_an_unknown_key_and_keeps_standard_output_for_its_answers, 0,
                        sizeof(misspellings) / sizeof(misspellings[0]));
    tcase_add_test(tests, hints_at_a_key_of_any_length_in_one_line);
    tcase_add_test(tests, hints_at_an_unknown_key_of_a_policy_directory);
    tcase_add_test(tests, helps);
    tcase_add_test(tests, says_when_the_output_cannot_be_written);
    suite_add_tcase(made, tests);
    return made;
}

int main(void)
{
    return suite_run(suite());
}
