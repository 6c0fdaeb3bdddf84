/*
 * sql: see sql.h.
 *
 * Fields: X-Ray developer guide, segment documents: sql. `url` is the span name on purpose, as
 * awsxrayexporter 0.130 has it: consoles show it as the query's title. Old attribute names win when
 * both are there.
 */
#include "translate/sql.h"

#include "core/codec.h"

static const struct ray_str relational[] = {
    /* awsxrayexporter 0.130 */
    RAY_STR_INIT("postgresql"),
    RAY_STR_INIT("mysql"),
    RAY_STR_INIT("mssql"),
    RAY_STR_INIT("sqlite"),
    RAY_STR_INIT("mariadb"),
    RAY_STR_INIT("oracle"),
    RAY_STR_INIT("db2"),
    RAY_STR_INIT("derby"),
    RAY_STR_INIT("hive"),
    RAY_STR_INIT("teradata"),
    RAY_STR_INIT("other_sql"),
    /* D06: their names from semconv 1.28 */
    RAY_STR_INIT("microsoft.sql_server"),
    RAY_STR_INIT("oracle.db"),
    RAY_STR_INIT("ibm.db2"),
    /* D08: the relational ones that are missing, in both spellings */
    RAY_STR_INIT("h2"),
    RAY_STR_INIT("h2database"),
    RAY_STR_INIT("hsqldb"),
    RAY_STR_INIT("redshift"),
    RAY_STR_INIT("aws.redshift"),
    RAY_STR_INIT("cockroachdb"),
    RAY_STR_INIT("clickhouse"),
    RAY_STR_INIT("firebird"),
    RAY_STR_INIT("firebirdsql"),
    RAY_STR_INIT("hanadb"),
    RAY_STR_INIT("sap.hana"),
    RAY_STR_INIT("informix"),
    RAY_STR_INIT("ibm.informix"),
    RAY_STR_INIT("netezza"),
    RAY_STR_INIT("ibm.netezza"),
    RAY_STR_INIT("sybase"),
    RAY_STR_INIT("vertica"),
    RAY_STR_INIT("spanner"),
    RAY_STR_INIT("gcp.spanner"),
    RAY_STR_INIT("trino"),
    RAY_STR_INIT("maxdb"),
    RAY_STR_INIT("sap.maxdb"),
    RAY_STR_INIT("ingres"),
    RAY_STR_INIT("actian.ingres"),
    RAY_STR_INIT("edb"),
};

static bool is_relational(struct ray_str system)
{
    for (size_t i = 0; i < sizeof(relational) / sizeof(relational[0]); i++) {
        if (ray_str_eq(relational[i], system)) {
            return true;
        }
    }
    return false;
}

/* The first key of the three that has text. */
static struct ray_str any_of(const struct ray_facts *facts, enum ray_key a, enum ray_key b,
                             enum ray_key c)
{
    struct ray_str text = ray_facts_last_string(facts, a);
    text = text.len > 0 ? text : ray_facts_last_string(facts, b);
    return text.len > 0 ? text : ray_facts_last_string(facts, c);
}

static const struct ray_value *take_said(struct ray_facts *facts, enum ray_key key)
{
    const struct ray_value *said = ray_facts_last(facts, key);
    if (said == NULL || said->kind != RAY_VALUE_STRING) {
        return NULL;
    }
    ray_facts_consume(facts, key);
    return said;
}

/* From a legacy segment (segment_to_span); "" is that it had no such field. */
static void collect_said(struct ray_sql *sql, struct ray_facts *facts)
{
    const struct ray_value *url = take_said(facts, RAY_KEY_XRAY_SQL_URL);
    sql->url = url != NULL ? url->as.string : sql->url;
    sql->said_connection = take_said(facts, RAY_KEY_XRAY_SQL_CONNECTION);
    sql->said_type = take_said(facts, RAY_KEY_XRAY_SQL_TYPE);
}

static void consume(struct ray_facts *facts)
{
    for (unsigned key = RAY_KEY_DB_SYSTEM; key <= RAY_KEY_DB_USER; key++) {
        ray_facts_consume(facts, (enum ray_key)key);
    }
}

struct ray_sql ray_sql_collect(struct ray_str span_name, struct ray_facts *facts)
{
    struct ray_sql sql = {
        .system = any_of(facts, RAY_KEY_DB_SYSTEM, RAY_KEY_DB_SYSTEM_NAME, RAY_KEY_NONE)};
    sql.present = sql.system.len > 0 && is_relational(sql.system);
    if (!sql.present) {
        return sql;
    }
    sql.url = span_name;
    sql.connection = ray_facts_last_string(facts, RAY_KEY_DB_CONNECTION_STRING);
    sql.database = any_of(facts, RAY_KEY_DB_NAME, RAY_KEY_DB_NAMESPACE, RAY_KEY_NONE);
    sql.user = ray_facts_last_string(facts, RAY_KEY_DB_USER);
    sql.query = any_of(facts, RAY_KEY_DB_STATEMENT, RAY_KEY_DB_QUERY_TEXT, RAY_KEY_NONE);
    sql.host = any_of(facts, RAY_KEY_SERVER_ADDRESS, RAY_KEY_NET_PEER_NAME, RAY_KEY_NET_PEER_IP);
    sql.port =
        ray_facts_last(facts, ray_facts_has(facts, RAY_KEY_SERVER_PORT) ? RAY_KEY_SERVER_PORT
                                                                        : RAY_KEY_NET_PEER_PORT);
    collect_said(&sql, facts);
    consume(facts);
    return sql;
}

static void write_port(const struct ray_value *port, struct ray_buf *out)
{
    if (port != NULL && port->kind == RAY_VALUE_INT) {
        ray_buf_printf(out, ":%lld", (long long)port->as.integer);
    } else if (ray_value_string(port).len > 0) {
        ray_buf_append_byte(out, ':');
        ray_json_escape(out, ray_value_string(port));
    }
}

/* D07: the host that the span names, before the "localhost" of the reference. */
static void write_connection(const struct ray_sql *sql, struct ray_json_writer *w)
{
    if (sql->said_connection != NULL) {
        RAY_WRITE_IF_ANY(w, "connection_string", sql->said_connection->as.string);
        return;
    }
    RAY_JSON_KEY(w, "connection_string");
    ray_json_raw(w, RAY_STR("\""));
    if (sql->connection.len > 0) {
        ray_json_escape(w->out, sql->connection);
    } else if (sql->host.len > 0) {
        ray_json_escape(w->out, sql->host);
        write_port(sql->port, w->out);
    } else {
        ray_buf_append(w->out, RAY_STR("localhost"));
    }
    ray_buf_append_byte(w->out, '/');
    ray_json_escape(w->out, sql->database);
    ray_buf_append_byte(w->out, '"');
}

void ray_sql_write(const struct ray_sql *sql, const struct ray_limits *limits,
                   struct ray_json_writer *w)
{
    ray_json_object_begin(w);
    RAY_WRITE_IF_ANY(w, "url", sql->url);
    write_connection(sql, w);
    RAY_WRITE_IF_ANY(w, "database_type",
                     sql->said_type != NULL ? sql->said_type->as.string : sql->system);
    RAY_WRITE_IF_ANY(w, "user", sql->user);
    RAY_WRITE_IF_ANY(w, "sanitized_query",
                     ray_limits_cut(limits, sql->query, limits->query_bytes, RAY_CUT_QUERY));
    ray_json_object_end(w);
}
