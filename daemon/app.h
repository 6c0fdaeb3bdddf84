/*
 * app: the running program: from configuration locations to the exit status.
 *
 * Owns everything that lives as long as the process. Main's thread; no other state in the program
 * is global.
 */
#ifndef RAY_DAEMON_APP_H
#define RAY_DAEMON_APP_H

#include "config/config.h"

/* Exit statuses, a contract with those who start the program. */
enum ray_exit {
    RAY_EXIT_GOOD = 0,
    RAY_EXIT_FAILED = 1,     /* start-up or configuration */
    RAY_EXIT_WRONG_CALL = 2, /* command line */
    RAY_EXIT_GAVE_UP = 3,    /* accepted data had to be given up */
};

struct ray_app_options {
    struct ray_config_source source;
    bool strict; /* pipelines that cannot run are errors, not warnings */
};

/* Runs until SIGTERM or SIGINT has been served. Prints one `ready` line on standard output once all
 * ports are open. */
enum ray_exit ray_app_run(const struct ray_app_options *options);

/* Loads, checks and creates, starts nothing. Problems go to standard error; the effective document
 * to standard output when asked. */
enum ray_exit ray_app_validate(const struct ray_app_options *options, bool print_effective);

#endif
