/*
 * grpc_client: unary calls over gRPC core's client surface, for tests of the server.
 *
 * One channel, one completion queue, one thread. Calls are started, then waited for in any order.
 */
#ifndef RAY_TESTS_RECEIVER_GRPC_CLIENT_H
#define RAY_TESTS_RECEIVER_GRPC_CLIENT_H

#include "tests/unit/check.h"

#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/compression.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>

#define EXPORT_METHOD "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

struct client {
    grpc_channel *channel;
    grpc_completion_queue *queue;
};

struct client_call {
    grpc_call *call;
    grpc_byte_buffer *sent;
    grpc_byte_buffer *received;
    grpc_metadata_array initial;
    grpc_metadata_array trailing;
    grpc_status_code code;
    grpc_slice text_slice;
    /* after client_wait */
    bool done;
    char text[256];
    char reply[512];
    size_t reply_bytes;
    char details[512]; /* grpc-status-details-bin */
    size_t details_bytes;
};

static inline void client_open(struct client *client, uint16_t port, bool gzip)
{
    grpc_init();
    char target[64];
    snprintf(target, sizeof(target), "ipv4:127.0.0.1:%u", port);
    char gzip_key[] = GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM;
    char pool_key[] = "grpc.use_local_subchannel_pool"; /* a connection of our own */
    char receive_key[] = GRPC_ARG_ENABLE_HTTP_PROXY;
    grpc_arg args[] = {
        {.type = GRPC_ARG_INTEGER, .key = pool_key, .value.integer = 1},
        {.type = GRPC_ARG_INTEGER, .key = receive_key, .value.integer = 0},
        {.type = GRPC_ARG_INTEGER, .key = gzip_key, .value.integer = GRPC_COMPRESS_GZIP},
    };
    grpc_channel_args channel_args = {gzip ? 3 : 2, args};
    grpc_channel_credentials *plain = grpc_insecure_credentials_create();
    client->channel = grpc_channel_create(target, plain, &channel_args);
    grpc_channel_credentials_release(plain);
    client->queue = grpc_completion_queue_create_for_next(NULL);
}

static inline void client_close(struct client *client)
{
    grpc_channel_destroy(client->channel);
    grpc_completion_queue_shutdown(client->queue);
    while (
        grpc_completion_queue_next(client->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
        GRPC_QUEUE_SHUTDOWN) {
    }
    grpc_completion_queue_destroy(client->queue);
    grpc_shutdown();
}

/* `sent` is taken over. */
static inline struct client_call *client_start_buffer(struct client *client, const char *method,
                                                      grpc_byte_buffer *sent)
{
    struct client_call *call = calloc(1, sizeof(*call));
    assert_non_null(call);
    grpc_metadata_array_init(&call->initial);
    grpc_metadata_array_init(&call->trailing);
    call->sent = sent;
    gpr_timespec deadline =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(20, GPR_TIMESPAN));
    call->call =
        grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS, client->queue,
                                 grpc_slice_from_static_string(method), NULL, deadline, NULL);
    grpc_op ops[6] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},  {.op = GRPC_OP_SEND_MESSAGE},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA},
        {.op = GRPC_OP_RECV_MESSAGE},           {.op = GRPC_OP_RECV_STATUS_ON_CLIENT},
    };
    ops[1].data.send_message.send_message = call->sent;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
    ops[4].data.recv_message.recv_message = &call->received;
    ops[5].data.recv_status_on_client.trailing_metadata = &call->trailing;
    ops[5].data.recv_status_on_client.status = &call->code;
    ops[5].data.recv_status_on_client.status_details = &call->text_slice;
    assert_int_equal(grpc_call_start_batch(call->call, ops, 6, call, NULL), GRPC_CALL_OK);
    return call;
}

static inline struct client_call *client_start(struct client *client, const char *method,
                                               struct ray_str message)
{
    grpc_slice slice = grpc_slice_from_copied_buffer(message.ptr ? message.ptr : "", message.len);
    grpc_byte_buffer *sent = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return client_start_buffer(client, method, sent);
}

static inline size_t copy_slice(grpc_slice slice, char *out, size_t size)
{
    size_t len = GRPC_SLICE_LENGTH(slice) < size - 1 ? GRPC_SLICE_LENGTH(slice) : size - 1;
    memcpy(out, GRPC_SLICE_START_PTR(slice), len);
    out[len] = '\0';
    return len;
}

static inline void client_collect(struct client_call *call)
{
    call->done = true;
    copy_slice(call->text_slice, call->text, sizeof(call->text));
    if (call->received != NULL) {
        grpc_byte_buffer_reader reader;
        assert_true(grpc_byte_buffer_reader_init(&reader, call->received));
        grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
        call->reply_bytes = copy_slice(all, call->reply, sizeof(call->reply));
        grpc_slice_unref(all);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    for (size_t i = 0; i < call->trailing.count; i++) {
        if (grpc_slice_str_cmp(call->trailing.metadata[i].key, "grpc-status-details-bin") == 0) {
            call->details_bytes =
                copy_slice(call->trailing.metadata[i].value, call->details, sizeof(call->details));
        }
    }
}

/* Waits for one call; others that end meanwhile are marked. */
static inline void client_wait(struct client *client, struct client_call *call)
{
    while (!call->done) {
        grpc_event event =
            grpc_completion_queue_next(client->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        assert_int_equal(event.type, GRPC_OP_COMPLETE);
        client_collect(event.tag);
    }
}

static inline void client_free(struct client_call *call)
{
    grpc_call_unref(call->call);
    grpc_byte_buffer_destroy(call->sent);
    grpc_byte_buffer_destroy(call->received);
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    grpc_slice_unref(call->text_slice);
    free(call);
}

static inline struct client_call *client_ask(struct client *client, const char *method,
                                             struct ray_str message)
{
    struct client_call *call = client_start(client, method, message);
    client_wait(client, call);
    return call;
}

#endif
