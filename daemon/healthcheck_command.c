/* healthcheck_command: see healthcheck_command.h. */
#include "daemon/healthcheck_command.h"

#include "net/http_client.h"

#include <stdio.h>

#define TIMEOUT_MS       5000u
#define POLL_MS          100u
#define ANSWER_MAX_BYTES ((size_t)64 * 1024)

static void note_done(struct ray_http_call *call)
{
    *(bool *)call->context = true;
}

static enum ray_exit ask(struct ray_transport *transport, const char *endpoint)
{
    char url[512];
    bool done = false;
    static const char *const headers[] = {NULL};
    snprintf(url, sizeof(url), "http://%s/readyz", endpoint);
    struct ray_http_call call = {.method = "GET",
                                 .url = url,
                                 .headers = headers,
                                 .timeout_ms = TIMEOUT_MS,
                                 .done = note_done,
                                 .context = &done};
    ray_buf_init(&call.answer, ANSWER_MAX_BYTES);
    if (transport->ops->start(transport, &call) != RAY_OK) {
        fprintf(stderr, "spanbridge healthcheck: %s is not host:port\n", endpoint);
        ray_buf_clear(&call.answer);
        return RAY_EXIT_WRONG_CALL;
    }
    while (!done) {
        transport->ops->poll(transport, POLL_MS);
    }
    bool ready = call.outcome == RAY_CALL_ANSWERED && call.status == 200;
    if (call.outcome == RAY_CALL_ANSWERED) {
        fprintf(ready ? stdout : stderr, "%.*s\n", RAY_STR_ARG(ray_buf_str(&call.answer)));
    } else {
        fprintf(stderr, "spanbridge healthcheck: %s: %s\n", url, call.problem);
    }
    ray_buf_clear(&call.answer);
    return ready ? RAY_EXIT_GOOD : RAY_EXIT_FAILED;
}

enum ray_exit ray_healthcheck_command_run(const char *endpoint)
{
    struct ray_http_client_options options = {.max_connections = 1,
                                              .user_agent = "spanbridge/" SPANBRIDGE_VERSION};
    if (ray_http_client_global_init() != RAY_OK) {
        return RAY_EXIT_FAILED;
    }
    struct ray_transport *transport = ray_http_client_new(&options);
    enum ray_exit exit_status = transport ? ask(transport, endpoint) : RAY_EXIT_FAILED;
    if (transport != NULL) {
        transport->ops->free(transport);
    }
    ray_http_client_global_free();
    return exit_status;
}
