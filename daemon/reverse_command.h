/*
 * reverse_command: `spanbridge translate --reverse [FILE]`: X-Ray segment documents in, OTLP/JSON
 * out.
 *
 * Takes one document on each line, or documents that are spread over lines. Prints one
 * ExportTraceServiceRequest per document, one a line, on standard output. Stops at the first
 * document that is none, after the ones before it, and says line and byte.
 */
#ifndef RAY_DAEMON_REVERSE_COMMAND_H
#define RAY_DAEMON_REVERSE_COMMAND_H

#include "daemon/app.h"

/* `file` NULL: standard input. */
enum ray_exit ray_reverse_command_run(const char *file);

#endif
