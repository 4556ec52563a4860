/*
 * The table of rules: the platform's rules for versions, line by line, and what it leaves open.
 */
#include "policy/version_diff_rules.h"

static const struct version_rule rules[RULE_COUNT] = {
    [RULE_SCOPE_ADDED] = {"scope-added", BUMP_MAJOR, "Adding a scope."},
    [RULE_SCOPE_REMOVED] = {"scope-removed", BUMP_MAJOR, "Removing a scope."},
    [RULE_SCOPE_IMPERSONATION_ADDED] = {"scope-impersonation-added", BUMP_MAJOR,
                                        "Letting a scope be used in a user's name."},
    [RULE_SCOPE_IMPERSONATION_REMOVED] = {"scope-impersonation-removed", BUMP_MINOR,
                                          "No longer letting a scope be used in a user's name."},
    [RULE_EGRESS_ADDED] = {"egress-added", BUMP_MAJOR, "Adding an egress URL."},
    [RULE_EGRESS_SWAPPED] = {"egress-swapped", BUMP_MAJOR, "Swapping one egress URL for another."},
    [RULE_EGRESS_NARROWED] = {"egress-narrowed", BUMP_MINOR,
                              "Replacing an egress URL by one that it covers."},
    [RULE_EGRESS_COVERED] = {"egress-covered", BUMP_MINOR,
                             "Adding an egress URL that another one lets out already."},
    [RULE_EGRESS_REMOVED] = {"egress-removed", BUMP_MINOR, "Removing an egress URL."},
    [RULE_EGRESS_MOVED_TO_REMOTES] = {"egress-moved-to-remotes", BUMP_MINOR,
                                      "Moving a URL from fetch.backend to remotes, unchanged."},
    [RULE_CSP_OPTION_ADDED] = {"csp-option-added", BUMP_MAJOR, "Adding a CSP option."},
    [RULE_CSP_OPTION_SWAPPED] = {"csp-option-swapped", BUMP_MAJOR,
                                 "Swapping one CSP option for another."},
    [RULE_CSP_OPTION_REMOVED] = {"csp-option-removed", BUMP_MINOR, "Removing a CSP option."},
    [RULE_CATEGORY_ADDED] = {"category-added", BUMP_MAJOR, "Adding a category to an entry."},
    [RULE_CATEGORY_CHANGED] = {"category-changed", BUMP_MAJOR,
                               "Changing or taking away an entry's category."},
    [RULE_IN_SCOPE_EUD_ADDED] = {"in-scope-eud-added", BUMP_MAJOR,
                                 "inScopeEUD from false to true, while no other entry has it."},
    [RULE_IN_SCOPE_EUD_EXTENDED] = {"in-scope-eud-extended", BUMP_MINOR,
                                    "inScopeEUD from false to true, while another entry has it."},
    [RULE_IN_SCOPE_EUD_REMOVED] = {"in-scope-eud-removed", BUMP_MINOR,
                                   "inScopeEUD from true to false."},
    [RULE_PROVIDER_ADDED] = {"provider-added", BUMP_MAJOR, "Adding a provider."},
    [RULE_PROVIDER_REMOVED] = {"provider-removed", BUMP_MAJOR, "Removing a provider."},
    [RULE_PROVIDER_CLIENT_ID_CHANGED] = {"provider-client-id-changed", BUMP_MAJOR,
                                         "Changing a provider's clientId."},
    [RULE_PROVIDER_REMOTE_ADDED] = {"provider-remote-added", BUMP_MAJOR,
                                    "Letting a further remote have a provider's tokens."},
    [RULE_PROVIDER_REMOTE_REMOVED] = {"provider-remote-removed", BUMP_MINOR,
                                      "Taking a remote from a provider."},
    [RULE_REMOTE_ADDED] = {"remote-added", BUMP_MAJOR, "Adding a remote."},
    [RULE_CUSTOMER_MANAGED_REMOTE_ADDED] = {"customer-managed-remote-added", BUMP_MINOR,
                                            "Adding a customer-managed remote without a baseUrl."},
    [RULE_REMOTE_REMOVED] = {"remote-removed", BUMP_MINOR, "Removing a remote."},
    [RULE_BASE_URL_ADDED] = {"base-url-added", BUMP_MAJOR, "Adding a baseUrl."},
    [RULE_BASE_URL_CHANGED] = {"base-url-changed", BUMP_MAJOR, "Changing a baseUrl."},
    [RULE_REGION_ADDED] = {"region-added", BUMP_MAJOR, "Adding a region to a baseUrl."},
    [RULE_REGION_REMOVED] = {"region-removed", BUMP_MAJOR, "Removing a region of a baseUrl."},
    [RULE_BASE_URL_FORM_CHANGED] = {"base-url-form-changed", BUMP_MINOR,
                                    "Writing a baseUrl by regions, or as one, without new URLs."},
    [RULE_CUSTOMER_MANAGED_BASE_URL_REMOVED] = {"customer-managed-base-url-removed", BUMP_MINOR,
                                                "Removing a customer-managed remote's baseUrl."},
    [RULE_REMOTE_STORAGE_EUD_ADDED] = {"remote-storage-eud-added", BUMP_MAJOR,
                                       "A remote's storage.inScopeEUD from false to true."},
    [RULE_REMOTE_STORAGE_EUD_REMOVED] = {"remote-storage-eud-removed", BUMP_MINOR,
                                         "A remote's storage.inScopeEUD from true to false."},
    [RULE_REMOTE_CONFIGURABLE_ADDED] = {"remote-configurable-added", BUMP_MAJOR,
                                        "Letting customers choose a remote's endpoint."},
    [RULE_REMOTE_CONFIGURABLE_REMOVED] = {"remote-configurable-removed", BUMP_MAJOR,
                                          "Sending customers that chose an endpoint elsewhere."},
    [RULE_REMOTE_PATTERN_ADDED] = {"remote-pattern-added", BUMP_MAJOR,
                                   "Adding a pattern that customers' endpoints may match."},
    [RULE_REMOTE_PATTERN_REMOVED] = {"remote-pattern-removed", BUMP_MINOR,
                                     "Removing a pattern that customers' endpoints may match."},
    [RULE_REMOTE_OPERATION_ADDED] = {"remote-operation-added", BUMP_MAJOR,
                                     "Adding an operation to a remote."},
    [RULE_REMOTE_OPERATION_REMOVED] = {"remote-operation-removed", BUMP_MINOR,
                                       "Removing a remote's operation."},
    [RULE_REMOTE_TOKEN_ADDED] = {"remote-token-added", BUMP_MAJOR, "Sending a remote a token."},
    [RULE_REMOTE_TOKEN_REMOVED] = {"remote-token-removed", BUMP_MINOR,
                                   "No longer sending a remote a token."},
    [RULE_CUSTOMER_EGRESS_ADDED] = {"customer-egress-added", BUMP_MAJOR,
                                    "Adding external.configurable.enabled."},
    [RULE_CUSTOMER_EGRESS_REMOVED] = {"customer-egress-removed", BUMP_MINOR,
                                      "Removing external.configurable.enabled."},
    [RULE_CUSTOMER_EGRESS_REMOVED_IN_PRODUCTION] =
        {"customer-egress-removed-in-production", BUMP_MAJOR,
         "Removing external.configurable.enabled, which production refuses."},
    [RULE_ENFORCEMENT_CHANGED] = {"enforcement-changed", BUMP_MINOR,
                                  "Changing permissions.enforcement, which opens nothing."},
    [RULE_APP_ID_CHANGED] = {"app-id-changed", BUMP_MAJOR, "Another app's id."},
};

size_t version_rule_count(void)
{
    return RULE_COUNT;
}

const struct version_rule *version_rule_at(size_t index)
{
    return &rules[index];
}

const char *version_bump_name(enum version_bump bump)
{
    static const char *const names[] = {"none", "minor", "major"};
    return names[bump];
}

const char *version_verdict_name(enum version_verdict verdict)
{
    static const char *const names[] = {"same", "narrower", "wider"};
    return names[verdict];
}
