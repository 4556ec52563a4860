/*
 * `sallyport deploy`: numbers a manifest, says why it has that number, and makes it
 * the deployed version.
 */
#include <getopt.h>

#include "policy/command_author.h"
#include "policy/deploy.h"
#include "policy/review_file.h"
#include "policy/version_diff_print.h"

#define OUTPUT_MAXIMUM ((size_t)512 << 20)

enum {
    OPTION_POLICY = 256,
    OPTION_MAJOR,
    OPTION_FROM,
    OPTION_DRY_RUN,
    OPTION_REVIEW,
    OPTION_PLAIN_HTTP,
    OPTION_HELP
};

struct deploy_command {
    struct deploy_request request;
    struct command_author author;
    bool dry_run;
    const char *review; /* where the page goes; NULL: no page */
    struct deploy deploy;
};

static int set_major(struct deploy_command *command, const char *text)
{
    uint64_t major;
    if (!span_parse_decimal(span_of(text), VERSION_NUMBER_MAXIMUM, &major) || major == 0)
        return command_usage_error("deploy", "--major-version takes a number from 1");
    command->request.major = (uint32_t)major;
    return -1;
}

static int set_author(struct deploy_command *command, int option)
{
    struct error error;
    if (!command_author_take(&command->author, option, optarg, &error))
        return command_usage_error("deploy", "%s", error.message);
    return -1;
}

/* Below 0: go on; else the exit status. */
static int take_option(void *context, int option, char **argv)
{
    struct deploy_command *command = context;
    switch (option) {
    case OPTION_POLICY:
        command->request.directory = optarg;
        return -1;
    case 'a':
        command->request.app = optarg;
        return -1;
    case 'e':
        command->request.environment = optarg;
        return -1;
    case OPTION_MAJOR:
        return set_major(command, optarg);
    case OPTION_FROM:
        command->request.from = optarg;
        return -1;
    case OPTION_DRY_RUN:
        command->dry_run = true;
        return -1;
    case OPTION_REVIEW:
        command->review = optarg;
        return -1;
    case OPTION_PLAIN_HTTP:
        command->request.plain_http = true;
        return -1;
    case AUTHOR_OPTION_BY:
    case AUTHOR_OPTION_WHY:
        return set_author(command, option);
    case OPTION_HELP:
        command_print_help(&command_deploy_description, stdout);
        return 0;
    default:
        return command_option_error("deploy", option, argv);
    }
}

static int check_options(struct deploy_command *command, int argc, char **argv)
{
    struct deploy_request *request = &command->request;
    if (request->directory == NULL || request->app == NULL || request->environment == NULL)
        return command_usage_error("deploy", "--policy, --app and --environment say where to");
    if (request->from != NULL && argc > optind)
        return command_usage_error("deploy", "--from takes the place of MANIFEST");
    if (request->from == NULL && argc - optind != 1)
        return command_usage_error("deploy", "one MANIFEST is deployed, or --from ENVIRONMENT");
    request->manifest = argv[optind];
    return -1;
}

static int read_options(struct deploy_command *command, int argc, char **argv)
{
    static const struct option options[] = {
        {"policy", required_argument, NULL, OPTION_POLICY},
        {"app", required_argument, NULL, 'a'},
        {"environment", required_argument, NULL, 'e'},
        {"major-version", required_argument, NULL, OPTION_MAJOR},
        {"from", required_argument, NULL, OPTION_FROM},
        {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
        {"review", required_argument, NULL, OPTION_REVIEW},
        {"plain-http", no_argument, NULL, OPTION_PLAIN_HTTP},
        AUTHOR_LONG_OPTIONS,
        {"help", no_argument, NULL, OPTION_HELP},
        {NULL, 0, NULL, 0}};
    int status = command_read_options(argc, argv, ":a:e:", options, take_option, command);
    return status < 0 ? check_options(command, argc, argv) : status;
}

/* The number alone on the first line, for scripts; then why. */
static int print_verdict(const struct deploy_request *request, const struct deploy *deploy)
{
    struct text text;
    char number[VERSION_TEXT_SIZE];
    version_format(deploy->number, number);
    text_init(&text, OUTPUT_MAXIMUM);
    text_add_format(&text, "%s\n", number);
    if (deploy->unchanged)
        text_add_format(&text, "unchanged: %s/%s has these very bytes as %s; no new version\n",
                        request->app, request->environment, number);
    else if (deploy->diff == NULL)
        text_add_format(&text, "the first version of %s/%s\n", request->app, request->environment);
    else
        version_diff_print_text(deploy->diff, &text);
    int status = command_print_text(&text, stdout);
    text_clear(&text);
    return status;
}

/* Every error of the manifest, not only the first. */
static int refuse(const struct deploy *deploy, const struct error *error)
{
    size_t told = 0;
    for (const struct finding *finding = deploy->new.findings.first; finding != NULL;
         finding = finding->next) {
        struct error more;
        if (finding->level != FINDING_ERROR)
            continue;
        error_set_at(&more, deploy->new.findings.file, finding->at, "%s", finding->message);
        error_print(&more, stderr);
        told++;
    }
    if (told == 0)
        error_print(error, stderr);
    return COMMAND_BAD_INPUT;
}

static int write_version(struct deploy_command *command, struct ledger_book *book)
{
    const struct deploy *deploy = &command->deploy;
    struct error error;
    if (!deploy_write(deploy, book, command_author_by(&command->author),
                      command_author_why(&command->author), &error)) {
        error_print(&error, stderr);
        return COMMAND_BAD_INPUT;
    }
    printf("deployed, entry %llu of the ledger%s\n", (unsigned long long)book->audit.head.n,
           deploy->number.minor == 1 && deploy->number.major > 1
               ? "; installations keep what they have until `sallyport installation approve`"
               : "");
    return 0;
}

/* The page about what is going to be deployed, written before it is. */
static int write_review(const struct deploy_command *command)
{
    const struct deploy *deploy = &command->deploy;
    const struct deploy_request *request = &command->request;
    const struct manifest_options options = {.plain_http = request->plain_http,
                                             .variables = &deploy->variables};
    char old[VERSION_TEXT_SIZE], new[VERSION_TEXT_SIZE];
    struct error error;
    version_format(deploy->base, old);
    version_format(deploy->number, new);
    struct review_file file = {
        .old = &deploy->old,
        .new = &deploy->new,
        .options = &options,
        .production = strcmp(request->environment, "production") == 0,
        .review = {.old.number = span_of(old),
                   .new.number = span_of(new),
                   .policy = request->directory,
                   .app = request->app,
                   .environment = request->environment},
    };
    if (review_file_write(&file, command->review, &error))
        return 0;
    error_print(&error, stderr);
    return COMMAND_BAD_INPUT;
}

static int prepare(struct deploy_command *command)
{
    struct error error;
    if (!deploy_prepare(&command->deploy, &command->request, &error))
        return refuse(&command->deploy, &error);
    int status = print_verdict(&command->request, &command->deploy);
    if (status != 0 || command->review == NULL || command->deploy.unchanged)
        return status;
    if (command->deploy.diff != NULL)
        return write_review(command);
    puts("no page was written: the first version has nothing to be compared with");
    return 0;
}

static int deploy_for_real(struct deploy_command *command)
{
    struct ledger_book book;
    int status = COMMAND_BAD_INPUT;
    if (command_book_open(&book, command->request.directory, "deploy"))
        status = prepare(command);
    if (status == 0 && !command->deploy.unchanged)
        status = write_version(command, &book);
    ledger_book_close(&book);
    return status;
}

static int try_deploy(struct deploy_command *command)
{
    int status = prepare(command);
    if (status == 0)
        puts("nothing was written (--dry-run)");
    return status;
}

static int command_deploy(int argc, char **argv)
{
    struct deploy_command command = {.dry_run = false};
    int status = read_options(&command, argc, argv);
    if (status < 0) {
        status = command.dry_run ? try_deploy(&command) : deploy_for_real(&command);
        deploy_clear(&command.deploy);
    }
    return status;
}

const struct command command_deploy_description = {
    .name = "deploy",
    .synopsis =
        "--policy DIR --app A --environment E MANIFEST [--from ENVIRONMENT] "
        "[--major-version N] [--dry-run] [--review FILE] [--by WHO] [--why TEXT] [--plain-http]",
    .summary = "numbers a manifest, says why, and makes it the deployed version",
    .help =
        "Makes MANIFEST the next version of an app in an environment and prints its number, then\n"
        "each reason with its places. The first is 1.1. What the platform's rules let no app do\n"
        "before an admin has approved it is a new major version (2.1), which applies to an\n"
        "installation from its approval on; everything else is a minor one (1.2), which reaches\n"
        "every installation of that major at once. The very same bytes are no new version. What\n"
        "lint calls an error is not deployed, and nor is what the proxy would not load: a fix, for\n"
        "example, without the remote whose endpoint an installation's admin has set.\n"
        "\n"
        "  --policy DIR            the policy directory\n"
        "  -a, --app APP           the app; it may be new\n"
        "  -e, --environment ENVIRONMENT\n"
        "                          where to; in production, external.configurable.enabled cannot\n"
        "                          be taken away\n"
        "  --from ENVIRONMENT      in place of MANIFEST: what that environment has deployed\n"
        "  --major-version N       fixes an old major: a minor of it. Refused where the change\n"
        "                          needs approval; the newest version stays the deployed one\n"
        "  --dry-run               says what it would be, and writes nothing but the page\n"
        "  --review FILE           the page an admin decides from, as `sallyport review` writes it;\n"
        "                          the first version has nothing to be compared with, and none\n"
        "  --plain-http            http:// and ws:// may be declared\n" AUTHOR_HELP
        "  --help                  this text\n"
        "\n"
        "DIR/APP/ENVIRONMENT/versions/MAJOR.MINOR/manifest.yml and manifest.yml are written, and an\n"
        "entry of the ledger, all or nothing; another command that writes there is waited for.\n"
        "\n"
        "Exit status: 0 deployed, or nothing to do; 2 bad usage, or refused.\n"
        "\n"
        "Example: sallyport deploy --policy policy -a orders -e staging manifest.yml --dry-run\n",
    .run = command_deploy,
};
