/*
 * cli: the command line: which command, with what.
 *
 * Faces of the program: docs/command-line.md. Flags take one or two dashes, `--flag value` or
 * `--flag=value`, as the collector's do.
 */
#ifndef RAY_DAEMON_CLI_H
#define RAY_DAEMON_CLI_H

/* Does what the command line says; the process's exit status. */
int ray_cli_main(int argc, char **argv);

#endif
