/*
 * Any bytes as one line of a log, and as what a replay makes of it. Beyond not
 * crashing: strings lie inside the line or the scratch text, a host that is
 * taken is canonical, and no beginning of a record is a record.
 */
#include "policy/log_reader.h"
#include "test/fuzz/host_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_inside(struct span string, struct span line, const struct text *scratch)
{
    bool in_line =
        string.data >= line.data && string.data + string.length <= line.data + line.length;
    bool in_scratch = string.data >= scratch->data &&
                      string.data + string.length <= scratch->data + scratch->length;
    require(string.data == NULL ? string.length == 0 : in_line || in_scratch);
}

static void require_no_beginning(struct span line)
{
    char storage[LOG_LINE_MAXIMUM];
    struct text scratch;
    struct log_record record;
    struct error error = {.message = ""};
    while (line.length > 0 && line.data[line.length - 1] != '}')
        line.length--;
    text_init_fixed(&scratch, storage, sizeof(storage));
    line.length--;
    require(!log_record_parse(line, &scratch, &record, &error));
    require(error.at.column > 0 && error.at.column <= line.length + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char storage[LOG_LINE_MAXIMUM];
    const struct span line = {(const char *)data, size};
    struct text scratch;
    struct log_record record;
    struct log_decision decision;
    struct error error = {.message = ""};
    if (size > LOG_LINE_MAXIMUM)
        return -1;
    text_init_fixed(&scratch, storage, sizeof(storage));
    if (!log_record_parse(line, &scratch, &record, &error)) {
        require(error.at.column > 0 && error.at.column <= size + 1);
        return 0;
    }
    const struct span strings[] = {record.time,   record.event,       record.app,
                                   record.host,   record.environment, record.installation,
                                   record.scheme, record.method,      record.verdict,
                                   record.reason, record.rule_address};
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        require_inside(strings[i], line, &scratch);
    if (log_time_valid(record.time))
        require(record.time.length <= 30);
    if (log_decision_read(&record, &decision, &error) && decision.target.port != 0)
        require_canonical(&decision.target.host);
    require_no_beginning(line);
    return 0;
}
