/* grpc_settings: see grpc_settings.h. */
#include "receiver/grpc_settings.h"

#include <assert.h>

#include <grpc/grpc.h>

/* Core's own bound, behind our budget. It resets streams without a word to the client, so it must
 * hardly ever be reached: measured with 100 calls of 2 MB at once over 10 connections, 48 MiB reset
 * 37 of 200, 128 MiB none. */
#define QUOTA_MIN_BYTES ((size_t)128 << 20)

struct channel_args {
    grpc_arg items[24];
    size_t count;
};

/* Core declares keys without const and never writes to them. */
static char *unconst(const char *key)
{
    union {
        const char *in;
        char *out;
    } both = {.in = key};
    return both.out;
}

static void add_int(struct channel_args *args, const char *key, int64_t value)
{
    assert(args->count < sizeof(args->items) / sizeof(*args->items));
    grpc_arg *arg = &args->items[args->count++];
    arg->key = unconst(key);
    arg->type = GRPC_ARG_INTEGER;
    arg->value.integer = value > INT32_MAX ? INT32_MAX : (int)value;
}

/* 0 leaves core's own default, which is the collector's meaning of 0 too. */
static void add_unless_zero(struct channel_args *args, const char *key, int64_t value)
{
    if (value != 0) {
        add_int(args, key, value);
    }
}

static void add_quota(struct channel_args *args, size_t budget_bytes, grpc_resource_quota *quota)
{
    size_t bytes = 2 * budget_bytes;
    grpc_resource_quota_resize(quota, bytes > QUOTA_MIN_BYTES ? bytes : QUOTA_MIN_BYTES);
    grpc_arg *arg = &args->items[args->count++];
    arg->key = unconst(GRPC_ARG_RESOURCE_QUOTA);
    arg->type = GRPC_ARG_POINTER;
    arg->value.pointer.p = quota;
    arg->value.pointer.vtable = grpc_resource_quota_arg_vtable();
}

static void add_settings(struct channel_args *args, const struct ray_otlp_grpc_options *options,
                         size_t max_message_bytes)
{
    add_int(args, GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    add_int(args, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int64_t)max_message_bytes);
    add_int(args, GRPC_ARG_MAX_METADATA_SIZE, 8192);
    add_unless_zero(args, GRPC_ARG_MAX_CONCURRENT_STREAMS, options->max_concurrent_streams);
    add_unless_zero(args, GRPC_ARG_KEEPALIVE_TIME_MS, options->keepalive_time_ms);
    add_unless_zero(args, GRPC_ARG_KEEPALIVE_TIMEOUT_MS, options->keepalive_timeout_ms);
    /* peers without a call can be dead too; core couples this with what it lets clients do */
    add_int(args, GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    add_int(args, GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    add_unless_zero(args, GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                    options->enforcement_min_time_ms);
    add_unless_zero(args, GRPC_ARG_MAX_CONNECTION_IDLE_MS, options->max_connection_idle_ms);
    add_unless_zero(args, GRPC_ARG_MAX_CONNECTION_AGE_MS, options->max_connection_age_ms);
    add_unless_zero(args, GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                    options->max_connection_age_grace_ms);
}

struct grpc_server *ray_grpc_server_new(const struct ray_otlp_grpc_options *options,
                                        size_t max_message_bytes, size_t budget_bytes)
{
    struct channel_args args = {.count = 0};
    grpc_resource_quota *quota = grpc_resource_quota_create("spanbridge otlp");
    add_settings(&args, options, max_message_bytes);
    add_quota(&args, budget_bytes, quota);
    grpc_channel_args channel_args = {args.count, args.items};
    grpc_server *server = grpc_server_create(&channel_args, NULL);
    grpc_resource_quota_unref(quota);
    return server;
}
