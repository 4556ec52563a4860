#include "proxy/outbox.h"

void outbox_init(struct outbox *outbox)
{
    text_init(&outbox->text, OUTBOX_MAXIMUM);
    outbox->sent = 0;
    outbox->taken = outbox->offered = 0;
}

enum transport_result outbox_flush(struct outbox *outbox, struct transport *transport)
{
    if (outbox->text.overflow)
        return TRANSPORT_FAILED;
    outbox->offered = outbox_mark(outbox);
    while (outbox->sent < outbox->text.length) {
        size_t count;
        enum transport_result result = transport_write(transport, outbox->text.data + outbox->sent,
                                                       outbox->text.length - outbox->sent, &count);
        if (result != TRANSPORT_OK)
            return result;
        outbox->sent += count;
        outbox->taken += count;
    }
    return TRANSPORT_OK;
}

bool outbox_take_back(struct outbox *outbox, uint64_t mark)
{
    if (outbox->offered > mark || outbox->text.overflow)
        return false;
    size_t unwanted = (size_t)(outbox_mark(outbox) - mark);
    outbox->text.length -= unwanted;
    if (unwanted > 0)
        explicit_bzero(outbox->text.data + outbox->text.length, unwanted);
    return true;
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
