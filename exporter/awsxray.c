/*
 * awsxray: see the header. What the sender's protocol means for X-Ray: who signs, where to, and
 * what the answers say.
 */
#include "exporter/awsxray.h"

#include "aws/answer.h"
#include "aws/call.h"
#include "aws/proxy.h"
#include "core/codec.h"
#include "exporter/put.h"
#include "exporter/quota.h"
#include "exporter/sender.h"
#include "xray/limits.h"

#include <stdio.h>
#include <stdlib.h>

/* The SDKs take a difference of more than four minutes for a wrong clock; X-Ray itself refuses
 * from five on. */
#define SKEW_MIN_S 240u
/* How often an error of the keys may send us to the files again. */
#define REFRESH_MIN_NS (30 * RAY_NS_PER_S)

/* Everything a signature needs; found together or not at all. */
struct identity {
    bool found;
    struct ray_region region;
    char endpoint_text[RAY_ENDPOINT_BYTES];
    struct ray_endpoint endpoint; /* views into endpoint_text */
    struct ray_credentials *credentials;
};

struct ray_awsxray {
    const struct ray_awsxray_options *options;
    struct ray_exporter_environment environment;
    struct ray_transport *transport;
    bool owns_transport;
    struct ray_sender *sender;
    /* from here on: the sender's thread, once it runs */
    struct identity identity;
    struct ray_sigv4_key key;
    int64_t clock_offset_s; /* the endpoint's clock less ours */
    uint64_t refreshed_ns;
    char last_problem[sizeof(((struct ray_aws_error *)NULL)->text)]; /* logged already */
    struct ray_quota *quota;
    struct ray_metric *large_traces; /* NULL: no memory for the cell */
    struct ray_log_limiter garbage_limiter, unnamed_limiter, quota_limiter;
};

static const struct ray_metric_family large_traces_family = {
    "spanbridge_exporter_large_traces", RAY_COUNTER,
    "traces that came near the size that X-Ray stores"};

/* -- options -- */

#define RAY_OPT_STRUCT struct ray_awsxray_retry_options
static const struct ray_option retry_table[] = {
    RAY_OPT_BOOL("enabled", enabled, "true", "false: a call that fails drops its documents"),
    RAY_OPT_DURATION("initial_interval", initial_interval_ms, "200ms", "1ms", "1h",
                     "upper end of the first wait"),
    RAY_OPT_DURATION("max_interval", max_interval_ms, "5s", "1ms", "1h",
                     "upper end of every wait; 2s at most after throttling"),
    RAY_OPT_DURATION("max_elapsed_time", max_elapsed_ms, "0s", "0s", "720h",
                     "drop a document when it could not be delivered for so long; 0: never"),
    RAY_OPT_DOUBLE("multiplier", multiplier, "2", "1", "100", "growth of the wait per failure"),
    RAY_OPT_DOUBLE("randomization_factor", randomization_factor, "1", "0", "1",
                   "share of the wait that is random; 1: all of it"),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

/* Sections without effect here: the collector's keys (exporterhelper's and awsxrayexporter's
 * README, 0.130 and 0.156). */
#define NO_EFFECT ""
static const struct ray_option telemetry_table[] = {
    RAY_OPT_IGNORED("enabled", NO_EFFECT),
    RAY_OPT_IGNORED("include_metadata", NO_EFFECT),
    RAY_OPT_IGNORED("contributors", NO_EFFECT),
    RAY_OPT_IGNORED("hostname", NO_EFFECT),
    RAY_OPT_IGNORED("instance_id", NO_EFFECT),
    RAY_OPT_IGNORED("resource_arn", NO_EFFECT),
    RAY_OPT_END,
};
#undef NO_EFFECT

#define RAY_OPT_STRUCT struct ray_awsxray_options
const struct ray_option ray_awsxray_option_table[] = {
    RAY_OPT_STR("region", region, "",
                "AWS region; empty: AWS_REGION, AWS_DEFAULT_REGION, the profile's"),
    RAY_OPT_STR("endpoint", endpoint, "",
                "URL of X-Ray; empty: AWS_ENDPOINT_URL_XRAY, AWS_ENDPOINT_URL, the profile's, the "
                "region's own"),
    RAY_OPT_STR("profile", profile, "",
                "profile of the shared AWS files; empty: the environment's keys, AWS_PROFILE, "
                "default"),
    RAY_OPT_STR("proxy_address", proxy_address, "",
                "URL of an HTTP proxy; empty: HTTPS_PROXY or HTTP_PROXY, and NO_PROXY"),
    RAY_OPT_INT("num_workers", num_workers, "32", "1", "256", "most calls in flight"),
    RAY_OPT_INT("request_timeout_seconds", request_timeout_seconds, "30", "1", "300",
                "of one call"),
    RAY_OPT_DURATION("timeout", timeout_ms, "0s", "0s", "5m",
                     "of one call; 0: request_timeout_seconds"),
    RAY_OPT_BOOL("no_verify_ssl", no_verify_ssl, "false", "do not check the server's certificate"),
    RAY_OPT_DOCUMENTS(documents, "none"),
    RAY_OPT_SECTION("retry_on_failure", retry, retry_table, "waits between attempts"),
    RAY_OPT_SECTION("sending_queue", queue, ray_queue_key_table,
                    "documents that wait for delivery"),
    RAY_OPT_IGNORED("max_retries", "documents are kept until they are delivered; "
                                   "retry_on_failure.max_elapsed_time bounds that"),
    RAY_OPT_IGNORED("resource_arn", "it appears in telemetry records only, and none are sent"),
    RAY_OPT_IGNORED("local_mode", "this version asks no instance metadata in either case"),
    RAY_OPT_IGNORED_SECTION("telemetry", telemetry_table,
                            "this version sends no telemetry records"),
    RAY_OPT_IGNORED("imds_retries", "this version asks no instance metadata"),
    RAY_OPT_REFUSED("role_arn",
                    "this version assumes no roles: give it keys of the role's account"),
    RAY_OPT_REFUSED("external_id", "this version assumes no roles"),
    RAY_OPT_REFUSED("shared_credentials_file", "set AWS_SHARED_CREDENTIALS_FILE instead"),
    RAY_OPT_REFUSED("certificate_file_path", "set AWS_CA_BUNDLE instead"),
    RAY_OPT_REFUSED("transit_spans_in_otlp_format", "spans are sent as X-Ray segments"),
    RAY_OPT_REFUSED("middleware", "there is none to name"),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

static bool is_proxy_url(struct ray_str url)
{
    struct ray_str host = ray_str_from_pos(url, ray_str_find(url, RAY_STR("://")));
    return host.len > 3 && (ray_str_starts_with(url, RAY_STR("http://")) ||
                            ray_str_starts_with(url, RAY_STR("https://")));
}

enum ray_status ray_awsxray_check(const struct ray_awsxray_options *options,
                                  const struct ray_yaml *node, const char *path,
                                  struct ray_problems *problems)
{
    uint32_t before = problems->count;
    struct ray_aws_error error;
    struct ray_endpoint endpoint;
    if (options->region.len > 0 && !ray_region_is_valid(options->region)) {
        ray_problem(problems, ray_key_place(node, "region"),
                    "%s.region: no AWS region: 1 to 63 of a-z, 0-9 and '-', as us-east-1", path);
    }
    if (options->endpoint.len > 0 &&
        ray_endpoint_split(options->endpoint, &endpoint, &error) != RAY_OK) {
        ray_problem(problems, ray_key_place(node, "endpoint"), "%s.endpoint: %s", path, error.text);
    }
    if (options->proxy_address.len > 0 && !is_proxy_url(options->proxy_address)) {
        ray_problem(problems, ray_key_place(node, "proxy_address"),
                    "%s.proxy_address: it must start with http:// or https://", path);
    }
    ray_document_keys_check(node, path, problems);
    ray_queue_keys_check(&options->queue, node, path, problems);
    return problems->count > before ? RAY_INVALID : RAY_OK;
}

/* -- identity -- */

static enum ray_status find_place(struct ray_awsxray *exporter, struct identity *out,
                                  struct ray_aws_error *error)
{
    const struct ray_awsxray_options *options = exporter->options;
    const struct ray_aws_environment *environment = &ray_aws_process_environment;
    enum ray_status status =
        ray_region_find(environment, options->region, options->profile, &out->region, error);
    if (status == RAY_OK) {
        status = ray_endpoint_find(environment, options->endpoint, options->profile, &out->region,
                                   out->endpoint_text, error);
    }
    if (status == RAY_OK) {
        status = ray_endpoint_split(ray_str_from(out->endpoint_text), &out->endpoint, error);
    }
    return status;
}

static void log_identity(const struct ray_awsxray *exporter)
{
    const struct identity *identity = &exporter->identity;
    char key_id[16];
    ray_credentials_show_id(identity->credentials->access_key_id, key_id);
    ray_log_info(exporter->environment.log, "uploads go to X-Ray",
                 "exporter=%s region=%s region_source=%s endpoint=%s credentials=%s key_id=%s",
                 RAY_LOG_STR(ray_str_from(exporter->environment.id)), identity->region.name,
                 RAY_LOG_STR(ray_str_from(identity->region.source)),
                 RAY_LOG_STR(ray_str_from(identity->endpoint_text)),
                 RAY_LOG_STR(ray_str_from(identity->credentials->source)), key_id);
}

/* Once per problem: it is looked for every few seconds. */
static void log_problem(struct ray_awsxray *exporter, const struct ray_aws_error *error)
{
    if (strcmp(exporter->last_problem, error->text) != 0) {
        memcpy(exporter->last_problem, error->text, sizeof(error->text));
        ray_log_error(exporter->environment.log,
                      "cannot upload yet: data is accepted and kept, tried again every few seconds",
                      "exporter=%s problem=%s", RAY_LOG_STR(ray_str_from(exporter->environment.id)),
                      RAY_LOG_STR(ray_str_from(error->text)));
    }
}

static bool find_identity(struct ray_awsxray *exporter, struct ray_aws_error *error)
{
    struct identity *identity = &exporter->identity;
    if (find_place(exporter, identity, error) != RAY_OK ||
        ray_credentials_find(&ray_aws_process_environment, exporter->options->profile,
                             &identity->credentials, error) != RAY_OK) {
        log_problem(exporter, error);
        return false;
    }
    identity->found = true;
    exporter->last_problem[0] = '\0';
    log_identity(exporter);
    return true;
}

static bool ready(void *context, char why[200])
{
    struct ray_awsxray *exporter = context;
    struct ray_aws_error error;
    if (exporter->identity.found || find_identity(exporter, &error)) {
        return true;
    }
    snprintf(why, 200, "%.199s", error.text);
    return false;
}

/* -- calls -- */

static void write_text(struct ray_buf *body, const struct ray_document *document)
{
    ray_put_write(body, document->text);
}

static void warn_of_large_trace(struct ray_awsxray *exporter, const struct ray_trace_id *id,
                                const struct ray_quota_warning *warning)
{
    uint64_t repeated = 0;
    char trace_id[RAY_XRAY_TRACE_ID_CHARS];
    if (exporter->large_traces != NULL) {
        ray_metric_add(exporter->large_traces, 1);
    }
    if (ray_log_allow(&exporter->quota_limiter, exporter->environment.clock, &repeated)) {
        ray_trace_id_write(id, trace_id);
        ray_log_warn(exporter->environment.log,
                     "a trace comes near the size that X-Ray stores, and will be refused beyond it",
                     "exporter=%s trace_id=%.*s bytes=%llu limit_bytes=%llu repeated=%llu",
                     RAY_LOG_STR(ray_str_from(exporter->environment.id)), (int)sizeof(trace_id),
                     trace_id, (unsigned long long)warning->bytes,
                     (unsigned long long)warning->limit_bytes, (unsigned long long)repeated);
    }
}

/* Documents of a trace stand together: one look-up each. */
static void count_bytes(void *context, const struct ray_sender_item *items, size_t count)
{
    struct ray_awsxray *exporter = context;
    uint64_t now = ray_clock_monotonic_ns(exporter->environment.clock);
    struct ray_quota_warning warning;
    for (size_t i = 0; i < count;) {
        const struct ray_trace_id *id = &items[i].trace_id;
        size_t bytes = 0;
        for (; i < count && memcmp(items[i].trace_id.bytes, id->bytes, sizeof(id->bytes)) == 0;
             i++) {
            bytes += items[i].text_bytes;
        }
        if (ray_quota_add(exporter->quota, id, bytes, now, &warning)) {
            warn_of_large_trace(exporter, id, &warning);
        }
    }
}

static int64_t own_unix_s(const struct ray_awsxray *exporter)
{
    return (int64_t)(ray_clock_unix_ns(exporter->environment.clock) / RAY_NS_PER_S);
}

static enum ray_status address(void *context, struct ray_str body, struct ray_buf *lines)
{
    struct ray_awsxray *exporter = context;
    const struct identity *identity = &exporter->identity;
    int64_t now = own_unix_s(exporter) + exporter->clock_offset_s;
    struct ray_aws_call call = {
        .endpoint = &identity->endpoint,
        .path = RAY_STR("/TraceSegments"),
        .service = RAY_STR("xray"),
        .region = ray_str_from(identity->region.name),
        .content_type = RAY_STR("application/json"),
        .body = body,
        .time_unix_s = now > 0 ? (uint64_t)now : 0,
    };
    return ray_aws_call_sign(&call, identity->credentials, &exporter->key, lines);
}

static struct ray_str sent_header(const struct ray_http_call *call, struct ray_str name)
{
    for (size_t i = 0; call->headers[i] != NULL; i++) {
        struct ray_str line = ray_str_from(call->headers[i]);
        if (ray_str_starts_with(line, name)) {
            return ray_str_from_pos(line, name.len);
        }
    }
    return (struct ray_str){NULL, 0};
}

/*
 * A refused signature: if the far end's clock is far from the time that *this call* was signed
 * with, learns the difference. True when a repeat may help. Calls that were in flight when the
 * difference was learned come here too, and are repeated for the same reason.
 */
static bool learn_clock(struct ray_awsxray *exporter, const struct ray_http_call *call)
{
    uint64_t theirs = 0;
    char signed_at[RAY_SIGV4_DATE_BYTES], nearest[RAY_SIGV4_DATE_BYTES];
    if (ray_answer_date(call->date, &theirs) != RAY_OK) {
        return false;
    }
    struct ray_str sent = sent_header(call, RAY_STR("X-Amz-Date: "));
    snprintf(signed_at, sizeof(signed_at), "%.*s", RAY_STR_ARG(sent));
    ray_sigv4_date(theirs > SKEW_MIN_S ? theirs - SKEW_MIN_S : 0, nearest);
    bool behind = strcmp(signed_at, nearest) < 0; /* the format sorts by time */
    ray_sigv4_date(theirs + SKEW_MIN_S, nearest);
    if (!behind && strcmp(signed_at, nearest) <= 0) {
        return false;
    }
    int64_t offset = (int64_t)theirs - own_unix_s(exporter);
    if (offset != exporter->clock_offset_s) {
        exporter->clock_offset_s = offset;
        ray_log_warn(exporter->environment.log,
                     "the endpoint's clock differs from ours: signing with its time, but a wrong "
                     "clock also makes wrong trace ids: correct it",
                     "exporter=%s offset_s=%lld",
                     RAY_LOG_STR(ray_str_from(exporter->environment.id)), (long long)offset);
    }
    return true;
}

static bool was_signed_with(const struct ray_http_call *call,
                            const struct ray_credentials *credentials)
{
    struct ray_str authorization = sent_header(call, RAY_STR("Authorization: "));
    struct ray_str token = sent_header(call, RAY_STR("X-Amz-Security-Token: "));
    struct ray_str id = ray_str_from_pos(authorization, sizeof("AWS4-HMAC-SHA256 Credential=") - 1);
    return ray_str_eq(ray_str_until(id, ray_str_find_byte(id, '/')),
                      ray_str_from(credentials->access_key_id)) &&
           ray_str_eq(token, ray_str_from(credentials->session_token));
}

/* Refused keys: the files may hold others by now. True when a repeat may help. */
static bool find_other_keys(struct ray_awsxray *exporter, const struct ray_http_call *call)
{
    struct identity *identity = &exporter->identity;
    struct ray_credentials *found = NULL;
    struct ray_aws_error error;
    uint64_t now = ray_clock_monotonic_ns(exporter->environment.clock);
    if (!was_signed_with(call, identity->credentials)) {
        return true; /* they were changed while it flew */
    }
    if (exporter->refreshed_ns != 0 && now - exporter->refreshed_ns < REFRESH_MIN_NS) {
        return false;
    }
    exporter->refreshed_ns = now;
    if (ray_credentials_find(&ray_aws_process_environment, exporter->options->profile, &found,
                             &error) != RAY_OK) {
        return false; /* the old ones stay: they may be wrong for a while only */
    }
    if (ray_credentials_equal(found, identity->credentials)) {
        ray_credentials_unref(found);
        return false;
    }
    ray_credentials_unref(identity->credentials);
    identity->credentials = found;
    log_identity(exporter);
    return true;
}

/* -- answers -- */

struct unprocessed {
    struct ray_awsxray *exporter;
    struct ray_sender_item *items;
    size_t count;
    struct ray_judgement *out;
    bool retry_all; /* a document that was not named may be mended by a repeat */
    char retry_code[RAY_SENDER_CODE_BYTES];
};

static struct ray_sender_item *find_item(struct unprocessed *answer, struct ray_str id)
{
    uint8_t span_id[8];
    if (ray_hex_decode(id, span_id, sizeof(span_id)) != RAY_OK) {
        return NULL;
    }
    for (size_t i = 0; i < answer->count; i++) {
        struct ray_sender_item *item = &answer->items[i];
        if (memcmp(item->span_id, span_id, sizeof(span_id)) == 0 &&
            item->code[0] == '\0') { /* one entry per document, also when ids repeat */
            return item;
        }
    }
    return NULL;
}

static void note_unnamed(struct unprocessed *answer, const char *code, enum ray_put_code meaning)
{
    struct ray_awsxray *exporter = answer->exporter;
    uint64_t repeated = 0;
    if (meaning == RAY_PUT_CODE_FINAL) {
        answer->out->lost++;
        snprintf(answer->out->reason, sizeof(answer->out->reason), "%s", code);
    } else {
        answer->retry_all = true;
        snprintf(answer->retry_code, sizeof(answer->retry_code), "%s", code);
    }
    if (ray_log_allow(&exporter->unnamed_limiter, exporter->environment.clock, &repeated)) {
        ray_log_warn(exporter->environment.log, "X-Ray refused a document without saying which",
                     "exporter=%s code=%s repeated=%llu",
                     RAY_LOG_STR(ray_str_from(exporter->environment.id)),
                     RAY_LOG_STR(ray_str_from(code)), (unsigned long long)repeated);
    }
}

static void on_unprocessed(void *context, const struct ray_put_unprocessed *entry)
{
    static const enum ray_fate fates[] = {
        [RAY_PUT_CODE_FINAL] = RAY_FATE_DROP,
        [RAY_PUT_CODE_THROTTLE] = RAY_FATE_RETRY,
        [RAY_PUT_CODE_RETRY] = RAY_FATE_RETRY,
        [RAY_PUT_CODE_UNKNOWN] = RAY_FATE_RETRY_FEW,
    };
    struct unprocessed *answer = context;
    enum ray_put_code meaning = ray_put_classify(entry->code);
    struct ray_sender_item *item = find_item(answer, entry->id);
    char code[RAY_SENDER_CODE_BYTES];
    struct ray_str name = entry->code.len > 0 ? entry->code : RAY_STR("no_code");
    snprintf(code, sizeof(code), "%.*s", RAY_STR_ARG(name));
    answer->out->throttled += meaning == RAY_PUT_CODE_THROTTLE ? 1 : 0;
    if (item == NULL) {
        note_unnamed(answer, code, meaning);
        return;
    }
    item->fate = fates[meaning];
    memcpy(item->code, code, sizeof(code));
    snprintf(answer->out->reason, sizeof(answer->out->reason), "%s", code);
}

/* Delivery is at least once: when X-Ray does not say which one it could not take for a while, all
 * that it did not name go again, a few times. */
static void retry_unnamed(struct unprocessed *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        struct ray_sender_item *item = &answer->items[i];
        if (item->fate == RAY_FATE_DELIVERED) {
            item->fate = RAY_FATE_RETRY_FEW;
            memcpy(item->code, answer->retry_code, sizeof(item->code));
        }
    }
}

static void judge_good(struct ray_awsxray *exporter, const struct ray_http_call *call,
                       struct ray_sender_item *items, size_t count, struct ray_judgement *out)
{
    struct unprocessed answer = {.exporter = exporter, .items = items, .count = count, .out = out};
    uint64_t repeated = 0;
    out->verdict = RAY_VERDICT_DONE;
    if (ray_put_read_answer(ray_buf_str(&call->answer), on_unprocessed, &answer) != RAY_OK &&
        ray_log_allow(&exporter->garbage_limiter, exporter->environment.clock, &repeated)) {
        /* Status and length were right: most likely something in between answered. Sending it all
         * again for ever would help nobody. */
        ray_log_warn(exporter->environment.log,
                     "the answer to an upload is not X-Ray's: taken for a success by its status",
                     "exporter=%s status=%u repeated=%llu",
                     RAY_LOG_STR(ray_str_from(exporter->environment.id)), call->status,
                     (unsigned long long)repeated);
    }
    if (answer.retry_all) {
        retry_unnamed(&answer);
        snprintf(out->reason, sizeof(out->reason), "%s", answer.retry_code);
        out->lost = 0; /* all that was not named is still owed */
    }
}

static enum ray_verdict mended(bool something)
{
    return something ? RAY_VERDICT_AGAIN : RAY_VERDICT_BLOCKED;
}

/* For who reads the log of a refusal; never more of a key than its ends. */
static void advise(const struct ray_awsxray *exporter, enum ray_answer answer,
                   struct ray_judgement *out)
{
    const struct identity *identity = &exporter->identity;
    char key_id[16];
    ray_credentials_show_id(identity->credentials->access_key_id, key_id);
    if (ray_str_starts_with(ray_str_from(out->reason), RAY_STR("AccessDenied"))) {
        snprintf(out->advice, sizeof(out->advice), "allow xray:PutTraceSegments to key %s", key_id);
    } else if (answer == RAY_ANSWER_SIGNATURE) {
        snprintf(out->advice, sizeof(out->advice),
                 "the secret of key %s is wrong, or a proxy changes signed headers", key_id);
    } else if (answer == RAY_ANSWER_IDENTITY) {
        snprintf(out->advice, sizeof(out->advice), "key %s is expired or unknown: give a new one",
                 key_id);
    } else {
        snprintf(out->advice, sizeof(out->advice), "is %.100s the right endpoint?",
                 identity->endpoint_text);
    }
}

static void judge(void *context, const struct ray_http_call *call, struct ray_sender_item *items,
                  size_t count, struct ray_judgement *out)
{
    struct ray_awsxray *exporter = context;
    if (call->status >= 200 && call->status < 300) {
        judge_good(exporter, call, items, count, out);
        return;
    }
    ray_answer_code(call->error_type, ray_buf_str(&call->answer), out->reason);
    out->retry_after_ms =
        ray_answer_retry_after_ms(call->retry_after, (uint64_t)own_unix_s(exporter));
    enum ray_answer answer = ray_answer_classify(call->status, ray_str_from(out->reason));
    if (out->reason[0] == '\0') {
        snprintf(out->reason, sizeof(out->reason), "http_%u", call->status);
    }
    advise(exporter, answer, out);
    switch (answer) {
    case RAY_ANSWER_THROTTLED:
        out->verdict = RAY_VERDICT_THROTTLED;
        break;
    case RAY_ANSWER_TRANSIENT:
        out->verdict = RAY_VERDICT_TRANSIENT;
        break;
    case RAY_ANSWER_CONTENT:
        out->verdict = RAY_VERDICT_CONTENT;
        break;
    case RAY_ANSWER_SIGNATURE:
        out->verdict = mended(learn_clock(exporter, call) || find_other_keys(exporter, call));
        break;
    case RAY_ANSWER_IDENTITY:
        out->verdict = mended(find_other_keys(exporter, call));
        break;
    case RAY_ANSWER_GOOD: /* not here any more */
    case RAY_ANSWER_MISCONFIGURED:
        out->verdict = RAY_VERDICT_BLOCKED;
        break;
    }
}

static const struct ray_sender_protocol put_trace_segments = {
    .ready = ready,
    .head = &ray_put_head,
    .separator = &ray_put_separator,
    .tail = &ray_put_tail,
    .growth_max = RAY_PUT_ESCAPE_FACTOR,
    .write = write_text,
    .packed = count_bytes,
    .address = address,
    .judge = judge,
};

/* -- life -- */

static struct ray_transport *new_transport(const struct ray_awsxray *exporter)
{
    const struct ray_awsxray_options *options = exporter->options;
    const struct ray_aws_environment *environment = &ray_aws_process_environment;
    struct ray_endpoint endpoint = exporter->identity.endpoint;
    struct ray_aws_error error;
    char proxy[RAY_PROXY_BYTES];
    const char *ca_file = ray_aws_variable(environment, "AWS_CA_BUNDLE");
    if (!exporter->identity.found &&
        ray_endpoint_split(options->endpoint, &endpoint, &error) != RAY_OK) {
        /* The region is not known yet; its host will be one of these. */
        (void)!ray_endpoint_split(RAY_STR("https://xray.amazonaws.com"), &endpoint, &error);
    }
    ray_proxy_find(environment, options->proxy_address, &endpoint, proxy);
    struct ray_http_client_options client = {
        .max_connections = (uint32_t)options->num_workers,
        .proxy = proxy,
        .ca_file = ca_file[0] != '\0' ? ca_file : NULL,
        .user_agent = "spanbridge/" SPANBRIDGE_VERSION,
        .no_verify_ssl = options->no_verify_ssl,
    };
    return ray_http_client_new(&client);
}

static struct ray_metric *large_traces_cell(const struct ray_awsxray *exporter)
{
    struct ray_buf labels;
    ray_buf_init(&labels, 1024);
    ray_metric_label(&labels, "exporter", ray_str_from(exporter->environment.id));
    ray_buf_append_byte(&labels, '\0');
    struct ray_metric *cell = labels.failed ? NULL
                                            : ray_metrics_cell(exporter->environment.metrics,
                                                               &large_traces_family, labels.data);
    ray_buf_clear(&labels);
    return cell;
}

static struct ray_sender *new_sender(struct ray_awsxray *exporter)
{
    const struct ray_awsxray_options *options = exporter->options;
    const struct ray_awsxray_retry_options *retry = &options->retry;
    struct ray_sender_options sender = {
        .window = (uint32_t)options->num_workers,
        .documents_max = RAY_PUT_DOCUMENTS_MAX,
        .body_max_bytes = (size_t)RAY_PUT_BODY_MAX_BYTES,
        .call_timeout_ms = options->timeout_ms > 0
                               ? options->timeout_ms
                               : (uint32_t)options->request_timeout_seconds * 1000,
        .linger_ms = ray_queue_linger_ms(exporter->environment.queue),
        .max_age_ms = exporter->environment.max_age_ms,
        .retry = retry->enabled,
        .initial_interval_ms = retry->initial_interval_ms,
        .max_interval_ms = retry->max_interval_ms,
        .max_elapsed_ms = retry->max_elapsed_ms,
        .multiplier = retry->multiplier,
        .randomization_factor = retry->randomization_factor,
        .seed = ray_clock_unix_ns(exporter->environment.clock),
    };
    exporter->large_traces = large_traces_cell(exporter);
    return ray_sender_new(&sender, &put_trace_segments, exporter, &exporter->environment,
                          exporter->transport);
}

struct ray_awsxray *ray_awsxray_new(const struct ray_awsxray_options *options,
                                    const struct ray_exporter_environment *environment,
                                    struct ray_transport *transport)
{
    struct ray_awsxray *exporter = calloc(1, sizeof(*exporter));
    struct ray_quota *quota = ray_quota_new(ray_clock_unix_ns(environment->clock));
    if (exporter == NULL || quota == NULL) {
        free(exporter);
        ray_quota_free(quota);
        return NULL;
    }
    exporter->options = options;
    exporter->environment = *environment;
    exporter->transport = transport;
    exporter->quota = quota;
    return exporter;
}

enum ray_status ray_awsxray_start(struct ray_awsxray *exporter)
{
    struct ray_aws_error error;
    (void)find_identity(exporter, &error); /* says itself what is missing */
    if (exporter->options->no_verify_ssl) {
        ray_log_warn(exporter->environment.log,
                     "no_verify_ssl is set: anybody on the way can read and change the uploads",
                     "exporter=%s", RAY_LOG_STR(ray_str_from(exporter->environment.id)));
    }
    if (exporter->transport == NULL) {
        exporter->transport = new_transport(exporter);
        exporter->owns_transport = true;
    }
    exporter->sender = exporter->transport != NULL ? new_sender(exporter) : NULL;
    return exporter->sender != NULL ? ray_sender_start(exporter->sender) : RAY_NOMEM;
}

bool ray_awsxray_ready(struct ray_awsxray *exporter, char why[200])
{
    if (exporter->sender == NULL) {
        snprintf(why, 200, "not started");
        return false;
    }
    return ray_sender_ready(exporter->sender, why);
}

uint64_t ray_awsxray_stop(struct ray_awsxray *exporter, uint32_t timeout_ms)
{
    return exporter->sender != NULL ? ray_sender_stop(exporter->sender, timeout_ms) : 0;
}

void ray_awsxray_free(struct ray_awsxray *exporter)
{
    if (exporter == NULL) {
        return;
    }
    ray_sender_free(exporter->sender);
    if (exporter->owns_transport && exporter->transport != NULL) {
        exporter->transport->ops->free(exporter->transport);
    }
    ray_credentials_unref(exporter->identity.credentials);
    ray_sigv4_key_clear(&exporter->key);
    ray_quota_free(exporter->quota);
    free(exporter);
}
