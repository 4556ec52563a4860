/*
 * What decision_explain.c tells with the help of decision_explain_site.c and
 * decision_explain_narrow.c; nobody else's.
 */
#ifndef SALLYPORT_POLICY_DECISION_EXPLAIN_H
#define SALLYPORT_POLICY_DECISION_EXPLAIN_H

#include "policy/decision.h"

/* "api.example.com:443 (https)". */
void explain_add_target(struct text *text, const struct target *target);

/* "FILE:LINE:COLUMN". */
void explain_add_place(struct text *text, const struct decision_rule *rule);

/* Denials that an installation's state alone has brought about. */
void explain_pending(const struct decision *decision, const struct subject *subject,
                     const struct target *target, struct text *text);
void explain_analytics(const struct decision *decision, const struct subject *subject,
                       const struct target *target, struct text *text);

/* Denials that narrow.yml has brought about; where it has not, it may add which place allowed. */
void explain_narrow(const struct decision *decision, const struct target *target,
                    struct text *text);
void explain_narrowing(const struct decision *decision, struct text *text);

/* The same in a few words; false: it has brought about none, and nothing was written. */
bool explain_narrow_nearest(const struct decision *decision, struct text *text);

/* SITE_UNKNOWN or SITE_SUSPENDED. */
void explain_site(const struct decision *decision, const struct subject *subject,
                  struct text *text);

#endif
