/* What the forms for machines share: all that is to be said of a file is a finding. */
#include "policy/lint_print.h"

void lint_print_each(struct lint_output *output, const struct lint_report *report,
                     lint_print_finding *print)
{
    if (report->unreadable != NULL) {
        const struct finding finding = {.level = FINDING_ERROR,
                                        .rule = LINT_RULE_UNREADABLE,
                                        .at = report->unreadable->at,
                                        .message = report->unreadable->message};
        print(output, report->file, &finding);
    }
    if (report->findings == NULL)
        return;
    for (const struct finding *finding = report->findings->first; finding != NULL;
         finding = finding->next)
        print(output, report->file, finding);
}
