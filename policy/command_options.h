/*
 * A command's options and arguments as data, read out of the texts that people
 * read: so completions and the man page cannot say anything else than the help does.
 *
 * In a help text an option's line begins with two spaces and a dash; two spaces
 * part it from what it does: "  -m, --manifest FILE   the manifest". In brackets, or
 * one behind the other, a line may hold several. A value in lower case is one
 * of the words it lists ("text|json"), in upper case it has a name ("FILE").
 */
#ifndef SALLYPORT_POLICY_COMMAND_OPTIONS_H
#define SALLYPORT_POLICY_COMMAND_OPTIONS_H

#include "policy/command.h"
#include "policy/span.h"

#define COMMAND_OPTIONS_MAXIMUM   32
#define COMMAND_ARGUMENTS_MAXIMUM 32

enum command_value {
    COMMAND_VALUE_NONE,      /* the option takes none */
    COMMAND_VALUE_WORDS,     /* "text|json" */
    COMMAND_VALUE_FILE,      /* FILE, MANIFEST, LOG, OLD, NEW */
    COMMAND_VALUE_DIRECTORY, /* DIR */
    COMMAND_VALUE_OTHER,     /* what cannot be guessed */
};

/* Slices of the command's help. */
struct command_option {
    struct span name;    /* "--manifest" */
    struct span letter;  /* "-m"; empty: has none */
    struct span value;   /* "FILE"; empty: takes none */
    struct span summary; /* the first line of what it does; empty where several share a line */
};

/* What kind of value VALUE, an option's or an argument's, stands for. */
enum command_value command_value_kind(struct span value);

/* All options of COMMAND, and --help, which each one has. Returns their number. */
size_t command_options_list(const struct command *command,
                            struct command_option options[COMMAND_OPTIONS_MAXIMUM]);

/* The arguments that COMMAND's synopsis names outside brackets, without "…". Returns their number.
 */
size_t command_arguments_list(const struct command *command,
                              struct span arguments[COMMAND_ARGUMENTS_MAXIMUM]);

/* Takes the first line off TEXT, without its end. */
struct span command_take_line(struct span *text);

/* True: LINE is an option's. *LEFT is what is typed, *RIGHT what it does; both may be empty. */
bool command_option_line(struct span line, struct span *left, struct span *right);

#endif
