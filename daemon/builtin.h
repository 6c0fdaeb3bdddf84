/*
 * builtin: files that are part of the program. The build makes builtin.c from them
 * (daemon/CMakeLists.txt).
 */
#ifndef RAY_DAEMON_BUILTIN_H
#define RAY_DAEMON_BUILTIN_H

/* config/examples/local.yaml, NUL-terminated: the configuration of `spanbridge local`. */
extern const char ray_builtin_local_yaml[];

#endif
