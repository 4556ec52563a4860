/*
 * Any bytes as a manifest, from the first byte to the last finding. Beyond not
 * crashing and not leaking: whatever is granted is an address that reads the
 * same again and has a place in the file; a manifest that the proxy refuses is
 * one that lint calls an error; findings come in order and say something.
 */
#include <stdio.h>

#include "policy/lint_print.h"
#include "test/fuzz/host_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_MAXIMUM ((size_t)512 * 1024 * 1024)

static const char *const regions[] = {"", "EU", "default"};

static void require_place(struct position at, const struct yaml_document *document)
{
    require(at.line >= 1 && at.column >= 1);
    require(at.line <= yaml_document_source(document).length + 1);
}

static void require_rule(const struct grant_rule *rule, const struct yaml_document *document,
                         bool plain_http)
{
    struct address again;
    struct error error;
    require(address_parse(rule->text, &again, &error));
    require(again.scheme == rule->address.scheme && again.port == rule->address.port);
    require(again.wildcard == rule->address.wildcard);
    require(strcmp(again.host.text, rule->address.host.text) == 0);
    require(plain_http || (again.scheme != SCHEME_HTTP && again.scheme != SCHEME_WS));
    require(rule->list == GRANT_FETCH_BACKEND || (!again.wildcard && again.scheme != SCHEME_ANY));
    require_place(rule->at, document);
}

static void require_grants(const struct manifest *manifest, const struct yaml_document *document,
                           struct arena *arena, bool plain_http)
{
    for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
        struct grant grant;
        require(manifest_grant(manifest, span_of(regions[i]), arena, &grant));
        for (size_t k = 0; k < grant.count; k++)
            require_rule(&grant.rules[k], document, plain_http);
    }
}

static void require_findings(const struct findings *findings, const struct yaml_document *document)
{
    const struct finding *before = NULL;
    for (const struct finding *finding = findings->first; finding != NULL;
         before = finding, finding = finding->next) {
        struct error error;
        require_place(finding->at, document);
        require(lint_rule_find(finding->rule) < lint_rule_count());
        error_set(&error, "%s", finding->message);
        require_readable(&error);
        require(before == NULL || before->at.line < finding->at.line ||
                (before->at.line == finding->at.line && before->at.column <= finding->at.column));
    }
}

static void print_all(const struct findings *findings, const struct yaml_document *document)
{
    static const struct lint_printer *const printers[] = {&lint_print_text, &lint_print_json,
                                                          &lint_print_sarif};
    static FILE *nowhere;
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    require(nowhere != NULL);
    for (size_t i = 0; i < sizeof(printers) / sizeof(printers[0]); i++) {
        struct lint_output output = {.stream = nowhere, .files = 1};
        struct lint_report report = {
            .file = "a.yml", .source = yaml_document_source(document), .findings = findings};
        printers[i]->begin(&output);
        printers[i]->report(&output, &report);
        printers[i]->end(&output);
    }
}

static void read_twice(const struct yaml_document *document, struct arena *arena,
                       const struct manifest_options *options)
{
    struct findings read, linted;
    struct error error;
    findings_init(&read, arena, "a.yml");
    findings_init(&linted, arena, "a.yml");
    const struct manifest *manifest = manifest_read(document, options, arena, &read);
    if (manifest == NULL)
        return;
    require_grants(manifest, document, arena, options->plain_http);
    if (!lint_document(document, options, arena, &linted))
        return;
    require(!findings_error(&read, &error) || linted.errors > 0);
    require_findings(&linted, document);
    print_all(&linted, document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct variables variables = {NULL};
    struct error error = {.message = ""};
    struct manifest_options options = {.plain_http = size % 2 == 1, .variables = &variables};
    struct span bytes = {(const char *)data, size};
    struct yaml_document *document = yaml_document_parse(bytes, "a.yml", &error);
    if (document == NULL) {
        require_readable(&error);
        return 0;
    }
    struct arena *arena = arena_new(ARENA_MAXIMUM);
    require(arena != NULL && variables_set(&variables, arena, SPAN("V"), SPAN("a.b"), &error));
    if (!variables_read(&variables, arena, document, &error))
        require_readable(&error);
    read_twice(document, arena, &options);
    arena_free(arena);
    yaml_document_free(document);
    return 0;
}
