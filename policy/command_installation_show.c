/* `installation list` and `show`: what admins have approved and set, and what waits for them. */
#include "policy/command_installation.h"

#define OUTPUT_MAXIMUM ((size_t)256 << 20)

/* What waits: a newer major than is approved. */
static void add_waiting(struct text *text, const struct installation *installation,
                        const struct version *newest, const char *before, const char *behind)
{
    if (newest->major > installation->approved)
        text_add_format(text, "%s%u.%u waits for approval%s", before, newest->major, newest->minor,
                        behind);
}

static void add_line(struct text *text, const struct installation *installation,
                     const struct version *newest)
{
    text_add(text, installation->id);
    text_add_format(text, "  version %u", installation->approved);
    if (installation->region.length > 0)
        text_add_format(text, "  region %.*s", SPAN_FORMAT(installation->region));
    text_add_string(text, installation->analytics_off ? "  analytics off" : "");
    text_add_string(text, installation->log_access ? "  log access" : "");
    if (installation->group_count > 0)
        text_add_format(text, "  %zu egress group%s", installation->group_count,
                        installation->group_count == 1 ? "" : "s");
    if (installation->remote_count > 0)
        text_add_format(text, "  %zu remote%s", installation->remote_count,
                        installation->remote_count == 1 ? "" : "s");
    text_add_string(text, installation->suspended ? "  suspended" : "");
    add_waiting(text, installation, newest, "  ", "");
    text_add_char(text, '\n');
}

static void add_one(struct text *text, const struct installation *installation,
                    const struct version *newest)
{
    struct installation copy = *installation;
    const struct installations one = {.items = &copy, .count = 1};
    add_waiting(text, installation, newest, "# ", "\n");
    installations_write(&one, text);
}

/* The request's installation, or all of them, into TEXT. */
static bool add_asked(const struct installation_file *file, struct text *text, struct error *error)
{
    struct version newest;
    if (!version_find_newest(file->versions, 0, &newest, error))
        return false;
    if (file->request->id != NULL) {
        const struct installation *found = installation_file_find(file, error);
        if (found != NULL)
            add_one(text, found, &newest);
        return found != NULL;
    }
    for (size_t i = 0; i < file->installations->count; i++)
        add_line(text, &file->installations->items[i], &newest);
    return true;
}

static int print_asked(const struct installation_request *request)
{
    struct installation_file file;
    struct error error;
    struct text text;
    int status = COMMAND_BAD_INPUT;
    text_init(&text, OUTPUT_MAXIMUM);
    if (installation_file_read(&file, request, &error) && add_asked(&file, &text, &error))
        status = command_print_text(&text, stdout);
    else
        error_print(&error, stderr);
    text_clear(&text);
    installation_file_clear(&file);
    return status;
}

int installation_list(const struct installation_request *request)
{
    struct installation_request all = *request;
    all.id = NULL;
    return print_asked(&all);
}

int installation_show(const struct installation_request *request)
{
    return print_asked(request);
}
