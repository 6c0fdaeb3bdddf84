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

/* Other kinds are written as 0. */
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

/* Each field has its attributes; only hosts may also be in the URL. */
static bool in_http(const struct ray_http *http, enum ray_key key, const struct ray_value *value)
{
    int64_t status;
    if (!http->present) {
        return false;
    }
    switch ((unsigned)key) {
    case RAY_KEY_HTTP_METHOD:
    case RAY_KEY_HTTP_REQUEST_METHOD:
        return is_text_of(value, http->method);
    case RAY_KEY_HTTP_USER_AGENT:
    case RAY_KEY_USER_AGENT_ORIGINAL:
        return is_text_of(value, http->user_agent);
    case RAY_KEY_HTTP_STATUS_CODE:
    case RAY_KEY_HTTP_RESPONSE_STATUS:
        return ray_value_to_int(value, &status) && status == http->status;
    case RAY_KEY_XRAY_FORWARDED:
        return true;
    case RAY_KEY_HTTP_CLIENT_IP:
    case RAY_KEY_CLIENT_ADDRESS:
    case RAY_KEY_NETWORK_PEER_ADDRESS:
    case RAY_KEY_NET_PEER_IP:
        return is_text_of(value, http->client_ip) || in_url(http, value);
    default:
        return in_url(http, value);
    }
}

/* Other kinds in a list of names are written as "". */
static bool is_all_text(const struct ray_value *list)
{
    for (size_t i = 0; i < list->as.list.count; i++) {
        if (ray_value_string(&list->as.list.items[i]).len == 0) {
            return false;
        }
    }
    return true;
}

static bool in_aws(const struct ray_aws *aws, const struct ray_value *value)
{
    const struct ray_str texts[] = {aws->operation,    aws->account_id, aws->region,
                                    aws->request_id,   aws->queue_url,  aws->table_name,
                                    aws->sampling_rule};
    return aws->present &&
           (is_among(value, texts, sizeof(texts) / sizeof(texts[0])) || value == aws->retries ||
            (value == aws->resource_names && is_all_text(value)));
}

static bool in_connection(const struct ray_sql *sql, const struct ray_value *value)
{
    if (sql->said_connection != NULL) {
        return value == sql->said_connection;
    }
    if (sql->connection.len > 0) {
        return is_text_of(value, sql->connection) || is_text_of(value, sql->database);
    }
    return is_text_of(value, sql->database) || is_text_of(value, sql->host) ||
           (sql->host.len > 0 && is_port(value, sql->port));
}

static bool in_sql(const struct ray_sql *sql, const struct ray_value *value)
{
    const struct ray_str texts[] = {sql->user, sql->query, sql->url};
    if (!sql->present) {
        return false;
    }
    bool is_type =
        sql->said_type != NULL ? value == sql->said_type : is_text_of(value, sql->system);
    return is_type || is_among(value, texts, sizeof(texts) / sizeof(texts[0])) ||
           in_connection(sql, value);
}

/* Flags that are taken only as fields. */
static bool is_flag(enum ray_key key)
{
    return key == RAY_KEY_XRAY_TRACED || key == RAY_KEY_XRAY_FAULT || key == RAY_KEY_XRAY_ERROR ||
           key == RAY_KEY_XRAY_THROTTLE;
}

bool ray_is_shown(const struct ray_shown *shown, enum ray_key key, const struct ray_value *value)
{
    const struct ray_exception *first =
        shown->cause->took_message ? shown->cause->exceptions : NULL;
    if (is_flag(key)) {
        return true;
    }
    if (key == RAY_KEY_XRAY_IN_PROGRESS) {
        return value->as.boolean == shown->in_progress;
    }
    if ((key >= RAY_KEY_HTTP_FIRST && key <= RAY_KEY_HTTP_LAST) || key == RAY_KEY_XRAY_FORWARDED) {
        return in_http(shown->http, key, value) ||
               (shown->sql->present && in_connection(shown->sql, value)); /* its host and port */
    }
    if (key >= RAY_KEY_DB_SYSTEM && key <= RAY_KEY_DB_USER) {
        return in_sql(shown->sql, value);
    }
    return in_aws(shown->aws, value) || in_sql(shown->sql, value) ||
           is_text_of(value, shown->user) || is_text_of(value, shown->cause->elsewhere) ||
           (first != NULL && is_text_of(value, first->message));
}
