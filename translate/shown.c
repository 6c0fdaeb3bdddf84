/* shown: see shown.h. */
#include "translate/shown.h"

/* The text itself, not its like. Empty text is never written. */
static bool is_text_of(const struct ray_value *value, struct ray_str written)
{
    return value->kind == RAY_VALUE_STRING && value->as.string.len > 0 &&
           value->as.string.ptr == written.ptr && value->as.string.len == written.len;
}

static bool is_among(const struct ray_value *value, const struct ray_str *written, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_text_of(value, written[i])) {
            return true;
        }
    }
    return false;
}

/* A part of a URL or connection string that is put together. */
static bool is_part(const struct ray_value *value, const struct ray_value *part)
{
    return value == part && value->kind == RAY_VALUE_STRING && value->as.string.len > 0;
}

static bool is_port(const struct ray_value *value, const struct ray_value *port)
{
    return value == port && (value->kind == RAY_VALUE_INT || is_part(value, port));
}

/* A port that goes without saying is left out of the URL, but the URL says it all the same. */
static bool in_url(const struct ray_http *http, const struct ray_value *value)
{
    const struct ray_url_parts *url = &http->url;
    if (!http->has_url || url->full != NULL) {
        return http->has_url && is_part(value, url->full);
    }
    bool in_path = url->target != NULL ? is_part(value, url->target)
                                       : is_part(value, url->path) || is_part(value, url->query);
    return in_path || is_part(value, url->scheme) || is_part(value, url->host) ||
           is_port(value, url->port);
}

static bool in_http(const struct ray_http *http, enum ray_key key, const struct ray_value *value)
{
    const struct ray_str texts[] = {http->method, http->user_agent, http->client_ip};
    int64_t status;
    if (!http->present) {
        return false;
    }
    if (key == RAY_KEY_HTTP_STATUS_CODE || key == RAY_KEY_HTTP_RESPONSE_STATUS) {
        return ray_value_to_int(value, &status) && status == http->status;
    }
    return key == RAY_KEY_XRAY_FORWARDED || is_among(value, texts, 3) || in_url(http, value);
}

static bool in_aws(const struct ray_aws *aws, const struct ray_value *value)
{
    const struct ray_str texts[] = {aws->operation,    aws->account_id, aws->region,
                                    aws->request_id,   aws->queue_url,  aws->table_name,
                                    aws->sampling_rule};
    return aws->present && (is_among(value, texts, sizeof(texts) / sizeof(texts[0])) ||
                            value == aws->retries || value == aws->resource_names);
}

static bool in_sql(const struct ray_sql *sql, const struct ray_value *value)
{
    const struct ray_str texts[] = {sql->connection, sql->database, sql->system,
                                    sql->user,       sql->query,    sql->url};
    const struct ray_str host[] = {sql->host};
    bool composed = sql->connection.len == 0;
    return sql->present && (value == sql->said_connection || value == sql->said_type ||
                            is_among(value, texts, sizeof(texts) / sizeof(texts[0])) ||
                            (composed && is_among(value, host, 1)) ||
                            (composed && sql->host.len > 0 && is_port(value, sql->port)));
}

/* Taken only where a field says the same: consumed flags, and what segment_to_span said twice. */
static bool is_restated(enum ray_key key)
{
    static const enum ray_key keys[] = {
        RAY_KEY_XRAY_TRACED,     RAY_KEY_XRAY_FAULT,           RAY_KEY_XRAY_ERROR,
        RAY_KEY_XRAY_THROTTLE,   RAY_KEY_XRAY_SEGMENT,         RAY_KEY_XRAY_NAME,
        RAY_KEY_XRAY_NAMESPACE,  RAY_KEY_RPC_SYSTEM,           RAY_KEY_RPC_SERVICE,
        RAY_KEY_RESPONSE_LENGTH, RAY_KEY_DYNAMODB_TABLE_NAMES,
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i] == key) {
            return true;
        }
    }
    return false;
}

bool ray_is_shown(const struct ray_shown *shown, enum ray_key key, const struct ray_value *value)
{
    const struct ray_exception *first =
        shown->cause->took_message ? shown->cause->exceptions : NULL;
    if (is_restated(key)) {
        return true;
    }
    if (key == RAY_KEY_XRAY_IN_PROGRESS) {
        return value->as.boolean == shown->in_progress;
    }
    return in_http(shown->http, key, value) || in_aws(shown->aws, value) ||
           in_sql(shown->sql, value) || is_text_of(value, shown->user) ||
           is_text_of(value, shown->cause->elsewhere) ||
           (first != NULL && is_text_of(value, first->message));
}
