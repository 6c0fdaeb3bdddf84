/* parcel: see parcel.h. */
#include "exporter/parcel.h"

#include <stdlib.h>

/* The service's answer names each refused document; the largest honest one is far below. */
#define ANSWER_MAX_BYTES ((size_t)1024 * 1024)
#define LINES_MAX_BYTES  ((size_t)32 * 1024)

struct ray_parcel *ray_parcel_new(struct ray_sender *sender, size_t capacity, size_t body_max_bytes)
{
    struct ray_parcel *parcel =
        calloc(1, sizeof(*parcel) + capacity * sizeof(struct ray_sender_item));
    if (parcel != NULL) {
        parcel->sender = sender;
        parcel->capacity = capacity;
        ray_buf_init(&parcel->body, body_max_bytes);
        ray_buf_init(&parcel->lines, LINES_MAX_BYTES);
        ray_buf_init(&parcel->call.answer, ANSWER_MAX_BYTES);
    }
    return parcel;
}

void ray_parcel_strip(struct ray_parcel *parcel)
{
    ray_buf_clear(&parcel->body);
    ray_buf_clear(&parcel->lines);
    ray_buf_clear(&parcel->call.answer);
}

void ray_parcel_free(struct ray_parcel *parcel)
{
    for (size_t i = 0; parcel != NULL && i < parcel->count; i++) {
        ray_batch_unref(parcel->items[i].batch);
    }
    if (parcel != NULL) {
        ray_parcel_strip(parcel);
        free(parcel);
    }
}

struct ray_parcel *ray_parcel_split(struct ray_parcel *parcel, size_t first)
{
    struct ray_parcel *rest =
        ray_parcel_new(parcel->sender, parcel->capacity, parcel->body.max_bytes);
    if (rest == NULL) {
        return NULL;
    }
    rest->count = parcel->count - first;
    memcpy(rest->items, &parcel->items[first], rest->count * sizeof(rest->items[0]));
    rest->attempts = parcel->attempts;
    rest->suspect = parcel->suspect;
    parcel->count = first;
    return rest;
}

void ray_parcel_move_items(struct ray_parcel *to, struct ray_parcel *from)
{
    memcpy(&to->items[to->count], from->items, from->count * sizeof(from->items[0]));
    to->count += from->count;
    from->count = 0;
    ray_parcel_free(from);
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
    return parcel->call.url != NULL && !parcel->lines.failed && !parcel->body.failed;
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
