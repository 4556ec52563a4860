/*
 * Denials for the sake of narrow.yml, in words. The path itself is not repeated: it
 * may hold what is nobody's business, and these words are logged.
 */
#include "policy/decision_explain.h"

static void add_entry(const struct decision *decision, struct text *text)
{
    text_add(text, decision->rule.address);
    text_add_string(text, " at ");
    explain_add_place(text, &decision->rule);
}

static void explain_opaque(const struct decision *decision, const struct target *target,
                           struct text *text)
{
    explain_add_target(text, target);
    text_add_string(text, " is declared, but only some methods or paths of it may be used, and a "
                          "tunnel that is not inspected hides them: ");
    add_entry(decision, text);
    text_add_string(text, "; to let such tunnels through write `opaque: allow` there");
}

static void explain_method(const struct decision *decision, const struct target *target,
                           struct text *text)
{
    explain_add_target(text, target);
    text_add_string(text, " is declared, but not for this method");
    text_add_string(text, decision->path_judged ? " on this path: " : ": ");
    add_entry(decision, text);
    text_add_string(text, " names others; to allow it add it to `methods` there");
}

static void explain_path(const struct decision *decision, const struct target *target,
                         struct text *text)
{
    explain_add_target(text, target);
    text_add_string(text, " is declared, but not this path of it: ");
    add_entry(decision, text);
    if (decision->path_problem != NULL) {
        text_add_string(text, " names paths, and the request's cannot be compared with them: ");
        text_add_string(text, decision->path_problem);
        return;
    }
    text_add_string(text, " names others; to allow it add a pattern to `paths` there");
}

void explain_narrow(const struct decision *decision, const struct target *target, struct text *text)
{
    if (decision->opaque)
        explain_opaque(decision, target, text);
    else if (decision->reason == REASON_METHOD_NOT_DECLARED)
        explain_method(decision, target, text);
    else
        explain_path(decision, target, text);
}

void explain_narrowing(const struct decision *decision, struct text *text)
{
    if (decision->narrow_file == NULL)
        return;
    const struct decision_rule place = {.file = decision->narrow_file, .at = decision->narrow_at};
    text_add_string(text, ", and let through at ");
    explain_add_place(text, &place);
}

bool explain_narrow_nearest(const struct decision *decision, struct text *text)
{
    if (decision->reason == REASON_METHOD_NOT_DECLARED) {
        text_add_string(text, "which allows other methods only");
        return true;
    }
    if (decision->reason != REASON_PATH_NOT_DECLARED)
        return false;
    if (decision->opaque)
        text_add_string(text, "which allows no tunnel that is not inspected");
    else if (decision->path_problem != NULL)
        text_add_string(text, decision->path_problem);
    else
        text_add_string(text, "which allows other paths only");
    return true;
}
