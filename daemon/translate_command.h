/*
 * translate_command: `spanbridge translate [FILE]`: an OTLP request in, segment documents out.
 *
 * One document a line in the order of the spans, on standard output. Starts neither gRPC nor curl.
 */
#ifndef RAY_DAEMON_TRANSLATE_COMMAND_H
#define RAY_DAEMON_TRANSLATE_COMMAND_H

#include "daemon/app.h"

struct ray_translate_command {
    const char *file;        /* NULL: standard input */
    const char *options_uri; /* the awsxray exporter's keys; NULL: defaults */
};

enum ray_exit ray_translate_command_run(const struct ray_translate_command *command);

#endif
