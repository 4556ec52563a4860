/*
 * Findings for programs: one JSON object a line.
 */
#include "policy/lint_print.h"
#include "policy/text.h"

static void print_object(struct lint_output *output, const char *file,
                         const struct finding *finding)
{
    struct text line;
    text_init(&line, 65536);
    text_add_string(&line, "{\"file\":");
    text_add_json(&line, span_of(file));
    text_add_format(&line, ",\"line\":%u,\"column\":%u,\"level\":\"%s\",\"rule\":\"%s\",",
                    finding->at.line, finding->at.column, finding_level_name(finding->level),
                    finding->rule);
    text_add_string(&line, "\"message\":");
    text_add_json(&line, span_of(finding->message));
    text_add_string(&line, "}\n");
    output->lost = output->lost || line.overflow;
    if (!line.overflow)
        fwrite(line.data, 1, line.length, output->stream);
    text_clear(&line);
}

static void report(struct lint_output *output, const struct lint_report *report)
{
    lint_print_each(output, report, print_object);
}

static void nothing(struct lint_output *output)
{
    (void)output; /* lines of JSON have no frame */
}

const struct lint_printer lint_print_json = {"json", nothing, report, nothing};
