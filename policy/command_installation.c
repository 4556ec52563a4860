/*
 * `sallyport installation`: what an admin approves and sets for one site. Each verb is
 * judged as the proxy would judge the file, and is an entry of the ledger.
 */
#include "policy/command_installation.h"

#include <getopt.h>

enum {
    OPTION_POLICY = 256,
    OPTION_PLAIN_HTTP,
    OPTION_HELP,
    OPTION_SETTING, /* and enum installation_setting */
};

struct installation_command {
    const struct installation_verb *verb; /* NULL: the options have been answered */
    struct installation_request request;
    struct installation_wish wish;
    struct command_author author;
};

static int usage(const struct error *error)
{
    return command_usage_error("installation", "%s", error->message);
}

/* ---- Writing ------------------------------------------------------------------------------ */

/* Settings are told in words, for an entry has no member for them; an approval's why is its own. */
static void explain(const struct installation_command *command,
                    const struct installation_edit *edit, char *why, size_t size)
{
    const char *given = command_author_why(&command->author);
    if (command->verb->reasoned)
        snprintf(why, size, "%s", given);
    else
        snprintf(why, size, "%s%s%s", edit->told, given[0] == '\0' ? "" : "; ", given);
}

static bool commit(struct installation_command *command, const struct installation_edit *edit,
                   struct ledger_book *book, struct span bytes, struct error *error)
{
    const struct installation_request *request = &command->request;
    char path[LEDGER_PATH_MAXIMUM], why[sizeof(edit->told) + AUTHOR_WHY_MAXIMUM + 3];
    char number[VERSION_TEXT_SIZE] = "";
    struct version version;
    snprintf(path, sizeof(path), "%s/%s/installations.yml", request->app, request->environment);
    explain(command, edit, why, sizeof(why));
    if (edit->versioned) {
        if (!installation_file_version(edit->file, edit->installation->approved, &version, error))
            return false;
        version_format(version, number);
    }
    const struct ledger_entry entry = {.event = span_of(command->verb->event),
                                       .app = span_of(request->app),
                                       .environment = span_of(request->environment),
                                       .installation = span_of(request->id),
                                       .version = span_of(number),
                                       .by = span_of(command_author_by(&command->author)),
                                       .why = span_of(why)};
    const struct ledger_change change = {path, bytes};
    return ledger_book_commit(book, &entry, &change, 1, error);
}

static bool change(struct installation_command *command, struct installation_file *file,
                   struct ledger_book *book, struct text *text, struct error *error)
{
    struct installation_edit edit = {
        .wish = &command->wish, .file = file, .ledger = book->audit.path};
    edit.installation = command->verb->adds ? installation_file_add(file, error)
                                            : installation_file_find(file, error);
    if (edit.installation == NULL || !command->verb->edit(&edit, error))
        return false;
    if (edit.unchanged && !command->verb->adds) {
        printf("%s: unchanged, it was so already\n", edit.told);
        return true;
    }
    if (!installation_file_judge(file, text, error) ||
        !commit(command, &edit, book, text_span(text), error))
        return false;
    printf("%s/%s/%s: %s; entry %llu of the ledger\n", command->request.app,
           command->request.environment, command->request.id, edit.told,
           (unsigned long long)book->audit.head.n);
    return true;
}

static int write_change(struct installation_command *command)
{
    struct ledger_book book;
    struct installation_file file = {.arena = NULL};
    struct error error;
    struct text text;
    bool fine = false;
    text_init(&text, INSTALLATION_FILE_MAXIMUM);
    if (command_book_open(&book, command->request.directory, "installation")) {
        fine = installation_file_read(&file, &command->request, &error) &&
               change(command, &file, &book, &text, &error);
        if (!fine)
            error_print(&error, stderr);
    }
    installation_file_clear(&file);
    text_clear(&text);
    ledger_book_close(&book);
    return fine ? 0 : COMMAND_BAD_INPUT;
}

/* ---- The command -------------------------------------------------------------------------- */

static int set_major(struct installation_command *command, const char *text)
{
    uint64_t major;
    if (!span_parse_decimal(span_of(text), VERSION_NUMBER_MAXIMUM, &major) || major == 0)
        return command_usage_error("installation", "--version takes a major version, from 1");
    command->wish.major = (uint32_t)major;
    return -1;
}

static int add_domain(struct installation_command *command, const char *text)
{
    if (command->wish.domain_count == EDIT_DOMAINS_MAXIMUM)
        return command_usage_error("installation", "more than %d domains at once",
                                   EDIT_DOMAINS_MAXIMUM);
    command->wish.domains[command->wish.domain_count++] = text;
    return -1;
}

static int add_type(struct installation_command *command, const char *text)
{
    enum manifest_list list;
    if (!installation_type_find(span_of(text), &list))
        return command_usage_error("installation",
                                   "%s is no type of egress; FETCH_BACKEND_SIDE is one",
                                   text_quote(span_of(text), (char[TEXT_QUOTE_SIZE]){0}));
    command->wish.lists |= 1U << list;
    return -1;
}

static int set_author(struct installation_command *command, int option)
{
    struct error error;
    return command_author_take(&command->author, option, optarg, &error) ? -1 : usage(&error);
}

/* An option of the verbs that take one. Below 0: go on; else the exit status. */
static int take_setting(struct installation_command *command, int option, char **argv)
{
    if (option < OPTION_SETTING || option >= OPTION_SETTING + SETTINGS)
        return command_option_error("installation", option, argv);
    const enum installation_setting setting = (enum installation_setting)(option - OPTION_SETTING);
    command->wish.given |= 1U << setting;
    switch (setting) {
    case SETTING_VERSION:
        return set_major(command, optarg);
    case SETTING_REGION:
        command->wish.region = optarg;
        return -1;
    case SETTING_DOMAIN:
        return add_domain(command, optarg);
    case SETTING_TYPE:
        return add_type(command, optarg);
    case SETTING_DESCRIPTION:
        command->wish.description = optarg;
        return -1;
    case SETTING_ENDPOINT:
        command->wish.endpoint = optarg;
        return -1;
    case SETTING_REMOVE:
        command->wish.remove = true;
        return -1;
    case SETTINGS:
        break;
    }
    return -1;
}

static int take_option(void *context, int option, char **argv)
{
    struct installation_command *command = context;
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
    case 'i':
        command->request.id = optarg;
        return -1;
    case OPTION_PLAIN_HTTP:
        command->request.plain_http = true;
        return -1;
    case AUTHOR_OPTION_BY:
    case AUTHOR_OPTION_WHY:
        return set_author(command, option);
    case OPTION_HELP:
        command_print_help(&command_installation_description, stdout);
        return 0;
    default:
        return take_setting(command, option, argv);
    }
}

static int refuse_verb(const char *word)
{
    const char *near = installation_verb_nearest(word);
    return command_usage_error("installation", "there is no verb %s%s%s%s",
                               text_quote(span_of(word), (char[TEXT_QUOTE_SIZE]){0}),
                               near == NULL ? "" : " (did you mean ", near == NULL ? "" : near,
                               near == NULL ? "" : "?)");
}

static int take_verb(struct installation_command *command, int count, char **words)
{
    const struct installation_verb *verb = count == 0 ? NULL : installation_verb_find(words[0]);
    struct installation_wish *wish = &command->wish;
    if (count == 0)
        return command_usage_error("installation", "a verb says what to do, such as list");
    if (verb == NULL)
        return refuse_verb(words[0]);
    wish->argument_count = (size_t)count - 1;
    if (wish->argument_count != verb->arguments)
        return command_usage_error("installation", "%s takes %s behind it", verb->name,
                                   verb->argument == NULL ? "nothing" : verb->argument);
    for (size_t i = 0; i < verb->arguments; i++)
        wish->arguments[i] = words[i + 1];
    command->verb = verb;
    return -1;
}

static int check_options(struct installation_command *command, int count, char **words)
{
    const struct installation_request *request = &command->request;
    int status = take_verb(command, count, words);
    if (status >= 0)
        return status;
    const struct installation_verb *verb = command->verb;
    command->verb = NULL;
    if (request->directory == NULL || request->app == NULL || request->environment == NULL)
        return command_usage_error("installation",
                                   "--policy, --app and --environment say whose installations");
    const char *refused = installation_verb_refuses(verb, command->wish.given);
    if (refused != NULL)
        return command_usage_error("installation", "%s takes no %s", verb->name, refused);
    if (request->id == NULL && strcmp(verb->name, "list") != 0)
        return command_usage_error("installation", "--id says which installation");
    if (verb->reasoned && (command->author.by == NULL || command->author.why == NULL))
        return command_usage_error("installation", "%s needs --by WHO and --why TEXT", verb->name);
    command->verb = verb;
    return -1;
}

static int read_options(struct installation_command *command, int argc, char **argv)
{
    static const struct option options[] = {
        {"policy", required_argument, NULL, OPTION_POLICY},
        {"app", required_argument, NULL, 'a'},
        {"environment", required_argument, NULL, 'e'},
        {"id", required_argument, NULL, 'i'},
        {"version", required_argument, NULL, OPTION_SETTING + SETTING_VERSION},
        {"region", required_argument, NULL, OPTION_SETTING + SETTING_REGION},
        {"domain", required_argument, NULL, OPTION_SETTING + SETTING_DOMAIN},
        {"type", required_argument, NULL, OPTION_SETTING + SETTING_TYPE},
        {"description", required_argument, NULL, OPTION_SETTING + SETTING_DESCRIPTION},
        {"endpoint", required_argument, NULL, OPTION_SETTING + SETTING_ENDPOINT},
        {"remove", no_argument, NULL, OPTION_SETTING + SETTING_REMOVE},
        {"plain-http", no_argument, NULL, OPTION_PLAIN_HTTP},
        AUTHOR_LONG_OPTIONS,
        {"help", no_argument, NULL, OPTION_HELP},
        {NULL, 0, NULL, 0}};
    int status = command_read_options(argc, argv, ":a:e:i:", options, take_option, command);
    return status < 0 ? check_options(command, argc - optind, argv + optind) : status;
}

static int command_installation(int argc, char **argv)
{
    struct installation_command command = {.verb = NULL};
    int status = read_options(&command, argc, argv);
    if (command.verb == NULL)
        return status;
    if (command.verb->event != NULL)
        return write_change(&command);
    return strcmp(command.verb->name, "list") == 0 ? installation_list(&command.request)
                                                   : installation_show(&command.request);
}

const struct command command_installation_description = {
    .name = "installation",
    .synopsis = "VERB --policy DIR --app A --environment E --id ID [OPTION]…",
    .summary = "what each site's admin has approved and set",
    .help =
        "VERB is one of\n"
        "\n"
        "  add [--version MAJOR] [--region R]        a new site; the newest version by default\n"
        "  list, show                                all of an app in an environment; one\n"
        "  approve --version MAJOR --by WHO --why T  a new major version, in force at once\n"
        "  revoke [--version MAJOR] --by WHO --why T back to the version approved before, or MAJOR\n"
        "  set-region REGION                         whose base URLs count: EU, US, default, …\n"
        "  set-analytics on|off                      entries of category analytics\n"
        "  set-log-access on|off                     may the developer see this site's logs?\n"
        "  egress add KEY --domain ADDRESS…          a group of addresses of the admin's own\n"
        "  egress remove KEY\n"
        "  remote KEY --endpoint URL                 where a configurable remote lies\n"
        "  remote KEY --remove\n"
        "  suspend, resume                           nothing is let out; again what was\n"
        "\n"
        "What the version that the site has approved does not provide for is refused with the\n"
        "reason. Each change is an entry of the ledger.\n"
        "\n"
        "  --policy DIR            the policy directory\n"
        "  -a, --app APP           the app\n"
        "  -e, --environment ENVIRONMENT\n"
        "                          its environment\n"
        "  -i, --id ID             the installation\n"
        "  --version MAJOR         a major version\n"
        "  --region REGION         of a new installation\n"
        "  --domain ADDRESS        what an egress group opens; may be given more than once\n"
        "  --type TYPE             what for: FETCH_BACKEND_SIDE (the default), IMAGES, …\n"
        "  --description TEXT      of an egress group\n"
        "  --endpoint URL          of a remote; one of its supportedPatterns has to fit\n"
        "  --remove                the remote has the app's own endpoint again\n"
        "  --plain-http            http:// and ws:// may be named\n" AUTHOR_HELP
        "  --help                  this text\n"
        "\n"
        "Exit status: 0 done, 2 bad usage, or refused.\n"
        "\n"
        "Example: sallyport installation approve --policy policy -a orders -e production \\\n"
        "           --id site-7 --version 2 --by 'Ann Lee' --why 'needs the new tax service'\n",
    .run = command_installation,
};
