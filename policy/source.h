/*
 * SOURCE of the command line (README.md): where a command takes its policy from.
 * Either --policy DIR --app APP --environment ENV [--installation ID], or
 * --manifest FILE [--set NAME=VALUE]….
 */
#ifndef SALLYPORT_POLICY_SOURCE_H
#define SALLYPORT_POLICY_SOURCE_H

#include <getopt.h>

#include "policy/decision.h"
#include "policy/manifest.h"

/* For a command's table of long options and its string of short ones; values above 255 are ours. */
enum {
    SOURCE_OPTION_POLICY = 256,
    SOURCE_OPTION_SET,
    SOURCE_OPTION_PLAIN_HTTP,
    SOURCE_OPTION_END /* a command's own long options begin here */
};

#define SOURCE_SHORT_OPTIONS "a:e:i:m:"

/* clang-format off */
#define SOURCE_LONG_OPTIONS                                                                        \
    {"policy", required_argument, NULL, SOURCE_OPTION_POLICY},                                     \
    {"app", required_argument, NULL, 'a'},                                                         \
    {"environment", required_argument, NULL, 'e'},                                                 \
    {"installation", required_argument, NULL, 'i'},                                                \
    {"manifest", required_argument, NULL, 'm'},                                                    \
    {"set", required_argument, NULL, SOURCE_OPTION_SET},                                           \
    {"plain-http", no_argument, NULL, SOURCE_OPTION_PLAIN_HTTP}
/* clang-format on */

#define SOURCE_HELP                                                                                \
    "SOURCE is the policy to ask, either of\n"                                                     \
    "  --policy DIR -a, --app APP -e, --environment ENVIRONMENT [-i, --installation ID]\n"         \
    "                       the policy directory, and who asks\n"                                  \
    "  -m, --manifest FILE [--set NAME=VALUE]...\n"                                                \
    "                       one manifest, and values for its ${NAME}s\n"                           \
    "and with both\n"                                                                              \
    "  --plain-http         http:// and ws:// addresses may be declared, as with\n"                \
    "                       policy.plain_http: true\n"

struct source {
    const char *policy; /* as given on the command line; NULL: not given */
    const char *app;
    const char *environment;
    const char *installation;
    const char *manifest;
    struct manifest_options options;
    struct variables variables; /* of --set */
    struct arena *arena;        /* where they live */
    struct snapshot *snapshot;  /* what source_open has read */
    struct subject subject;
    struct error passed_over; /* an unknown key of a manifest; message "": there is none */
};

/* False: memory is out. Then, and always, source_clear. */
bool source_init(struct source *source);
void source_clear(struct source *source);

enum source_option { SOURCE_TAKEN, SOURCE_NOT_MINE, SOURCE_REFUSED };

/* OPTION and ARGUMENT from getopt_long. SOURCE_REFUSED: ERROR says why. */
enum source_option source_take_option(struct source *source, int option, const char *argument,
                                      struct error *error);

/* True: the options that were taken make one SOURCE. False: ERROR says what is missing or too much.
 */
bool source_is_complete(const struct source *source, struct error *error);

/*
 * Reads the complete SOURCE: only the asked app's environment of a policy directory.
 * False: ERROR says which file and why.
 */
bool source_open(struct source *source, struct error *error);

/*
 * One line to STREAM where an opened SOURCE has an unknown key in a manifest's permissions. A proxy
 * passes it over, so that it grants nothing; who asks why should not have to look for it.
 */
void source_hint(const struct source *source, FILE *stream);

#endif
