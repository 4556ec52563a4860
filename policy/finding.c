/*
 * The list of what a reader has to say. A hostile manifest can earn a finding a
 * line, so only so many of each level are kept; all of them are counted.
 */
#include "policy/finding.h"

#include <stdarg.h>

#define KEPT_MAXIMUM   5000 /* of one level */
#define MESSAGE_LENGTH 1024

void findings_init(struct findings *findings, struct arena *arena, const char *file)
{
    *findings = (struct findings){.arena = arena, .file = file};
}

static size_t *counter(struct findings *findings, enum finding_level level)
{
    if (level == FINDING_ERROR)
        return &findings->errors;
    return level == FINDING_WARNING ? &findings->warnings : &findings->notes;
}

static void append(struct findings *findings, struct finding *finding)
{
    struct finding **end = findings->last == NULL ? &findings->first : &findings->last->next;
    *end = finding;
    findings->last = finding;
}

void finding_add(struct findings *findings, enum finding_level level, const char *rule,
                 struct position at, struct position end, const char *format, ...)
{
    char message[MESSAGE_LENGTH];
    va_list arguments;
    if (++*counter(findings, level) > KEPT_MAXIMUM)
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    struct finding *finding = arena_allocate(findings->arena, sizeof(*finding));
    struct span copy = arena_copy(findings->arena, span_of(message));
    if (finding == NULL || copy.data == NULL) {
        findings->lost = true;
        return;
    }
    *finding =
        (struct finding){.level = level, .rule = rule, .at = at, .end = end, .message = copy.data};
    append(findings, finding);
}

const char *finding_level_name(enum finding_level level)
{
    static const char *const names[] = {"note", "warning", "error"};
    return names[level];
}

bool findings_error(const struct findings *findings, struct error *error)
{
    for (const struct finding *finding = findings->first; finding != NULL;
         finding = finding->next) {
        if (finding->level != FINDING_ERROR)
            continue;
        error_set_at(error, findings->file, finding->at, "%s", finding->message);
        return true;
    }
    if (!findings->lost)
        return false;
    error_set_at(error, findings->file, (struct position){0, 0},
                 "out of memory for what there is to say; a manifest has fewer mistakes");
    return true;
}
