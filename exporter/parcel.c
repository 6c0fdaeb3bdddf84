/* parcel: see parcel.h. */
#include "exporter/parcel.h"

#include <stdlib.h>

/* The service's answer names each refused document; the largest honest one is far below. */
#define ANSWER_MAX_BYTES ((size_t)1024 * 1024)
#define LINES_MAX_BYTES  ((size_t)32 * 1024)

struct ray_parcel *ray_parcel_new(struct ray_sender *sender,
                                  const struct ray_sender_protocol *protocol, size_t capacity,
                                  size_t body_max_bytes)
{
    struct ray_parcel *parcel =
        calloc(1, sizeof(*parcel) + capacity * sizeof(struct ray_sender_item));
    if (parcel == NULL) {
        return NULL;
    }
    parcel->sender = sender;
    parcel->protocol = protocol;
    parcel->capacity = capacity;
    ray_buf_init(&parcel->body, body_max_bytes);
    ray_buf_init(&parcel->lines, LINES_MAX_BYTES);
    ray_buf_init(&parcel->call.answer, ANSWER_MAX_BYTES);
    ray_buf_append(&parcel->body, *protocol->head);
    if (parcel->body.failed) {
        ray_parcel_free(parcel);
        return NULL;
    }
    return parcel;
}

void ray_parcel_strip(struct ray_parcel *parcel)
{
    if (parcel->ended) {
        ray_buf_rewind(&parcel->body, parcel->body.len - parcel->protocol->tail->len);
        parcel->ended = false;
    }
    ray_buf_clear(&parcel->lines);
    ray_buf_clear(&parcel->call.answer);
}

void ray_parcel_free(struct ray_parcel *parcel)
{
    if (parcel != NULL) {
        ray_parcel_strip(parcel);
        ray_buf_clear(&parcel->body);
        free(parcel);
    }
}

/* Undoes what was appended since `before`, unless it is whole and the tail will fit too. */
static bool fits(struct ray_parcel *parcel, size_t before)
{
    struct ray_buf *body = &parcel->body;
    if (!body->failed && body->max_bytes - body->len >= parcel->protocol->tail->len) {
        return true;
    }
    ray_buf_rewind(body, before);
    return false;
}

enum ray_status ray_parcel_add(struct ray_parcel *parcel, const struct ray_document *document,
                               uint64_t number, uint64_t accepted_unix_ns)
{
    const struct ray_sender_protocol *protocol = parcel->protocol;
    struct ray_buf *body = &parcel->body;
    size_t before = body->len;
    if (parcel->count == parcel->capacity) {
        return RAY_AGAIN;
    }
    if (parcel->count > 0) {
        ray_buf_append(body, *protocol->separator);
    }
    size_t at = body->len;
    protocol->write(body, document);
    if (!fits(parcel, before)) {
        size_t room = body->max_bytes - protocol->head->len - protocol->tail->len;
        bool may_fit = document->text.len <= (room - 2) / protocol->growth_max; /* it was memory */
        return parcel->count > 0 || may_fit ? RAY_AGAIN : RAY_TOO_BIG;
    }
    struct ray_sender_item *item = &parcel->items[parcel->count++];
    *item = (struct ray_sender_item){
        .trace_id = document->trace_id,
        .at = (uint32_t)at,
        .bytes = (uint32_t)(body->len - at),
        .text_bytes = (uint32_t)document->text.len,
        .accepted_unix_ns = accepted_unix_ns,
        .number = number,
    };
    memcpy(item->span_id, document->span_id, sizeof(item->span_id));
    return RAY_OK;
}

enum ray_status ray_parcel_end(struct ray_parcel *parcel)
{
    size_t before = parcel->body.len;
    ray_buf_append(&parcel->body, *parcel->protocol->tail);
    parcel->ended = !parcel->body.failed;
    if (!parcel->ended) {
        ray_buf_rewind(&parcel->body, before);
    }
    return parcel->ended ? RAY_OK : RAY_NOMEM;
}

/* What is kept moves down over what is not: never further down than where it may overwrite what is
 * still to be moved. */
void ray_parcel_keep(struct ray_parcel *parcel, const bool *keep)
{
    const struct ray_str separator = *parcel->protocol->separator;
    char *data = parcel->body.data;
    size_t end = parcel->protocol->head->len, kept = 0;
    for (size_t i = 0; i < parcel->count; i++) {
        struct ray_sender_item item = parcel->items[i];
        if (!keep[i]) {
            continue;
        }
        if (kept > 0) {
            memcpy(data + end, separator.ptr, separator.len);
            end += separator.len;
        }
        memmove(data + end, data + item.at, item.bytes);
        item.at = (uint32_t)end;
        end += item.bytes;
        parcel->items[kept++] = item;
    }
    parcel->count = kept;
    ray_buf_rewind(&parcel->body, end);
}

/* Copies the packed text of items of another parcel. False when it does not fit. */
static bool copy_items(struct ray_parcel *to, const struct ray_parcel *from, size_t first)
{
    struct ray_buf *body = &to->body;
    size_t before = body->len, count = to->count;
    if (from->count - first > to->capacity - to->count) {
        return false;
    }
    for (size_t i = first; i < from->count; i++) {
        struct ray_sender_item *item = &to->items[count++];
        *item = from->items[i];
        if (count > 1) {
            ray_buf_append(body, *to->protocol->separator);
        }
        item->at = (uint32_t)body->len;
        ray_buf_append(body, (struct ray_str){from->body.data + from->items[i].at, item->bytes});
    }
    if (!fits(to, before)) {
        return false;
    }
    to->count = count;
    return true;
}

struct ray_parcel *ray_parcel_split(struct ray_parcel *parcel, size_t first)
{
    struct ray_parcel *rest =
        ray_parcel_new(parcel->sender, parcel->protocol, parcel->capacity, parcel->body.max_bytes);
    if (rest == NULL || !copy_items(rest, parcel, first)) {
        ray_parcel_free(rest);
        return NULL;
    }
    rest->attempts = parcel->attempts;
    rest->suspect = parcel->suspect;
    const struct ray_sender_item *last = &parcel->items[first - 1];
    parcel->count = first;
    ray_buf_rewind(&parcel->body, last->at + last->bytes);
    return rest;
}

bool ray_parcel_join(struct ray_parcel *to, struct ray_parcel *from)
{
    bool joined = copy_items(to, from, 0);
    if (joined) {
        ray_parcel_free(from);
    }
    return joined;
}

bool ray_parcel_point_at_lines(struct ray_parcel *parcel)
{
    struct ray_str rest = ray_buf_str(&parcel->lines);
    struct ray_str line;
    size_t count = 0;
    parcel->call.url = NULL;
    while (!parcel->lines.failed && rest.len > 0 && ray_str_split(&rest, '\0', &line)) {
        if (parcel->call.url == NULL) {
            parcel->call.url = line.ptr;
        } else if (count < RAY_SENDER_HEADERS_MAX) {
            parcel->headers[count++] = line.ptr;
        }
    }
    parcel->headers[count] = NULL;
    parcel->call.headers = parcel->headers;
    return parcel->call.url != NULL && !parcel->lines.failed;
}

void ray_parcel_list_append(struct ray_parcel **list, struct ray_parcel *parcel)
{
    while (*list != NULL) {
        list = &(*list)->next;
    }
    parcel->next = NULL;
    *list = parcel;
}

void ray_parcel_list_remove(struct ray_parcel **list, struct ray_parcel *parcel)
{
    while (*list != parcel) {
        list = &(*list)->next;
    }
    *list = parcel->next;
    parcel->next = NULL;
}
