#include "proxy/outbox.h"

void outbox_init(struct outbox *outbox)
{
    text_init(&outbox->text, OUTBOX_MAXIMUM);
    outbox->sent = 0;
}

enum transport_result outbox_flush(struct outbox *outbox, struct transport *transport)
{
    if (outbox->text.overflow)
        return TRANSPORT_FAILED;
    while (outbox->sent < outbox->text.length) {
        size_t count;
        enum transport_result result = transport_write(transport, outbox->text.data + outbox->sent,
                                                       outbox->text.length - outbox->sent, &count);
        if (result != TRANSPORT_OK)
            return result;
        outbox->sent += count;
    }
    return TRANSPORT_OK;
}

void outbox_rewind(struct outbox *outbox)
{
    outbox->sent = 0;
}

void outbox_clear(struct outbox *outbox)
{
    if (outbox->text.data != NULL)
        explicit_bzero(outbox->text.data, outbox->text.length);
    text_clear(&outbox->text);
    outbox->sent = 0;
}
