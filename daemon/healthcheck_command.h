/*
 * healthcheck_command: `spanbridge healthcheck`: asks a running one's /readyz, for container
 * health.
 */
#ifndef RAY_DAEMON_HEALTHCHECK_COMMAND_H
#define RAY_DAEMON_HEALTHCHECK_COMMAND_H

#include "daemon/app.h"

/* `endpoint` is host:port. Prints the answer; RAY_EXIT_GOOD when it is 200 within 5 s. */
enum ray_exit ray_healthcheck_command_run(const char *endpoint);

#endif
