/*
 * A replay's result for people and for machines. All that is printed is ours or
 * canonical by now: names that were checked, hosts that were parsed, times of
 * the one right shape. Words of the log itself never come here.
 */
#include <inttypes.h>

#include "policy/replay.h"

#define LINE_MAXIMUM 65536 /* the longest file name and address, every byte escaped, fit */

/* What the new policy says to a group's requests, to who asked. */
static void decide_again(const struct replay *replay, const struct tally_entry *group,
                         struct target *target, struct decision *now)
{
    tally_entry_target(group, target);
    const struct subject subject = replay_subject(&replay->subject, group->installation);
    decide(replay->snapshot, &subject, target, now);
}

/* The log says https for a tunnel, and so do we. */
static enum scheme shown_scheme(enum scheme scheme)
{
    return scheme == SCHEME_TUNNEL ? SCHEME_HTTPS : scheme;
}

static const char *shown_reason(enum reason reason)
{
    return reason == REASON_COUNT ? "unknown" : reason_name(reason);
}

static void add_who(struct text *line, const struct tally_entry *group)
{
    if (group->app.length == 0)
        return;
    text_add(line, group->app);
    text_add_char(line, '/');
    text_add(line, group->environment);
    if (group->installation.length > 0) {
        text_add_char(line, '/');
        text_add(line, group->installation);
    }
    text_add_string(line, "  ");
}

static void add_requests(struct text *line, uint64_t count)
{
    text_add_decimal(line, count);
    text_add_string(line, count == 1 ? " request" : " requests");
}

static void add_times(struct text *line, const struct tally_entry *group)
{
    if (group->first[0] == '\0')
        return;
    text_add_string(line, "  ");
    text_add_string(line, group->first);
    if (strcmp(group->first, group->last) == 0)
        return;
    text_add_string(line, " to ");
    text_add_string(line, group->last);
}

static void add_place(struct text *line, const struct decision *now, const struct target *target)
{
    if (!now->has_rule)
        return;
    text_add_format(line, "  %s:%u:%u  (", now->rule.file, now->rule.at.line, now->rule.at.column);
    text_add_shown(line, now->rule.address);
    if (now->verdict == VERDICT_DENY) {
        text_add_string(line, ", ");
        decision_explain_nearest(now, target, line);
    }
    text_add_char(line, ')');
}

/* "  demo/production  https://a.example.com:443  12 requests  FIRST to LAST  WAS -> IS  PLACE" */
static void print_group(const struct replay *replay, const struct tally_entry *group, FILE *stream)
{
    char storage[LINE_MAXIMUM];
    struct text line;
    struct target target;
    struct decision now;
    decide_again(replay, group, &target, &now);
    text_init_fixed(&line, storage, sizeof(storage));
    text_add_string(&line, "  ");
    add_who(&line, group);
    text_add_string(&line, scheme_name(shown_scheme(target.scheme)));
    text_add_string(&line, "://");
    host_add_to_text(&target.host, &line);
    text_add_char(&line, ':');
    text_add_decimal(&line, target.port);
    text_add_string(&line, "  ");
    add_requests(&line, group->count);
    add_times(&line, group);
    text_add_format(&line, "  %s -> %s", shown_reason(group->reason), reason_name(now.reason));
    add_place(&line, &now, &target);
    text_add_char(&line, '\n');
    fwrite(line.data, 1, line.length, stream);
}

static void print_sums(const struct replay *replay, FILE *stream)
{
    const uint64_t *counts = replay->counts;
    uint64_t judged = counts[REPLAY_NOW_DENIED] + counts[REPLAY_NOW_ALLOWED] + counts[REPLAY_SAME];
    fprintf(stream,
            "%" PRIu64 " decision%s: %" PRIu64 " would now be denied, %" PRIu64
            " would now be allowed, %" PRIu64 " stay as they are",
            judged, judged == 1 ? "" : "s", counts[REPLAY_NOW_DENIED], counts[REPLAY_NOW_ALLOWED],
            counts[REPLAY_SAME]);
    if (counts[REPLAY_NOT_POLICY] > 0)
        fprintf(stream, "; %" PRIu64 " more were no policy's to decide", counts[REPLAY_NOT_POLICY]);
    fputc('\n', stream);
}

void replay_print_text(struct replay *replay, FILE *stream)
{
    static const char *const titles[] = {"would now be denied:\n", "would now be allowed:\n"};
    size_t count;
    struct tally_entry **groups = replay_groups(replay, &count);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || groups[i]->kind != groups[i - 1]->kind)
            fputs(titles[groups[i]->kind], stream);
        print_group(replay, groups[i], stream);
    }
    if (tally_others(replay->changes) > 0)
        fprintf(stream, "  and %" PRIu64 " changes of targets beyond the first %d\n",
                tally_others(replay->changes), REPLAY_GROUPS_MAXIMUM);
    print_sums(replay, stream);
}

/* ---- JSON ---------------------------------------------------------------- */

static void add_name(struct text *line, const char *name)
{
    text_add_format(line, ",\"%s\":", name);
}

static void add_string(struct text *line, const char *name, struct span value)
{
    add_name(line, name);
    if (value.length == 0)
        text_add_string(line, "null");
    else
        text_add_json(line, value);
}

static void add_number(struct text *line, const char *name, uint64_t value)
{
    add_name(line, name);
    text_add_decimal(line, value);
}

/* A rule that decides is `rule`; one that a denial is only near to is `nearest`. */
static void add_rule(struct text *line, const struct decision *now)
{
    if (!now->has_rule)
        return;
    add_name(line, now->verdict == VERDICT_ALLOW ? "rule" : "nearest");
    text_add_string(line, "{\"address\":");
    text_add_json(line, now->rule.address);
    add_string(line, "list", span_of(now->rule.list));
    add_string(line, "file", span_of(now->rule.file));
    add_number(line, "line", now->rule.at.line);
    add_number(line, "column", now->rule.at.column);
    text_add_char(line, '}');
}

static void print_group_json(const struct replay *replay, const struct tally_entry *group,
                             FILE *stream)
{
    char storage[LINE_MAXIMUM];
    struct text line;
    struct target target;
    struct decision now;
    decide_again(replay, group, &target, &now);
    text_init_fixed(&line, storage, sizeof(storage));
    text_add_format(&line, "{\"change\":\"%s\"",
                    group->kind == REPLAY_NOW_DENIED ? "would_be_denied" : "would_be_allowed");
    add_string(&line, "app", group->app);
    add_string(&line, "environment", group->environment);
    add_string(&line, "installation", group->installation);
    add_string(&line, "scheme", span_of(scheme_name(shown_scheme(target.scheme))));
    add_string(&line, "host", group->host);
    add_number(&line, "port", group->port);
    add_number(&line, "count", group->count);
    add_string(&line, "first", span_of(group->first));
    add_string(&line, "last", span_of(group->last));
    add_string(&line, "was", span_of(shown_reason(group->reason)));
    add_string(&line, "reason", span_of(reason_name(now.reason)));
    add_rule(&line, &now);
    text_add_string(&line, "}\n");
    fwrite(line.data, 1, line.length, stream);
}

void replay_print_json(struct replay *replay, FILE *stream)
{
    size_t count;
    struct tally_entry **groups = replay_groups(replay, &count);
    const uint64_t *counts = replay->counts;
    for (size_t i = 0; i < count; i++)
        print_group_json(replay, groups[i], stream);
    fprintf(stream,
            "{\"summary\":{\"would_be_denied\":%" PRIu64 ",\"would_be_allowed\":%" PRIu64
            ",\"unchanged\":%" PRIu64 ",\"not_the_policys\":%" PRIu64 ",\"ungrouped\":%" PRIu64
            "}}\n",
            counts[REPLAY_NOW_DENIED], counts[REPLAY_NOW_ALLOWED], counts[REPLAY_SAME],
            counts[REPLAY_NOT_POLICY], tally_others(replay->changes));
}
