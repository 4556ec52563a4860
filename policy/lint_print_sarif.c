/*
 * Findings as SARIF 2.1.0 (OASIS, 2020): one run, the whole catalogue of rules
 * as reportingDescriptors, a result a finding. Columns count Unicode code
 * points, as the YAML reader does.
 */
#include "policy/lint_print.h"
#include "policy/text.h"

static const char schema[] =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json";

static void print_string(struct lint_output *output, struct span bytes)
{
    struct text text;
    text_init(&text, 65536);
    text_add_json(&text, bytes);
    output->lost = output->lost || text.overflow;
    if (!text.overflow)
        fwrite(text.data, 1, text.length, output->stream);
    text_clear(&text);
}

static void print_rule(struct lint_output *output, const struct lint_rule *rule)
{
    FILE *stream = output->stream;
    fprintf(stream, "{\"id\":\"%s\",\"shortDescription\":{\"text\":", rule->name);
    print_string(output, span_of(rule->summary));
    fprintf(stream, "},\"defaultConfiguration\":{\"level\":\"%s\"}}",
            finding_level_name(rule->level));
}

static void begin(struct lint_output *output)
{
    fprintf(output->stream,
            "{\"$schema\":\"%s\",\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{"
            "\"name\":\"sallyport\",\"semanticVersion\":\"%s\",\"rules\":[\n",
            schema, SALLYPORT_VERSION);
    for (size_t i = 0; i < lint_rule_count(); i++) {
        fputs(i == 0 ? "" : ",\n", output->stream);
        print_rule(output, lint_rule_at(i));
    }
    fputs("]}},\"columnKind\":\"unicodeCodePoints\",\"results\":[", output->stream);
}

static bool is_plain_in_uri(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || strchr("-._~/", byte) != NULL;
}

/* FILE as a URI reference (RFC 3986): a path in it, percent-encoded. */
static void print_uri(FILE *stream, const char *file)
{
    fputs(file[0] == '/' ? "\"file://" : "\"", stream);
    for (; *file != '\0'; file++) {
        unsigned char byte = (unsigned char)*file;
        fprintf(stream, is_plain_in_uri(byte) ? "%c" : "%%%02X", byte);
    }
    fputc('"', stream);
}

/* A region needs a line; what is about the file as a whole has none. */
static void print_region(FILE *stream, const struct finding *finding)
{
    if (finding->at.line == 0)
        return;
    fprintf(stream, ",\"region\":{\"startLine\":%u,\"startColumn\":%u", finding->at.line,
            finding->at.column);
    if (finding->end.line != 0)
        fprintf(stream, ",\"endLine\":%u,\"endColumn\":%u", finding->end.line, finding->end.column);
    fputc('}', stream);
}

static void print_result(struct lint_output *output, const char *file,
                         const struct finding *finding)
{
    FILE *stream = output->stream;
    fprintf(stream, "%s{\"ruleId\":\"%s\",\"ruleIndex\":%zu,\"level\":\"%s\",",
            output->printed++ == 0 ? "\n" : ",\n", finding->rule, lint_rule_find(finding->rule),
            finding_level_name(finding->level));
    fputs("\"message\":{\"text\":", stream);
    print_string(output, span_of(finding->message));
    fputs("},\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":", stream);
    print_uri(stream, file);
    fputc('}', stream);
    print_region(stream, finding);
    fputs("}}]}", stream);
}

static void report(struct lint_output *output, const struct lint_report *report)
{
    lint_print_each(output, report, print_result);
}

static void end(struct lint_output *output)
{
    fprintf(output->stream, "],\"invocations\":[{\"executionSuccessful\":%s}]}]}\n",
            output->unreadable == 0 ? "true" : "false");
}

const struct lint_printer lint_print_sarif = {"sarif", begin, report, end};
