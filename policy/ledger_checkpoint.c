/* One line, exact to the byte like the ledger's own. */
#include "policy/ledger_checkpoint.h"

#include "certs/signature.h"
#include "policy/log_reader.h"
#include "policy/log_scan.h"

#define HASH_LENGTH    (LEDGER_HASH_SIZE - 1)
#define SIGNATURE_WORD ",\"signature\":\""
#define TAIL_LENGTH    (sizeof(SIGNATURE_WORD) - 1 + 2 * (size_t)SIGNATURE_SIZE + sizeof("\"}\n") - 1)

bool ledger_checkpoint_write(uint64_t n, const char *hash, struct span pem, struct text *text,
                             struct error *error)
{
    char now[LEDGER_TIME_SIZE];
    uint8_t signature[SIGNATURE_SIZE];
    size_t begin = text->length;
    ledger_format_now(now);
    text_add_format(
        text, "{\"checkpoint\":\"sallyport-ledger-1\",\"n\":%llu,\"hash\":\"%s\",\"time\":\"%s\"",
        (unsigned long long)n, hash, now);
    if (text->overflow) {
        error_set(error, "memory is out");
        return false;
    }
    if (!signature_sign(pem, span_after(text_span(text), begin), signature, error))
        return false;
    text_add_string(text, SIGNATURE_WORD);
    for (size_t i = 0; i < SIGNATURE_SIZE; i++)
        text_add_format(text, "%02x", signature[i]);
    text_add_string(text, "\"}\n");
    return true;
}

/* ---- Reading ------------------------------------------------------------------------------ */

static bool take_word(struct scan *scan, struct span word)
{
    return scan_take_word(scan, word) ||
           scan_refuse(scan, "no checkpoint of a ledger; `sallyport ledger checkpoint` makes one");
}

static int hex_value(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool take_hex(struct scan *scan, uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++, scan->at += 2) {
        int high = scan->end - scan->at < 2 ? -1 : hex_value(scan->at[0]);
        int low = high < 0 ? -1 : hex_value(scan->at[1]);
        if (low < 0)
            return scan_refuse(scan, "no hexadecimal digits, in lower case");
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool take_number(struct scan *scan, uint64_t *n)
{
    struct span digits;
    if (!scan_take_number(scan, &digits))
        return false;
    return span_parse_decimal(digits, UINT32_MAX, n) || scan_refuse(scan, "no number of entries");
}

static bool take_time(struct scan *scan, struct ledger_checkpoint *checkpoint)
{
    struct span time;
    if (!scan_take_string(scan, &time))
        return false;
    if (!log_time_valid(time) || time.length >= sizeof(checkpoint->time))
        return scan_refuse(scan, "no time");
    snprintf(checkpoint->time, sizeof(checkpoint->time), "%.*s", SPAN_FORMAT(time));
    return true;
}

static bool take_line(struct scan *scan, struct ledger_checkpoint *checkpoint,
                      uint8_t signature[SIGNATURE_SIZE])
{
    uint8_t hash[HASH_LENGTH / 2];
    if (!take_word(scan, SPAN("{\"checkpoint\":\"sallyport-ledger-1\",\"n\":")) ||
        !take_number(scan, &checkpoint->n) || !take_word(scan, SPAN(",\"hash\":\"")))
        return false;
    const char *digits = scan->at;
    if (!take_hex(scan, hash, sizeof(hash)))
        return false;
    memcpy(checkpoint->hash, digits, HASH_LENGTH);
    checkpoint->hash[HASH_LENGTH] = '\0';
    if (!take_word(scan, SPAN("\",\"time\":")) || !take_time(scan, checkpoint) ||
        !take_word(scan, SPAN(SIGNATURE_WORD)) || !take_hex(scan, signature, SIGNATURE_SIZE) ||
        !take_word(scan, SPAN("\"}\n")))
        return false;
    return scan->at == scan->end || scan_refuse(scan, "more behind the checkpoint");
}

bool ledger_checkpoint_read(struct span line, struct span pem, struct ledger_checkpoint *checkpoint,
                            struct error *error)
{
    char storage[CHECKPOINT_TEXT_MAXIMUM];
    struct text scratch;
    uint8_t signature[SIGNATURE_SIZE];
    struct scan scan = {line.data, line.data, line.data + line.length, &scratch, error};
    text_init_fixed(&scratch, storage, sizeof(storage));
    if (!take_line(&scan, checkpoint, signature))
        return false;
    switch (
        signature_verify(pem, span_slice(line, 0, line.length - TAIL_LENGTH), signature, error)) {
    case SIGNATURE_GOOD:
        return true;
    case SIGNATURE_WRONG:
        error_set(error, "the signature is not this key's, or the checkpoint was changed");
        return false;
    default:
        return false;
    }
}
