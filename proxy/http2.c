/*
 * A connection's turn: streams that have something are looked at, what came is given to nghttp2,
 * what it has to say is sent; again, while anything moves and the turn lasts. Frames wait in one
 * outbox; no more are asked for while they do, so that data stay where their sender feels it.
 */
#include "proxy/http2.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/clock.h"
#include "proxy/http2_private.h"

#define FRAMES_BYTES      ((size_t)64 * 1024) /* asked of nghttp2 before they are sent */
#define CONNECTION_WINDOW (1024 * 1024)       /* bytes; opened anew as they come */
#define TABLE_BYTES       4096                /* of HPACK's dynamic tables, each way */
#define SECTION_BOUND     ((size_t)4 * HTTP2_SECTION_MAXIMUM) /* no head that is a head is larger */
#define RESET_BURST       200 /* streams that a client may cancel, or break, at once, … */
#define RESET_RATE        50  /* … and a second, before it is sent away */
#define RESET_PRICE       (UINT64_C(1000) / RESET_RATE) /* milliseconds */
#define BYTES_AHEAD       262144 /* that a peer may send without a head or payload */
#define ACKS_MAXIMUM      200    /* answers to PING and SETTINGS that a peer lets wait */

/* ---- memory -------------------------------------------------------------------------- */

/* What nghttp2 kept is a tenant's: it is wiped before it can be another's. */
static void wipe_and_free(void *memory, void *unused)
{
    (void)unused;
    if (memory != NULL)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

static void *allocate(size_t size, void *unused)
{
    (void)unused;
    return malloc(size);
}

static void *allocate_zeroed(size_t count, size_t size, void *unused)
{
    (void)unused;
    return calloc(count, size);
}

static void *reallocate(void *memory, size_t size, void *unused)
{
    void *larger = malloc(size);
    if (larger == NULL || memory == NULL)
        return larger;
    const size_t kept = malloc_usable_size(memory);
    memcpy(larger, memory, kept < size ? kept : size);
    wipe_and_free(memory, unused);
    return larger;
}

/* ---- life ---------------------------------------------------------------------------- */

static void set_options(nghttp2_option *option)
{
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, TABLE_BYTES);
    nghttp2_option_set_max_outbound_ack(option, ACKS_MAXIMUM);
    nghttp2_option_set_max_send_header_block_length(option, SECTION_BOUND);
    nghttp2_option_set_stream_reset_rate_limit(option, RESET_BURST, RESET_RATE);
}

static bool make_session(struct http2 *http2, nghttp2_option *option)
{
    nghttp2_mem memory = {.malloc = allocate,
                          .free = wipe_and_free,
                          .calloc = allocate_zeroed,
                          .realloc = reallocate};
    nghttp2_session_callbacks *callbacks = http2_callbacks_new();
    if (callbacks == NULL)
        return false;
    const int code =
        http2->role->is_server
            ? nghttp2_session_server_new3(&http2->session, callbacks, http2, option, &memory)
            : nghttp2_session_client_new3(&http2->session, callbacks, http2, option, &memory);
    nghttp2_session_callbacks_del(callbacks);
    return code == 0;
}

static bool open_session(struct http2 *http2)
{
    nghttp2_option *option;
    if (nghttp2_option_new(&option) != 0)
        return false;
    set_options(option);
    const bool made = make_session(http2, option);
    nghttp2_option_del(option);
    return made;
}

static bool submit_settings(struct http2 *http2)
{
    const struct http2_role *role = http2->role;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, role->window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP2_SECTION_MAXIMUM},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
        role->is_server
            ? (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, role->streams}
            : (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
    };
    return nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, settings,
                                   sizeof(settings) / sizeof(settings[0])) == 0 &&
           nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, 0,
                                                 CONNECTION_WINDOW) == 0;
}

struct http2 *http2_new(const struct http2_role *role, const struct http2_place *place)
{
    struct http2 *http2 = calloc(1, sizeof(*http2));
    if (http2 == NULL)
        return NULL;
    http2->role = role;
    http2->place = *place;
    http2->allowance = BYTES_AHEAD;
    TAILQ_INIT(&http2->streams);
    TAILQ_INIT(&http2->ready);
    outbox_init(&http2->out);
    http2_head_init(&http2->head, HTTP2_TRAILERS);
    if (open_session(http2) && submit_settings(http2))
        return http2;
    http2_free(http2);
    return NULL;
}

void http2_free(struct http2 *http2)
{
    if (http2 == NULL)
        return;
    for (size_t left = http2->count; left > 0; left--)
        http2_stream_free(TAILQ_FIRST(&http2->streams));
    nghttp2_session_del(http2->session);
    outbox_clear(&http2->out);
    http2_head_clear(&http2->head);
    free(http2);
}

/* ---- a turn ---------------------------------------------------------------------------- */

static bool fail(struct http2 *http2, ssize_t code)
{
    if (code != NGHTTP2_ERR_CALLBACK_FAILURE) /* which has said why */
        http2->problem = nghttp2_strerror((int)code);
    return false;
}

void http2_allow(struct http2 *http2, size_t bytes)
{
    http2->allowance += (int64_t)bytes;
}

static bool send_away(struct http2 *http2)
{
    http2->problem = "too many frames that carry nothing";
    return false;
}

bool http2_pay_for_reset(struct http2 *http2)
{
    const uint64_t now = clock_milliseconds();
    if (http2->resets_paid_at < now)
        http2->resets_paid_at = now;
    http2->resets_paid_at += RESET_PRICE;
    if (http2->resets_paid_at - now <= RESET_BURST * RESET_PRICE)
        return true;
    http2->problem = "too many streams that the client breaks";
    return false;
}

/* One read's worth. */
static bool receive(struct http2 *http2)
{
    char *bytes = http2->place.lender->scratch;
    size_t count;
    switch (transport_read(http2->place.transport, bytes, RELAY_SCRATCH_SIZE, &count)) {
    case TRANSPORT_OK:
        break;
    case TRANSPORT_AGAIN:
        return true;
    case TRANSPORT_END:
    case TRANSPORT_FAILED:
        return false;
    }
    http2->moved += count;
    http2->allowance -= (int64_t)count;
    const ssize_t taken = nghttp2_session_mem_recv(http2->session, (const uint8_t *)bytes, count);
    if (taken < 0)
        return fail(http2, taken);
    return http2->allowance >= 0 || send_away(http2);
}

static bool ask_for_frames(struct http2 *http2)
{
    const uint8_t *bytes;
    ssize_t count = 1;
    outbox_clear(&http2->out);
    while (count > 0 && http2->out.text.length < FRAMES_BYTES) {
        count = nghttp2_session_mem_send(http2->session, &bytes);
        if (count > 0)
            text_add(&http2->out.text, (struct span){(const char *)bytes, (size_t)count});
    }
    http2->moved += http2->out.text.length;
    return count >= 0 || fail(http2, count);
}

static bool send_frames(struct http2 *http2)
{
    enum transport_result result = outbox_flush(&http2->out, http2->place.transport);
    if (result == TRANSPORT_OK) {
        if (!ask_for_frames(http2))
            return false;
        result = outbox_flush(&http2->out, http2->place.transport);
    }
    return result == TRANSPORT_OK || result == TRANSPORT_AGAIN;
}

static void look_at_streams(struct http2 *http2)
{
    struct http2_stream *stream;
    while ((stream = TAILQ_FIRST(&http2->ready)) != NULL) {
        TAILQ_REMOVE(&http2->ready, stream, ready_link);
        stream->is_ready = false;
        http2_stream_turn(stream);
    }
}

/* nghttp2 has done with the connection: what it still had of streams comes to nothing. */
static void drop_streams(struct http2 *http2)
{
    struct http2_stream *stream, *next;
    for (stream = TAILQ_FIRST(&http2->streams); stream != NULL; stream = next) {
        next = TAILQ_NEXT(stream, link);
        if (!stream->is_closed)
            http2_stream_free(stream);
    }
}

static bool is_over(struct http2 *http2)
{
    if (nghttp2_session_want_write(http2->session) || !outbox_is_empty(&http2->out))
        return false;
    http2->is_done = !nghttp2_session_want_read(http2->session);
    if (http2->is_done)
        drop_streams(http2);
    return (http2->is_done || http2->is_ending) && http2->count == 0;
}

enum http2_progress http2_pump(struct http2 *http2)
{
    const size_t turn = relay_turn_bytes(http2->place.lender);
    size_t before;
    http2->moved = 0;
    do {
        before = http2->moved;
        look_at_streams(http2);
        if (http2->is_done) /* and what nghttp2 knew of streams is not asked for any more */
            return http2->count == 0 ? HTTP2_OVER : HTTP2_WAIT;
        if (!receive(http2) || !send_frames(http2)) {
            http2->is_broken = true;
            return HTTP2_BROKEN;
        }
    } while (http2->moved > before && http2->moved < turn);
    if (is_over(http2))
        return HTTP2_OVER;
    return http2->moved > before ? HTTP2_YIELD : HTTP2_WAIT;
}

/* ---- for its owner ------------------------------------------------------------------------ */

void http2_end(struct http2 *http2)
{
    if (http2->is_ending)
        return;
    http2->is_ending = true;
    nghttp2_submit_goaway(http2->session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(http2->session), NGHTTP2_NO_ERROR,
                          NULL, 0);
}

bool http2_tick(struct http2 *http2)
{
    struct http2_stream *stream;
    const bool is_stuck = !outbox_is_empty(&http2->out) && http2->out.taken == http2->sent_at_tick;
    http2->sent_at_tick = http2->out.taken;
    TAILQ_FOREACH(stream, &http2->streams, link)
    {
        if (http2->role->is_server && stream->owner == NULL && !stream->has_moved)
            http2_stream_reset(stream, NGHTTP2_CANCEL);
        stream->has_moved = false;
    }
    return !is_stuck;
}

bool http2_is_broken(const struct http2 *http2)
{
    return http2->is_broken;
}

bool http2_is_ending(const struct http2 *http2)
{
    return http2->is_ending;
}

size_t http2_stream_count(const struct http2 *http2)
{
    return http2->count;
}

const char *http2_problem(const struct http2 *http2)
{
    return http2->problem;
}

bool http2_is_greeted(const struct http2 *http2)
{
    return http2->is_greeted;
}

void *http2_owner(const struct http2 *http2)
{
    return http2->place.owner;
}

nghttp2_session *http2_session(struct http2 *http2)
{
    return http2->session;
}

bool http2_has_room(struct http2 *http2)
{
    return http2->problem == NULL && !http2->is_ending &&
           nghttp2_session_check_request_allowed(http2->session) != 0 &&
           http2->count < nghttp2_session_get_remote_settings(
                              http2->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

struct http2_stream *http2_open(struct http2 *http2, void *owner, int *fd)
{
    struct http2_stream *stream = http2_stream_new(http2, 0, fd);
    if (stream != NULL)
        stream->owner = owner;
    return stream;
}
