/* http_exchange: see http_exchange.h; the getters are described in http_server.h. */
#include "net/http_exchange.h"

#include <stdlib.h>

/* Copies of the head and decoded query values; more than a connection's pool can hold. */
#define ARENA_BYTES (64ul * 1024)

/* Up to here memory and budget are taken for a Content-Length at once. Above, as the bytes come:
 * a mere promise of 20 MiB must not lock others out. */
#define TRUSTED_BODY_BYTES (256ul * 1024)

struct ray_http_exchange *ray_http_exchange_new(struct ray_str target, const char *peer,
                                                struct ray_budget *budget)
{
    struct ray_http_exchange *exchange = calloc(1, sizeof(*exchange));
    struct ray_arena *arena = ray_arena_new(ARENA_BYTES);
    struct ray_str copy = {NULL, 0};
    if (arena != NULL) {
        copy = ray_arena_copy(arena, target);
    }
    if (exchange == NULL || copy.ptr == NULL) {
        free(exchange);
        ray_arena_free(arena);
        return NULL;
    }
    exchange->arena = arena;
    exchange->target = copy;
    exchange->budget = budget;
    ray_buf_init(&exchange->body, 1);
    memcpy(exchange->peer, peer, strnlen(peer, sizeof(exchange->peer) - 1));
    atomic_init(&exchange->references, 1);
    return exchange;
}

void ray_http_exchange_ref(struct ray_http_exchange *exchange)
{
    atomic_fetch_add(&exchange->references, 1);
}

bool ray_http_exchange_is_last(struct ray_http_exchange *exchange)
{
    return atomic_fetch_sub(&exchange->references, 1) == 1;
}

void ray_http_exchange_free(struct ray_http_exchange *exchange)
{
    ray_http_exchange_drop_body(exchange);
    ray_arena_free(exchange->arena);
    free(exchange);
}

enum ray_status ray_http_exchange_init_head(struct ray_http_exchange *exchange,
                                            struct ray_str method, size_t field_count)
{
    exchange->method = ray_arena_copy(exchange->arena, method);
    exchange->fields = RAY_ARENA_ARRAY(exchange->arena, struct ray_http_field, field_count);
    bool has_room = exchange->method.ptr != NULL && exchange->fields != NULL;
    return has_room ? RAY_OK : RAY_NOMEM;
}

enum ray_status ray_http_exchange_add_field(struct ray_http_exchange *exchange, struct ray_str name,
                                            struct ray_str value)
{
    struct ray_http_field field = {ray_arena_copy(exchange->arena, name),
                                   ray_arena_copy(exchange->arena, ray_str_trim(value))};
    if (field.name.ptr == NULL || field.value.ptr == NULL) {
        return RAY_NOMEM;
    }
    exchange->fields[exchange->field_count++] = field;
    return RAY_OK;
}

/* So that the budget has given at least `held_bytes` in all. */
static bool take_budget(struct ray_http_exchange *exchange, size_t held_bytes)
{
    if (exchange->budget == NULL || held_bytes <= exchange->budget_taken) {
        return true;
    }
    size_t more = held_bytes - exchange->budget_taken;
    if (!ray_budget_take_more(exchange->budget, more, exchange->budget_taken > 0)) {
        exchange->gate_is_closed = ray_budget_has_room(exchange->budget, more);
        return false;
    }
    exchange->budget_taken += more;
    return true;
}

/* A body that will be counted as it comes is not begun when the process has no memory for it. */
static bool is_shut_out(struct ray_http_exchange *exchange, size_t body_bytes)
{
    exchange->gate_is_closed = body_bytes > 0 && exchange->budget != NULL &&
                               exchange->budget->gate != NULL &&
                               ray_memory_gate_is_closed(exchange->budget->gate, false);
    return exchange->gate_is_closed;
}

enum ray_status ray_http_exchange_expect(struct ray_http_exchange *exchange, uint64_t body_bytes,
                                         size_t max_bytes)
{
    bool is_announced = body_bytes <= max_bytes;
    size_t most = is_announced ? (size_t)body_bytes : max_bytes;
    ray_buf_init(&exchange->body, most > 0 ? most : 1);
    if (!is_announced || most == 0 || most > TRUSTED_BODY_BYTES) {
        return is_shut_out(exchange, most) ? RAY_AGAIN : RAY_OK;
    }
    if (!take_budget(exchange, most)) {
        return RAY_AGAIN;
    }
    return ray_buf_reserve(&exchange->body, most) ? RAY_OK : RAY_NOMEM;
}

enum ray_status ray_http_exchange_take(struct ray_http_exchange *exchange, struct ray_str piece)
{
    struct ray_buf *body = &exchange->body;
    if (piece.len > body->max_bytes - body->len) {
        return RAY_TOO_BIG;
    }
    if (!take_budget(exchange, body->len + piece.len)) {
        return RAY_AGAIN;
    }
    ray_buf_append(body, piece);
    return body->failed ? RAY_NOMEM : RAY_OK;
}

void ray_http_exchange_drop_body(struct ray_http_exchange *exchange)
{
    ray_buf_clear(&exchange->body);
    if (exchange->budget_taken > 0) {
        ray_budget_give(exchange->budget, exchange->budget_taken);
        exchange->budget_taken = 0;
    }
}

struct ray_str ray_http_method(const struct ray_http_exchange *exchange)
{
    return exchange->method;
}

struct ray_str ray_http_target(const struct ray_http_exchange *exchange)
{
    return exchange->target;
}

struct ray_str ray_http_path(const struct ray_http_exchange *exchange)
{
    return ray_http_target_path(exchange->target);
}

struct ray_str ray_http_query(struct ray_http_exchange *exchange, const char *name)
{
    return ray_http_target_query(exchange->target, ray_str_from(name), exchange->arena);
}

struct ray_str ray_http_header(struct ray_http_exchange *exchange, const char *name)
{
    return ray_http_find_field(exchange->fields, exchange->field_count, ray_str_from(name));
}

void ray_http_each_header(struct ray_http_exchange *exchange, ray_http_header_fn each,
                          void *context)
{
    for (size_t i = 0; i < exchange->field_count; i++) {
        if (!each(context, exchange->fields[i].name, exchange->fields[i].value)) {
            return;
        }
    }
}

struct ray_str ray_http_body(const struct ray_http_exchange *exchange)
{
    return ray_buf_str(&exchange->body);
}

const char *ray_http_peer(struct ray_http_exchange *exchange)
{
    return exchange->peer;
}

void ray_http_set_user(struct ray_http_exchange *exchange, void *user)
{
    exchange->user = user;
}

void *ray_http_user(const struct ray_http_exchange *exchange)
{
    return exchange->user;
}
