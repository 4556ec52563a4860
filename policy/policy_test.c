/*
 * Runs policy tests. A test is read, then its policy, then each target is
 * decided as the proxy would decide it; whoever listens is told at once.
 */
#include "policy/policy_test.h"

#include <stdlib.h>

#include "policy/nearest.h"
#include "policy/policy_test_source.h"

#define ARENA_MAXIMUM ((size_t)64 << 20)
#define QUOTE(span)   text_quote((span), (char[TEXT_QUOTE_SIZE]){0})

struct run {
    struct policy_test_file file;
    const struct policy_test_listener *listener;
    const struct snapshot *snapshot;
    struct subject subject;
    struct span test;
};

static void fail(const struct run *run, const struct error *error)
{
    run->listener->failed(run->listener->context, run->file.path, error);
}

/* ---- One expectation ----------------------------------------------------- */

static bool read_reason(const struct run *run, const struct yaml_node *node,
                        struct policy_expectation *expectation, struct error *error)
{
    const char *names[REASON_COUNT + 1] = {NULL};
    if (node == NULL)
        return true;
    if (node->kind != YAML_SCALAR)
        return policy_test_refuse(&run->file, node, error, "a reason is %s; it must be a string",
                                  yaml_describe(node));
    for (enum reason reason = 0; reason < REASON_COUNT; reason++) {
        names[reason] = reason_name(reason);
        if (!span_equal(node->text, span_of(names[reason])))
            continue;
        expectation->names_reason = true;
        expectation->expected_reason = reason;
        return true;
    }
    const char *nearest = nearest_name(node->text, names);
    return policy_test_refuse(&run->file, node, error, "%s is no reason; %s%s%s", QUOTE(node->text),
                              nearest == NULL ? "\"undeclared\" is one" : "did you mean \"",
                              nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
}

static bool read_method(const struct run *run, const struct yaml_node *node,
                        struct policy_expectation *expectation, struct error *error)
{
    if (node == NULL)
        return true;
    if (node->kind != YAML_SCALAR || !narrow_method_valid(node->text))
        return policy_test_refuse(&run->file, node, error,
                                  "no method; write one as requests have it, such as GET");
    expectation->method = node->text;
    return true;
}

/* TARGET, or {target: TARGET, method: METHOD, reason: REASON}. */
static bool read_expectation(const struct run *run, const struct yaml_node *node,
                             struct policy_expectation *expectation, struct error *error)
{
    static const char *const known[] = {"target", "method", "reason", NULL};
    const struct yaml_node *target = node;
    if (node->kind == YAML_MAPPING) {
        target = yaml_get(node, "target");
        if (!policy_test_check_keys(&run->file, node, known, error) ||
            !read_method(run, yaml_get(node, "method"), expectation, error) ||
            !read_reason(run, yaml_get(node, "reason"), expectation, error))
            return false;
    }
    if (target == NULL || target->kind != YAML_SCALAR || target->text.length == 0)
        return policy_test_refuse(&run->file, target == NULL ? node : target, error,
                                  "no target; write a URL, a host or host:port");
    expectation->at = target->at;
    expectation->given = target->text;
    return true;
}

static bool has_passed(const struct policy_expectation *found)
{
    bool denied = found->verdict == VERDICT_DENY;
    if (found->names_reason && found->reason != found->expected_reason)
        return false;
    /* What is no target is refused as well, but mostly a slip of the pen: it has to be meant. */
    if (found->verdict == VERDICT_INVALID)
        return found->expected == VERDICT_DENY && found->names_reason;
    return denied == (found->expected == VERDICT_DENY);
}

static void decide_target(const struct run *run, struct policy_expectation *found)
{
    found->verdict = VERDICT_INVALID;
    found->reason = REASON_INVALID_TARGET;
    if (!decide_given(run->snapshot, &run->subject, found->given, found->method, &found->target,
                      &found->decision, &found->error))
        return;
    found->verdict = found->decision.verdict;
    found->reason = found->decision.reason;
}

static void run_list(const struct run *run, const struct yaml_node *list, enum verdict expected)
{
    struct error error;
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        struct policy_expectation found = {
            .file = run->file.path, .test = run->test, .method = SPAN(""), .expected = expected};
        if (!read_expectation(run, list->items[i], &found, &error)) {
            fail(run, &error);
            continue;
        }
        decide_target(run, &found);
        found.passed = has_passed(&found);
        run->listener->found(run->listener->context, &found);
    }
}

/* ---- Tests --------------------------------------------------------------- */

static struct span text_or_empty(const struct yaml_node *node)
{
    return node == NULL ? SPAN("") : node->text;
}

static void run_test(struct run *run, const struct yaml_node *node)
{
    struct policy_test test;
    struct error error;
    struct snapshot *snapshot = NULL;
    if (policy_test_read(&run->file, node, &test, &error))
        snapshot = policy_test_load(&run->file, &test, &error);
    if (snapshot == NULL) {
        fail(run, &error);
        return;
    }
    run->snapshot = snapshot;
    run->test = text_or_empty(test.name);
    run->subject = (struct subject){text_or_empty(test.app), text_or_empty(test.environment),
                                    text_or_empty(test.installation)};
    run_list(run, test.allow, VERDICT_ALLOW);
    run_list(run, test.deny, VERDICT_DENY);
    snapshot_unref(snapshot);
}

static const struct yaml_node *find_tests(const struct run *run, const struct yaml_node *root,
                                          struct error *error)
{
    static const char *const known[] = {"tests", NULL};
    const struct yaml_node *tests = yaml_get(root, "tests");
    if (root->kind == YAML_MAPPING && !policy_test_check_keys(&run->file, root, known, error))
        return NULL;
    if (tests != NULL && tests->kind == YAML_SEQUENCE && tests->count > 0)
        return tests;
    policy_test_refuse(&run->file, tests == NULL ? root : tests, error,
                       "no tests; write \"tests:\" and a list under it");
    return NULL;
}

static void run_document(struct run *run, const struct yaml_document *document)
{
    struct error error;
    const struct yaml_node *tests = find_tests(run, yaml_document_root(document), &error);
    if (tests == NULL) {
        fail(run, &error);
        return;
    }
    for (size_t i = 0; i < tests->count; i++)
        run_test(run, tests->items[i]);
}

/* What stands in front of the last "/", that one included. */
static bool set_directory(struct policy_test_file *file, struct error *error)
{
    const char *slash = strrchr(file->path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - file->path) + 1;
    if (length >= sizeof(file->directory)) {
        error_set_at(error, file->path, (struct position){0, 0}, "too long a path");
        return false;
    }
    memcpy(file->directory, file->path, length);
    return true;
}

void policy_test_run(const char *path, const struct policy_test_listener *listener)
{
    struct run *run = calloc(1, sizeof(*run)); /* its paths are large */
    struct yaml_document *document = NULL;
    struct error error;
    error_set_at(&error, path, (struct position){0, 0}, "out of memory");
    if (run != NULL) {
        run->listener = listener;
        run->file.path = path;
        run->file.arena = arena_new(ARENA_MAXIMUM);
    }
    if (run != NULL && run->file.arena != NULL && set_directory(&run->file, &error))
        document = yaml_document_read(path, &error);
    if (document == NULL)
        listener->failed(listener->context, path, &error);
    else
        run_document(run, document);
    yaml_document_free(document);
    if (run != NULL) {
        snapshot_unref(run->file.directory_snapshot);
        arena_free(run->file.arena);
    }
    free(run);
}

/* ---- In words ------------------------------------------------------------ */

static void explain_found(const struct policy_expectation *found, struct text *text)
{
    const struct decision_rule *rule = &found->decision.rule;
    text_add_string(text, reason_name(found->reason));
    if (found->verdict == VERDICT_INVALID) {
        text_add_string(text, ": ");
        text_add_string(text, found->error.message);
        if (found->expected == VERDICT_DENY && !found->names_reason)
            text_add_string(text, "; say reason: invalid_target if that is meant");
    }
    if (found->verdict == VERDICT_INVALID || !found->decision.has_rule)
        return;
    text_add_string(text, found->verdict == VERDICT_ALLOW ? " by " : "; nearest ");
    text_add_shown(text, rule->address);
    text_add_format(text, " at %s:%u:%u", rule->file, rule->at.line, rule->at.column);
    if (found->verdict == VERDICT_DENY) {
        text_add_string(text, ", ");
        decision_explain_nearest(&found->decision, &found->target, text);
    }
}

void policy_test_explain(const struct policy_expectation *expectation, struct text *text)
{
    text_add_string(text, "expected ");
    text_add_string(text, verdict_name(expectation->expected));
    if (expectation->names_reason)
        text_add_format(text, " (%s)", reason_name(expectation->expected_reason));
    text_add_string(text, ", got ");
    text_add_string(text, verdict_name(expectation->verdict));
    text_add_string(text, " (");
    explain_found(expectation, text);
    text_add_char(text, ')');
}
