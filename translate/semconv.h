/*
 * semconv: the attribute names this room knows, old and new conventions side by side.
 *
 * ONE table; everything else speaks of enum ray_key. Sources: OpenTelemetry semantic conventions
 * (the comment names the last or first version that has the name), otherwise the awsxrayexporter
 * ("exporter") or the X-Ray segment receiver's own names (rules D27, D28).
 */
#ifndef RAY_TRANSLATE_SEMCONV_H
#define RAY_TRANSLATE_SEMCONV_H

#include "core/arena.h"
#include "translate/indexed.h"

/* clang-format off */
#define RAY_SEMCONV(X)                                                                             \
    /* http: RAY_KEY_HTTP_FIRST to _LAST, all consumed by its block */                             \
    X(HTTP_METHOD,          "http.method")                /* until 1.20 */                         \
    X(HTTP_REQUEST_METHOD,  "http.request.method")        /* from 1.21 */                          \
    X(HTTP_CLIENT_IP,       "http.client_ip")             /* until 1.20 */                         \
    X(CLIENT_ADDRESS,       "client.address")             /* from 1.21 */                          \
    X(HTTP_USER_AGENT,      "http.user_agent")            /* until 1.18 */                         \
    X(USER_AGENT_ORIGINAL,  "user_agent.original")        /* from 1.19 */                          \
    X(HTTP_STATUS_CODE,     "http.status_code")           /* until 1.20 */                         \
    X(HTTP_RESPONSE_STATUS, "http.response.status_code")  /* from 1.21 */                          \
    X(HTTP_URL,             "http.url")                   /* until 1.20 */                         \
    X(URL_FULL,             "url.full")                   /* from 1.21 */                          \
    X(HTTP_SCHEME,          "http.scheme")                /* until 1.20 */                         \
    X(URL_SCHEME,           "url.scheme")                 /* from 1.21 */                          \
    X(HTTP_HOST,            "http.host")                  /* until 1.12 */                         \
    X(HTTP_SERVER_NAME,     "http.server_name")           /* until 1.12 */                         \
    X(HTTP_TARGET,          "http.target")                /* until 1.20 */                         \
    X(URL_PATH,             "url.path")                   /* from 1.21 */                          \
    X(URL_QUERY,            "url.query")                  /* from 1.21 */                          \
    X(HOST_NAME,            "host.name")                  /* exporter; resource name elsewhere */  \
    X(NET_HOST_NAME,        "net.host.name")              /* until 1.20 */                         \
    X(NET_HOST_PORT,        "net.host.port")              /* until 1.20 */                         \
    X(NET_PEER_NAME,        "net.peer.name")              /* until 1.20 */                         \
    X(NET_PEER_PORT,        "net.peer.port")              /* until 1.20 */                         \
    X(NET_PEER_IP,          "net.peer.ip")                /* until 1.12 */                         \
    X(SERVER_ADDRESS,       "server.address")             /* from 1.21 */                          \
    X(SERVER_PORT,          "server.port")                /* from 1.21 */                          \
    X(NETWORK_PEER_ADDRESS, "network.peer.address")       /* from 1.22 */                          \
    /* http, read and kept */                                                                      \
    X(MESSAGE_TYPE,         "message.type")               /* until 1.20 */                         \
    X(MESSAGE_PAYLOAD_SIZE, "messaging.message_payload_size_bytes") /* until 1.17 */               \
    X(RESPONSE_BODY_SIZE,   "http.response.body.size")    /* from 1.22 */                          \
    X(RESPONSE_LENGTH,      "http.response_content_length") /* until 1.20 */                       \
    X(RESPONSE_HEADER_LENGTH, "http.response.header.content-length") /* from 1.21 */               \
    X(XRAY_FORWARDED,       "aws.xray.x_forwarded_for")   /* D28 */                                \
    /* cause */                                                                                    \
    X(HTTP_STATUS_TEXT,     "http.status_text")           /* OpenCensus */                         \
    /* names and calls */                                                                          \
    X(RPC_SYSTEM,           "rpc.system")                                                          \
    X(RPC_SERVICE,          "rpc.service")                                                         \
    X(RPC_METHOD,           "rpc.method")                                                          \
    X(PEER_SERVICE,         "peer.service")                                                        \
    X(AWS_SERVICE,          "aws.service")                /* exporter */                           \
    X(AWS_LOCAL_SERVICE,    "aws.local.service")          /* Application Signals */                \
    X(AWS_REMOTE_SERVICE,   "aws.remote.service")         /* Application Signals */                \
    X(AWS_REMOTE_OPERATION, "aws.remote.operation")       /* Application Signals */                \
    X(REMOTE_TARGET,        "remoteTarget")               /* Application Signals */                \
    X(REMOTE_NAMESPACE,     "K8s.RemoteNamespace")        /* Application Signals */                \
    X(AWS_SPAN_KIND,        "aws.span.kind")              /* Application Signals */                \
    X(ENDUSER_ID,           "enduser.id")                                                          \
    X(USER_ID,              "user.id")                    /* D29 */                                \
    /* aws */                                                                                      \
    X(AWS_ACCOUNT_ID,       "aws.account_id")             /* exporter */                           \
    X(AWS_OPERATION,        "aws.operation")              /* exporter */                           \
    X(AWS_REGION,           "aws.region")                 /* exporter */                           \
    X(CLOUD_REGION,         "cloud.region")               /* D31 */                                \
    X(AWS_REQUEST_ID,       "aws.request_id")             /* from 1.21 */                          \
    X(AWS_REQUEST_ID_CAMEL, "aws.requestId")              /* exporter */                           \
    X(AWS_REQUEST_ID_DOT,   "aws.request.id")             /* D31 */                                \
    X(AWS_QUEUE_URL,        "aws.queue_url")              /* exporter */                           \
    X(AWS_QUEUE_URL_DOT,    "aws.queue.url")              /* exporter */                           \
    X(AWS_SQS_QUEUE_URL,    "aws.sqs.queue.url")          /* D31 */                                \
    X(MESSAGING_URL,        "messaging.url")              /* until 1.16 */                         \
    X(AWS_TABLE_NAME,       "aws.table_name")             /* exporter */                           \
    X(AWS_TABLE_NAME_DOT,   "aws.table.name")             /* exporter */                           \
    X(DYNAMODB_TABLE_NAMES, "aws.dynamodb.table_names")   /* from 1.0 */                           \
    X(XRAY_RETRIES,         "aws.xray.retries")           /* D28 */                                \
    /* sql */                                                                                      \
    X(DB_SYSTEM,            "db.system")                  /* until 1.27 */                         \
    X(DB_SYSTEM_NAME,       "db.system.name")             /* from 1.28 */                          \
    X(DB_CONNECTION_STRING, "db.connection_string")       /* until 1.23 */                         \
    X(DB_NAME,              "db.name")                    /* until 1.24 */                         \
    X(DB_NAMESPACE,         "db.namespace")               /* from 1.25 */                          \
    X(DB_STATEMENT,         "db.statement")               /* until 1.24 */                         \
    X(DB_QUERY_TEXT,        "db.query.text")              /* from 1.25 */                          \
    X(DB_USER,              "db.user")                    /* until 1.24 */                         \
    /* what legacy segments carried (D27, D28), and annotations */                                 \
    X(XRAY_IN_PROGRESS,     "aws.xray.inprogress")                                                 \
    X(XRAY_TRACED,          "aws.xray.traced")                                                     \
    X(XRAY_RESOURCE_ARN,    "aws.xray.resource_arn")      /* resource */                           \
    X(XRAY_ANNOTATIONS,     "aws.xray.annotations")       /* exporter */                           \
    /* where a segment differs from what the others say of it (segment_to_span): XRAY_NESTED to          \
     * XRAY_SQL_TYPE mean something only where XRAY_SEGMENT is true */                 \
    X(XRAY_SEGMENT,         "aws.xray.segment")                                                    \
    X(XRAY_NESTED,          "aws.xray.nested")                                                     \
    X(XRAY_NAME,            "aws.xray.name")                                                       \
    X(XRAY_NAMESPACE,       "aws.xray.namespace")                                                  \
    X(XRAY_FAULT,           "aws.xray.fault")                                                      \
    X(XRAY_ERROR,           "aws.xray.error")                                                      \
    X(XRAY_THROTTLE,        "aws.xray.throttle")                                                   \
    X(XRAY_CAUSE,           "aws.xray.cause")                                                      \
    X(XRAY_RESOURCE_NAMES,  "aws.xray.resource_names")                                             \
    X(XRAY_SAMPLING_RULE,   "aws.xray.sampling_rule_name")                                         \
    X(XRAY_SQL_URL,         "aws.xray.sql.url")                                                    \
    X(XRAY_SQL_CONNECTION,  "aws.xray.sql.connection_string")                                      \
    X(XRAY_SQL_TYPE,        "aws.xray.sql.database_type")                                          \
    X(XRAY_ORIGIN,          "aws.xray.origin")            /* resource */                           \
    /* resource */                                                                                 \
    X(SERVICE_NAME,         "service.name")                                                        \
    X(SERVICE_NAMESPACE,    "service.namespace")                                                   \
    X(SERVICE_VERSION,      "service.version")                                                     \
    X(SERVICE_INSTANCE_ID,  "service.instance.id")                                                 \
    X(CLOUD_PROVIDER,       "cloud.provider")                                                      \
    X(CLOUD_PLATFORM,       "cloud.platform")                                                      \
    X(CLOUD_ACCOUNT_ID,     "cloud.account.id")                                                    \
    X(CLOUD_ZONE,           "cloud.availability_zone")                                             \
    X(HOST_ID,              "host.id")                                                             \
    X(HOST_TYPE,            "host.type")                                                           \
    X(HOST_IMAGE_ID,        "host.image.id")                                                       \
    X(CONTAINER_NAME,       "container.name")                                                      \
    X(CONTAINER_ID,         "container.id")                                                        \
    X(CONTAINER_TAG,        "container.image.tag")        /* until 1.21 */                         \
    X(CONTAINER_TAGS,       "container.image.tags")       /* from 1.22, D30 */                     \
    X(ECS_CONTAINER_ARN,    "aws.ecs.container.arn")                                               \
    X(ECS_CLUSTER_ARN,      "aws.ecs.cluster.arn")                                                 \
    X(ECS_TASK_ARN,         "aws.ecs.task.arn")                                                    \
    X(ECS_TASK_FAMILY,      "aws.ecs.task.family")                                                 \
    X(ECS_LAUNCH_TYPE,      "aws.ecs.launchtype")                                                  \
    X(K8S_CLUSTER_NAME,     "k8s.cluster.name")                                                    \
    X(K8S_POD_NAME,         "k8s.pod.name")                                                        \
    X(LOG_GROUP_ARNS,       "aws.log.group.arns")                                                  \
    X(LOG_GROUP_NAMES,      "aws.log.group.names")                                                 \
    X(SDK_NAME,             "telemetry.sdk.name")                                                  \
    X(SDK_LANGUAGE,         "telemetry.sdk.language")                                              \
    X(SDK_VERSION,          "telemetry.sdk.version")                                               \
    X(AUTO_VERSION,         "telemetry.auto.version")     /* until 1.21 */                         \
    X(DISTRO_VERSION,       "telemetry.distro.version")   /* from 1.22 */
/* clang-format on */

enum ray_key {
    RAY_KEY_NONE = 0, /* not in the table */
#define RAY_KEY_NAME(name, text) RAY_KEY_##name,
    RAY_SEMCONV(RAY_KEY_NAME)
#undef RAY_KEY_NAME
        RAY_KEY_COUNT,
    RAY_KEY_HTTP_FIRST = RAY_KEY_HTTP_METHOD,
    RAY_KEY_HTTP_LAST = RAY_KEY_NETWORK_PEER_ADDRESS,
};

/* The name of a key; RAY_KEY_NONE gives the empty view. */
struct ray_str ray_semconv_name(enum ray_key key);

/* How an attribute comes to be an annotation, from weak to strong. */
enum ray_indexing {
    RAY_INDEXED_NOT = 0, /* only by index_all_attributes, if at all */
    RAY_INDEXED_BY_PATTERN,
    RAY_INDEXED_BY_NAME,
};

/* What is known of one name: its place in the table above, and what the configuration says of it
 * in `indexed_attributes`. */
struct ray_name {
    struct ray_str text; /* the NULL view in a free slot */
    enum ray_key key;
    bool indexed;
    struct ray_str renamed; /* key of its annotation; the NULL view: its own */
};

/*
 * The table above and the configured names, hashed together so that an attribute costs one
 * lookup. Built once, then immutable and shared by all threads.
 */
struct ray_names {
    struct ray_name *slots;
    size_t mask; /* slots - 1 */
    uint64_t seed;
    struct ray_str *patterns;
    size_t pattern_count;
};

/* Of two entries for one name the later one counts, a rename before a plain one. Views in `indexed`
 * must outlive it. `seed` should not be guessable from outside: keys come from clients. RAY_NOMEM:
 * nothing to clear. */
RAY_MUST_USE enum ray_status ray_names_init(struct ray_names *names,
                                            const struct ray_index_entry *indexed,
                                            size_t indexed_count, uint64_t seed);
void ray_names_clear(struct ray_names *names);

/* NULL when the name is neither in the table nor configured. `hash` is
 * ray_str_hash(text, names->seed). */
const struct ray_name *ray_names_find(const struct ray_names *names, struct ray_str text,
                                      uint64_t hash);
/* `name` is what was found for `text`, or NULL. */
enum ray_indexing ray_names_indexing(const struct ray_names *names, const struct ray_name *name,
                                     struct ray_str text);

#endif
