/*
 * why_command: `spanbridge why TRACE_ID`: asks a running one what became of a trace.
 */
#ifndef RAY_DAEMON_WHY_COMMAND_H
#define RAY_DAEMON_WHY_COMMAND_H

#include "daemon/app.h"

/*
 * `endpoint` is host:port or http://host:port; NULL: the metrics' address 127.0.0.1:8888, then
 * 127.0.0.1:2001. Prints sentences on a terminal and the answer as JSON otherwise. RAY_EXIT_GOOD
 * when there was an answer, whatever it says; RAY_EXIT_WRONG_CALL when `trace_id` is none in either
 * spelling.
 */
enum ray_exit ray_why_command_run(const char *endpoint, const char *trace_id);

#endif
