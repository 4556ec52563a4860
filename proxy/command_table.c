/* All the program's commands, in the order in which help and completions list them. */
#include "policy/command.h"

extern const struct command command_ca_description;
extern const struct command command_run_description;

const struct command *const command_table[] = {
    &command_run_description,        &command_check_description,
    &command_lint_description,       &command_test_description,
    &command_replay_description,     &command_learn_description,
    &command_diff_description,       &command_review_description,
    &command_csp_description,        &command_ca_description,
    &command_deploy_description,     &command_installation_description,
    &command_ledger_description,     &command_why_description,
    &command_completion_description, NULL,
};
