/*
 * `sallyport ledger`: is the record whole, a signed head to prove it by later, and
 * the entry that owns up to what was changed by hand.
 */
#include "policy/command_ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/ledger_checkpoint.h"
#include "policy/ledger_lock.h"

enum { EXIT_WHOLE = 0, EXIT_BROKEN = 1 };

enum { OPTION_CHECKPOINT = 256, OPTION_PUBLIC_KEY, OPTION_KEY, OPTION_HELP };

struct ledger_command {
    const char *verb;
    const char *directory;
    const char *checkpoint;
    const char *public_key;
    const char *key;
    struct command_author author;
};

static int fail(const struct error *error)
{
    error_print(error, stderr);
    return COMMAND_BAD_INPUT;
}

/* ---- verify ----------------------------------------------------------------------------- */

static void print_trouble(void *context, const struct error *trouble)
{
    unsigned *count = context;
    (*count)++;
    error_print(trouble, stderr);
}

/* For the caller to free, if not NULL; then it has been said why. */
static char *read_file(const char *path, struct span *bytes)
{
    char *data;
    struct error error;
    if (ledger_file_read(AT_FDCWD, path, &data, &bytes->length)) {
        bytes->data = data;
        return data;
    }
    error_set_at(&error, path, (struct position){0, 0}, "cannot be read: %s", strerror(errno));
    error_print(&error, stderr);
    return NULL;
}

static bool read_checkpoint(const struct ledger_command *command,
                            struct ledger_checkpoint *checkpoint, int *status)
{
    struct span line, pem;
    struct error error = {.message = ""};
    char *key = read_file(command->public_key, &pem);
    char *text = key == NULL ? NULL : read_file(command->checkpoint, &line);
    bool fine = text != NULL;
    if (fine && !ledger_checkpoint_read(line, pem, checkpoint, &error)) {
        struct position at = {error.at.column != 0, error.at.column};
        error_locate(&error, command->checkpoint, at);
        error_print(&error, stderr);
        *status = EXIT_BROKEN;
        fine = false;
    }
    free(text);
    free(key);
    return fine;
}

/* What the checkpoint's entry is in the ledger at PATH. Returns the exit status. */
static int find_head(const char *path, const struct ledger_checkpoint *checkpoint)
{
    struct error error;
    struct ledger_entry entry;
    struct ledger_reader *reader = ledger_reader_open(path, NULL, &error);
    if (reader == NULL)
        return fail(&error);
    const struct ledger_head *head = ledger_reader_head(reader);
    while (head->n < checkpoint->n && ledger_reader_next(reader, &entry, &error) == LEDGER_ENTRY)
        continue;
    const struct position at = {(uint32_t)head->n + (head->n < checkpoint->n), 1};
    bool same = head->n == checkpoint->n && strcmp(head->hash, checkpoint->hash) == 0;
    if (!same)
        error_set_at(&error, path, at, "%s entry %llu as it was signed at %s",
                     head->n < checkpoint->n ? "the ledger ends before" : "this is not",
                     (unsigned long long)checkpoint->n, checkpoint->time);
    ledger_reader_close(reader);
    if (same)
        return EXIT_WHOLE;
    error_print(&error, stderr);
    return EXIT_BROKEN;
}

static int verify_checkpoint(const struct ledger_command *command, const char *path)
{
    struct ledger_checkpoint checkpoint;
    int status = COMMAND_BAD_INPUT;
    if (command->checkpoint == NULL)
        return EXIT_WHOLE;
    if (!read_checkpoint(command, &checkpoint, &status))
        return status;
    status = find_head(path, &checkpoint);
    if (status == EXIT_WHOLE)
        printf("holds entry %llu as it was signed at %s\n", (unsigned long long)checkpoint.n,
               checkpoint.time);
    return status;
}

/* A broken ledger may still hold what was signed, or tell that its end is gone. */
static int verify_broken(const struct ledger_command *command, const char *path, unsigned count)
{
    fprintf(stderr, "sallyport: %s: %u thing%s amiss\n", command->directory, count,
            count == 1 ? "" : "s");
    int status = verify_checkpoint(command, path);
    return status == COMMAND_BAD_INPUT ? status : EXIT_BROKEN;
}

static int verify_audit(const struct ledger_command *command, struct ledger_audit *audit)
{
    struct error error = {.message = ""};
    unsigned count = 0;
    switch (ledger_audit_run(audit, NULL, print_trouble, &count, &error)) {
    case LEDGER_WHOLE:
        break;
    case LEDGER_AMISS:
        return verify_broken(command, audit->path, count);
    case LEDGER_NONE:
        error_set_at(&error, audit->path, (struct position){0, 0},
                     "there is no ledger; the first deploy begins one");
        return fail(&error);
    case LEDGER_UNREADABLE:
        return fail(&error);
    }
    int status = verify_checkpoint(command, audit->path);
    if (status == EXIT_WHOLE)
        printf("whole: %llu entries, %zu files, head %s\n", (unsigned long long)audit->head.n,
               audit->files.count, audit->head.hash);
    return status;
}

static int verify(struct ledger_command *command)
{
    struct ledger_audit audit;
    struct error error = {.message = ""};
    if ((command->checkpoint == NULL) != (command->public_key == NULL))
        return command_usage_error("ledger", "--checkpoint and --public-key go together");
    bool fine = ledger_audit_init(&audit, command->directory, &error);
    int lock = fine ? ledger_lock_share(audit.directory, LEDGER_WAIT_MS) : -1;
    int status = fine ? verify_audit(command, &audit) : fail(&error);
    if (lock >= 0)
        close(lock);
    ledger_audit_clear(&audit);
    return status;
}

/* ---- checkpoint ------------------------------------------------------------------------- */

static int sign_head(const struct ledger_command *command, const struct ledger_head *head)
{
    struct text text;
    struct error error;
    struct span pem;
    char *key = read_file(command->key, &pem);
    if (key == NULL)
        return COMMAND_BAD_INPUT;
    text_init(&text, CHECKPOINT_TEXT_MAXIMUM);
    bool fine = ledger_checkpoint_write(head->n, head->hash, pem, &text, &error);
    explicit_bzero(key, pem.length);
    free(key);
    if (!fine)
        error_locate(&error, command->key, (struct position){0, 0});
    int status = fine ? command_print_text(&text, stdout) : fail(&error);
    text_clear(&text);
    return status;
}

static int checkpoint(struct ledger_command *command)
{
    struct ledger_audit audit;
    struct error error;
    unsigned count = 0;
    int status = COMMAND_BAD_INPUT;
    if (command->key == NULL)
        return command_usage_error("ledger", "--key FILE is what a checkpoint is signed with");
    if (!ledger_audit_init(&audit, command->directory, &error)) {
        error_print(&error, stderr);
    } else {
        int lock = ledger_lock_share(audit.directory, LEDGER_WAIT_MS);
        enum ledger_state state = ledger_audit_read(&audit, print_trouble, &count, &error);
        if (state == LEDGER_UNREADABLE)
            error_print(&error, stderr);
        if (state == LEDGER_NONE)
            fprintf(stderr, "sallyport: %s: there is no ledger to sign\n", command->directory);
        status = state == LEDGER_WHOLE ? sign_head(command, &audit.head) : COMMAND_BAD_INPUT;
        if (lock >= 0)
            close(lock);
    }
    ledger_audit_clear(&audit);
    return status;
}

/* ---- record ----------------------------------------------------------------------------- */

static int record(struct ledger_command *command)
{
    struct ledger_book book;
    int status = COMMAND_BAD_INPUT;
    if (command->author.why == NULL)
        return command_usage_error("ledger", "--why TEXT says why files were changed by hand");
    if (command_book_open(&book, command->directory, "ledger record"))
        status = ledger_record_changes(&book, &command->author);
    ledger_book_close(&book);
    return status;
}

/* ---- the command ------------------------------------------------------------------------ */

static int set_author(struct ledger_command *command, int option)
{
    struct error error;
    if (!command_author_take(&command->author, option, optarg, &error))
        return command_usage_error("ledger", "%s", error.message);
    return -1;
}

/* Below 0: go on; else the exit status. */
static int take_option(void *context, int option, char **argv)
{
    struct ledger_command *command = context;
    switch (option) {
    case OPTION_CHECKPOINT:
        command->checkpoint = optarg;
        return -1;
    case OPTION_PUBLIC_KEY:
        command->public_key = optarg;
        return -1;
    case OPTION_KEY:
        command->key = optarg;
        return -1;
    case AUTHOR_OPTION_BY:
    case AUTHOR_OPTION_WHY:
        return set_author(command, option);
    case OPTION_HELP:
        command_print_help(&command_ledger_description, stdout);
        return 0;
    default:
        return command_option_error("ledger", option, argv);
    }
}

static int read_options(struct ledger_command *command, int argc, char **argv)
{
    static const struct option options[] = {
        {"checkpoint", required_argument, NULL, OPTION_CHECKPOINT},
        {"public-key", required_argument, NULL, OPTION_PUBLIC_KEY},
        {"key", required_argument, NULL, OPTION_KEY},
        AUTHOR_LONG_OPTIONS,
        {"help", no_argument, NULL, OPTION_HELP},
        {NULL, 0, NULL, 0}};
    int status = command_read_options(argc, argv, ":", options, take_option, command);
    if (status >= 0)
        return status;
    if (argc - optind != 2)
        return command_usage_error("ledger", "a verb and the policy directory: verify DIR");
    command->verb = argv[optind];
    command->directory = argv[optind + 1];
    return -1;
}

static int command_ledger(int argc, char **argv)
{
    struct ledger_command command = {.verb = NULL};
    int status = read_options(&command, argc, argv);
    if (command.verb == NULL)
        return status;
    if (strcmp(command.verb, "verify") == 0)
        return verify(&command);
    if (strcmp(command.verb, "checkpoint") == 0)
        return checkpoint(&command);
    if (strcmp(command.verb, "record") == 0)
        return record(&command);
    return command_usage_error("ledger", "there is no verb %s; verify, checkpoint and record are",
                               text_quote(span_of(command.verb), (char[TEXT_QUOTE_SIZE]){0}));
}

const struct command command_ledger_description = {
    .name = "ledger",
    .synopsis = "verify|checkpoint|record DIR [--checkpoint FILE --public-key FILE] [--key FILE] "
                "[--by WHO] [--why TEXT]",
    .summary = "the record of deploys and approvals: is it whole?",
    .help =
        "DIR/ledger.jsonl has a line for each deploy, approval and setting: who, when, why, and\n"
        "what the files hold since. Each line carries the hash of the one before.\n"
        "\n"
        "verify finds every line that was changed, taken out or moved, every policy file that is\n"
        "not what its latest entry wrote, and every one that no entry names. That the end was cut\n"
        "off can only be seen by somebody who knows what it held: a checkpoint does.\n"
        "\n"
        "checkpoint prints the ledger's head, signed, on one line; keep it somewhere else.\n"
        "\n"
        "record enters policy files that were written, changed or taken away by hand.\n"
        "\n"
        "  --checkpoint FILE       verify: the ledger has to hold what this checkpoint says\n"
        "  --public-key FILE       the key that verifies it: Ed25519, PEM, or a certificate\n"
        "  --key FILE              checkpoint: the private key that signs: Ed25519, PEM\n" AUTHOR_HELP
        "  --help                  this text\n"
        "\n"
        "Exit status: 0 whole, or done; 1 something is amiss; 2 bad usage, nothing to verify, or\n"
        "something that cannot be read or written.\n"
        "\n"
        "Example: sallyport ledger verify policy\n",
    .run = command_ledger,
};
