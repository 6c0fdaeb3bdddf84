/* why_command: see why_command.h. */
#include "daemon/why_command.h"

#include "core/json_reader.h"
#include "net/http_client.h"
#include "xray/trace_id.h"

#include <stdio.h>
#include <unistd.h>

#define TIMEOUT_MS       5000u
#define POLL_MS          100u
#define ANSWER_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define ARENA_BYTES      ((size_t)8 * 1024 * 1024)
#define DEPTH_MAX        8u

static const char *const default_endpoints[] = {"127.0.0.1:8888", "127.0.0.1:2001"};

static void note_done(struct ray_http_call *call)
{
    *(bool *)call->context = true;
}

/* For a person: the sentences of "answer". False when it is no answer of ours. */
static bool print_sentences(struct ray_str text, struct ray_arena *arena)
{
    struct ray_json_reader r;
    struct ray_str key, sentence;
    bool found = false;
    ray_json_read_init(&r, text, arena, DEPTH_MAX);
    ray_json_enter_object(&r);
    while (ray_json_next_key(&r, &key)) {
        if (!ray_str_eq(key, RAY_STR("answer"))) {
            ray_json_skip_value(&r, NULL);
            continue;
        }
        found = ray_json_enter_array(&r);
        while (ray_json_next_element(&r) && ray_json_read_string(&r, &sentence)) {
            printf("%.*s\n", RAY_STR_ARG(sentence));
        }
    }
    return found && !r.failed;
}

/* Anybody may listen on a port: only what looks like our answer is one. */
static bool is_answer(struct ray_str text)
{
    return ray_str_starts_with(text, RAY_STR("{\"trace_id\":\"1-"));
}

static bool print_answer(struct ray_str text)
{
    if (!is_answer(text)) {
        return false;
    }
    if (!isatty(STDOUT_FILENO)) {
        printf("%.*s\n", RAY_STR_ARG(text));
        return true;
    }
    struct ray_arena *arena = ray_arena_new(ARENA_BYTES);
    bool good = arena != NULL && print_sentences(text, arena);
    ray_arena_free(arena);
    return good;
}

/* "host:port", also as the URL that other tools want: "http://host:port/". */
static struct ray_str host_and_port(const char *endpoint)
{
    struct ray_str host = ray_str_from(endpoint);
    struct ray_str scheme = RAY_STR("http://");
    if (ray_str_starts_with(host, scheme)) {
        host = ray_str_from_pos(host, scheme.len);
    }
    bool slash = host.len > 0 && host.ptr[host.len - 1] == '/';
    return ray_str_until(host, host.len - (slash ? 1 : 0));
}

/* True when it answered; else it was said why not. */
static bool ask(struct ray_transport *transport, const char *endpoint, const char *trace_id)
{
    char url[512];
    bool done = false;
    static const char *const headers[] = {NULL};
    snprintf(url, sizeof(url), "http://%.*s/why/%s", RAY_STR_ARG(host_and_port(endpoint)),
             trace_id);
    struct ray_http_call call = {.method = "GET",
                                 .url = url,
                                 .headers = headers,
                                 .timeout_ms = TIMEOUT_MS,
                                 .done = note_done,
                                 .context = &done};
    ray_buf_init(&call.answer, ANSWER_MAX_BYTES);
    if (transport->ops->start(transport, &call) != RAY_OK) {
        fprintf(stderr, "spanbridge why: %s is not host:port\n", endpoint);
        ray_buf_clear(&call.answer);
        return false;
    }
    while (!done) {
        transport->ops->poll(transport, POLL_MS);
    }
    bool good = call.outcome == RAY_CALL_ANSWERED && call.status == 200 &&
                print_answer(ray_buf_str(&call.answer));
    if (!good && call.outcome != RAY_CALL_ANSWERED) {
        fprintf(stderr, "spanbridge why: nothing answers at %s: %s\n", endpoint, call.problem);
    } else if (!good) {
        fprintf(stderr, "spanbridge why: %s is no control port of spanbridge: status %u\n",
                endpoint, call.status);
    }
    ray_buf_clear(&call.answer);
    return good;
}

static enum ray_exit ask_each(struct ray_transport *transport, const char *const *endpoints,
                              size_t count, const char *trace_id)
{
    for (size_t i = 0; i < count; i++) {
        if (ask(transport, endpoints[i], trace_id)) {
            return RAY_EXIT_GOOD;
        }
    }
    fprintf(stderr, "spanbridge why: asked for the control port of a running spanbridge, which is "
                    "its metrics' address; --endpoint HOST:PORT names another\n");
    return RAY_EXIT_FAILED;
}

enum ray_exit ray_why_command_run(const char *endpoint, const char *trace_id)
{
    struct ray_trace_id id;
    struct ray_http_client_options options = {.max_connections = 1,
                                              .user_agent = "spanbridge/" SPANBRIDGE_VERSION};
    if (trace_id == NULL || ray_trace_id_parse(ray_str_from(trace_id), &id) != RAY_OK) {
        fprintf(stderr,
                "spanbridge why: '%s': not a trace id; 1-5759e988-bd862e3fe1be46a994272793 and "
                "5759e988bd862e3fe1be46a994272793 are\n",
                trace_id != NULL ? trace_id : "");
        return RAY_EXIT_WRONG_CALL;
    }
    if (ray_http_client_global_init() != RAY_OK) {
        return RAY_EXIT_FAILED;
    }
    struct ray_transport *transport = ray_http_client_new(&options);
    enum ray_exit exit_status = RAY_EXIT_FAILED;
    if (transport != NULL) {
        exit_status = endpoint != NULL ? ask_each(transport, &endpoint, 1, trace_id)
                                       : ask_each(transport, default_endpoints, 2, trace_id);
        transport->ops->free(transport);
    }
    ray_http_client_global_free();
    return exit_status;
}
