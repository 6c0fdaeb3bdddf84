/*
 * translate_command: `spanbridge translate [FILE]`: OTLP requests in, segment documents out.
 *
 * One document a line in the order of the spans, on standard output; of JSON lines each as soon as
 * its request was read. Wrong input ends it: documents of what stands before are out, the line and
 * byte go to standard error. Starts neither gRPC nor curl.
 */
#ifndef RAY_DAEMON_TRANSLATE_COMMAND_H
#define RAY_DAEMON_TRANSLATE_COMMAND_H

#include "daemon/app.h"

struct ray_translate_command {
    const char *file;        /* NULL: standard input */
    const char *options_uri; /* the awsxray exporter's keys; NULL: defaults */
    bool explain;            /* instead of documents: a line for each field, translate/explain.h */
    bool mapping;            /* print docs/mapping.md, read nothing */
};

enum ray_exit ray_translate_command_run(const struct ray_translate_command *command);

#endif
