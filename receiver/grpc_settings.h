/*
 * grpc_settings: what gRPC core's server is made with: our keys and our limits in its words.
 *
 * Internal to receiver/. Its own decompression is off, since it inflates without a bound.
 */
#ifndef RAY_RECEIVER_GRPC_SETTINGS_H
#define RAY_RECEIVER_GRPC_SETTINGS_H

#include "receiver/otlp.h"

struct grpc_server;

/* `budget_bytes`: of messages in hand, ours; core's own quota is set so far above it that it is
 * hardly ever reached. Between grpc_init and grpc_shutdown; end it with grpc_server_destroy. */
struct grpc_server *ray_grpc_server_new(const struct ray_otlp_grpc_options *options,
                                        size_t max_message_bytes, size_t budget_bytes);

#endif
