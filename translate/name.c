/*
 * name: see name.h.
 *
 * The candidates are a table in order of preference (awsxrayexporter 0.130 behaviour and the rules
 * D01, D04 to D06, D37). Each is cleaned and cut before it is judged (D03): X-Ray refuses a segment
 * whose name holds anything else (X-Ray developer guide, segment documents: name).
 */
#include "translate/name.h"

#include "core/codec.h"
#include "translate/url_host.h"
#include "xray/limits.h"

/* For whom a candidate stands: bits of the shape. */
enum who {
    ANY = 1u << 0,
    SERVER = 1u << 1,     /* kind SERVER */
    HANDLES = 1u << 2,    /* SERVER, a LOCAL_ROOT INTERNAL, a consumer that serves */
    SERVES = 1u << 3,     /* a consumer that serves */
    CALLS = 1u << 4,      /* CLIENT, PRODUCER, CONSUMER, unless it serves */
    CALL_KIND = 1u << 5,  /* CLIENT, PRODUCER, CONSUMER */
    AWS_SDK = 1u << 6,    /* an AWS SDK span */
    DEPENDENCY = 1u << 7, /* the first document of a local root's pair */
    SERVICE = 1u << 8,    /* the second one */
};

enum how {
    TEXT,         /* the attribute's string */
    REMOTE,       /* the same without the SDK's prefix on AWS SDK spans */
    RESOURCE,     /* the resource attribute's string */
    OLD_DATABASE, /* with @host of db.connection_string */
    NEW_DATABASE, /* with @server.address, when there is no db.name */
    SPAN_NAME,
};

struct candidate {
    enum how how;
    enum ray_key key;
    unsigned who;
    bool names_other_side; /* stands before aws.service, which otherwise brings namespace aws */
};

/* clang-format off */
static const struct candidate candidates[] = {
    {TEXT,         RAY_KEY_XRAY_NAME,          ANY,         true},
    {REMOTE,       RAY_KEY_AWS_REMOTE_SERVICE, DEPENDENCY,  true},
    {TEXT,         RAY_KEY_AWS_LOCAL_SERVICE,  SERVICE,     true},
    {RESOURCE,     RAY_KEY_SERVICE_NAME,       SERVICE,     true},  /* D37 */
    {TEXT,         RAY_KEY_AWS_LOCAL_SERVICE,  HANDLES,     true},
    {RESOURCE,     RAY_KEY_SERVICE_NAME,       SERVES,      true},  /* D01 */
    {REMOTE,       RAY_KEY_AWS_REMOTE_SERVICE, CALLS,       true},
    {TEXT,         RAY_KEY_PEER_SERVICE,       ANY,         true},
    {TEXT,         RAY_KEY_AWS_SERVICE,        ANY,         false},
    {TEXT,         RAY_KEY_RPC_SERVICE,        AWS_SDK,     false}, /* D04 */
    {OLD_DATABASE, RAY_KEY_DB_NAME,            ANY,         false},
    {NEW_DATABASE, RAY_KEY_DB_NAMESPACE,       ANY,         false}, /* D06 */
    {RESOURCE,     RAY_KEY_SERVICE_NAME,       SERVER,      false},
    {TEXT,         RAY_KEY_RPC_SERVICE,        ANY,         false},
    {TEXT,         RAY_KEY_HTTP_HOST,          ANY,         false},
    {TEXT,         RAY_KEY_NET_PEER_NAME,      ANY,         false},
    {TEXT,         RAY_KEY_SERVER_ADDRESS,     CALL_KIND,   false}, /* D05 */
    {SPAN_NAME,    RAY_KEY_NONE,               ANY,         false},
};
/* clang-format on */

static bool is_call_kind(enum ray_span_kind kind)
{
    return kind == RAY_SPAN_CLIENT || kind == RAY_SPAN_PRODUCER || kind == RAY_SPAN_CONSUMER;
}

static unsigned who_is(const struct ray_shape *shape)
{
    bool server = shape->kind == RAY_SPAN_SERVER;
    bool local_root = shape->role == RAY_ROLE_LOCAL_ROOT;
    bool service = shape->role == RAY_ROLE_SERVICE;
    bool call = is_call_kind(shape->kind);
    return ANY | (server ? SERVER : 0) | (shape->serves ? SERVES : 0) |
           (server || local_root || shape->serves ? HANDLES : 0) |
           /* the service segment has lost its aws.remote.service (section "LOCAL_ROOT") */
           (call && !shape->serves && !service ? CALLS : 0) | (call ? CALL_KIND : 0) |
           (shape->aws_sdk ? AWS_SDK : 0) | (service ? SERVICE : 0) |
           (shape->role == RAY_ROLE_DEPENDENCY ? DEPENDENCY : 0);
}

/* awsxrayexporter: "AWS.SDK.DynamoDB" and "AWS::DynamoDB" are both the service DynamoDB. */
static struct ray_str without_sdk_prefix(struct ray_str name, const struct ray_shape *shape)
{
    static const struct ray_str prefixes[] = {RAY_STR_INIT("AWS.SDK."), RAY_STR_INIT("AWS::")};
    for (size_t i = 0; shape->aws_sdk && i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (ray_str_starts_with(name, prefixes[i])) {
            return ray_str_from_pos(name, prefixes[i].len);
        }
    }
    return name;
}

/* "jdbc:mysql://db.example/shop" is the URL behind its first colon. */
static struct ray_str connection_host(struct ray_str connection, struct ray_arena *arena)
{
    struct ray_str prefix = RAY_STR("jdbc:");
    bool jdbc = ray_str_starts_with(connection, prefix);
    return ray_url_host(jdbc ? ray_str_from_pos(connection, prefix.len) : connection, arena);
}

static struct ray_str at_host(struct ray_str name, struct ray_str host, struct ray_arena *arena)
{
    if (name.len == 0 || host.len == 0) {
        return name;
    }
    return ray_arena_printf(arena, "%.*s@%.*s", RAY_STR_ARG(name), RAY_STR_ARG(host));
}

/* Bits of the ASCII characters that names may have. */
static const uint64_t allowed_ascii[2] = {
    /* blank # % & + - . / 0-9 : =  */ UINT64_C(0x27ffe86900000000),
    /* @ A-Z _ a-z */ UINT64_C(0x07fffffe87ffffff),
};

static bool is_allowed(uint32_t c)
{
    return c < 0x80 ? (allowed_ascii[c / 64] >> c % 64 & 1) != 0 : ray_unicode_is_letter(c);
}

/* True when nothing has to be done: the common case, decided without copying. */
static bool is_clean_ascii(struct ray_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.ptr[i] >= 0x80 || !is_allowed((unsigned char)name.ptr[i])) {
            return false;
        }
    }
    return name.len <= RAY_NAME_MAX_CHARS;
}

/* Deletes what X-Ray does not take in names, cuts after the last allowed character. */
static struct ray_str cleaned(struct ray_str name, struct ray_arena *arena)
{
    if (is_clean_ascii(name)) {
        return name;
    }
    char *out = ray_arena_alloc_text(arena, (size_t)RAY_NAME_MAX_CHARS * 4);
    if (out == NULL) {
        return RAY_STR("");
    }
    size_t len = 0;
    for (unsigned chars = 0; name.len > 0 && chars < RAY_NAME_MAX_CHARS;) {
        bool valid;
        uint32_t c = ray_utf8_next(&name, &valid);
        if (valid && is_allowed(c)) {
            len += ray_utf8_encode(c, out + len);
            chars++;
        }
    }
    return (struct ray_str){out, len};
}

static struct ray_str candidate_text(const struct candidate *candidate,
                                     const struct ray_shape *shape, const struct ray_facts *facts,
                                     const struct ray_facts *resource, struct ray_str span_name,
                                     struct ray_arena *arena)
{
    struct ray_str text = ray_facts_string(facts, candidate->key);
    switch (candidate->how) {
    case TEXT:
        return text;
    case REMOTE:
        return without_sdk_prefix(text, shape);
    case RESOURCE:
        return ray_facts_string(resource, candidate->key);
    case OLD_DATABASE:
        return at_host(
            text, connection_host(ray_facts_string(facts, RAY_KEY_DB_CONNECTION_STRING), arena),
            arena);
    case NEW_DATABASE:
        return at_host(text, ray_facts_string(facts, RAY_KEY_SERVER_ADDRESS), arena);
    case SPAN_NAME:
        break;
    }
    return span_name;
}

/* awsxrayexporter 0.130 behaviour, with D02 (producers are calls, too) and D38. */
static struct ray_str choose_namespace(const struct ray_shape *shape, const struct ray_facts *facts,
                                       bool names_other_side)
{
    if (shape->serves || shape->role == RAY_ROLE_SERVICE || shape->role == RAY_ROLE_LOCAL_ROOT) {
        return RAY_STR("");
    }
    struct ray_str said = ray_facts_string(facts, RAY_KEY_XRAY_NAMESPACE);
    if (said.len > 0) {
        return said;
    }
    if (shape->aws_sdk || (ray_facts_has(facts, RAY_KEY_AWS_SERVICE) && !names_other_side)) {
        return RAY_STR("aws");
    }
    if (shape->kind == RAY_SPAN_CLIENT || shape->kind == RAY_SPAN_PRODUCER ||
        shape->role == RAY_ROLE_DEPENDENCY ||
        (shape->subsegment && shape->kind == RAY_SPAN_CONSUMER &&
         ray_facts_has(facts, RAY_KEY_AWS_REMOTE_SERVICE))) {
        return RAY_STR("remote");
    }
    return RAY_STR("");
}

struct ray_name_choice ray_name_choose(const struct ray_shape *shape, const struct ray_facts *facts,
                                       const struct ray_facts *resource, struct ray_str span_name,
                                       struct ray_arena *arena)
{
    unsigned who = who_is(shape);
    struct ray_name_choice choice = {RAY_STR("span"), RAY_STR("")};
    bool names_other_side = false;
    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        if ((candidates[i].who & who) == 0) {
            continue;
        }
        struct ray_str text = cleaned(
            candidate_text(&candidates[i], shape, facts, resource, span_name, arena), arena);
        if (text.len > 0) {
            choice.text = text;
            names_other_side = candidates[i].names_other_side;
            break;
        }
    }
    if (shape->role == RAY_ROLE_DEPENDENCY && !is_call_kind(shape->kind)) {
        /* aws.remote.service named it, but as a candidate it is only for calls */
        names_other_side = cleaned(ray_facts_string(facts, RAY_KEY_PEER_SERVICE), arena).len > 0;
    }
    choice.namespace = choose_namespace(shape, facts, names_other_side);
    return choice;
}
