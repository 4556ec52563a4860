/*
 * Manifests in tests: read from the text that stands in the test, and what was
 * read as lines of text, so that a promise is one comparison.
 */
#ifndef SALLYPORT_TEST_POLICY_READING_H
#define SALLYPORT_TEST_POLICY_READING_H

#include <check.h>
#include <stdlib.h>

#include "policy/lint.h"

struct reading {
    struct yaml_document *document;
    struct arena *arena;
    struct findings findings;
    struct variables variables;
    struct manifest_options options;
    struct manifest *manifest;
    struct grant grant;
    char lines[8192];
};

static inline void reading_start(struct reading *reading)
{
    *reading = (struct reading){.arena = arena_new((size_t)256 * 1024 * 1024)};
    reading->options.variables = &reading->variables;
    ck_assert_ptr_nonnull(reading->arena);
}

static inline void reading_end(struct reading *reading)
{
    yaml_document_free(reading->document);
    arena_free(reading->arena);
}

static inline void reading_set(struct reading *reading, const char *pair)
{
    struct error error;
    ck_assert(variables_set_pair(&reading->variables, reading->arena, span_of(pair), &error));
}

static inline void reading_open(struct reading *reading, struct yaml_document *document,
                                const struct error *error)
{
    ck_assert_msg(document != NULL, "%s", error->message);
    reading->document = document;
    findings_init(&reading->findings, reading->arena, yaml_document_file(document));
}

static inline void reading_parse(struct reading *reading, const char *yaml)
{
    struct error error;
    reading_open(reading, yaml_document_parse(span_of(yaml), "manifest.yml", &error), &error);
}

static inline void reading_read_file(struct reading *reading, const char *path)
{
    struct error error;
    reading_open(reading, yaml_document_read(path, &error), &error);
}

/* The manifest, and what it grants without a region. */
static inline void reading_read(struct reading *reading, const char *yaml)
{
    if (yaml != NULL)
        reading_parse(reading, yaml);
    reading->manifest =
        manifest_read(reading->document, &reading->options, reading->arena, &reading->findings);
    ck_assert_ptr_nonnull(reading->manifest);
    ck_assert(manifest_grant(reading->manifest, SPAN(""), reading->arena, &reading->grant));
}

/* "TEXT LIST LINE:COLUMN" a rule. */
static inline const char *reading_rules(struct reading *reading, const char *region)
{
    struct text text;
    ck_assert(manifest_grant(reading->manifest, span_of(region), reading->arena, &reading->grant));
    text_init_fixed(&text, reading->lines, sizeof(reading->lines) - 1);
    for (size_t i = 0; i < reading->grant.count; i++) {
        const struct grant_rule *rule = &reading->grant.rules[i];
        text_add(&text, rule->text);
        text_add_format(&text, " %s %u:%u%s\n", grant_list_name(rule->list), rule->at.line,
                        rule->at.column, rule->analytics ? " analytics" : "");
    }
    ck_assert(!text.overflow);
    reading->lines[text.length] = '\0';
    return reading->lines;
}

/* "LEVEL LINE:COLUMN RULE" a finding. */
static inline const char *reading_findings(struct reading *reading)
{
    struct text text;
    text_init_fixed(&text, reading->lines, sizeof(reading->lines) - 1);
    for (const struct finding *finding = reading->findings.first; finding != NULL;
         finding = finding->next)
        text_add_format(&text, "%s %u:%u %s\n", finding_level_name(finding->level),
                        finding->at.line, finding->at.column, finding->rule);
    ck_assert(!text.overflow);
    reading->lines[text.length] = '\0';
    return reading->lines;
}

#endif
