/*
 * state_folder: where a program of the user keeps what it must find again, and folders in general.
 */
#ifndef RAY_CONFIG_STATE_FOLDER_H
#define RAY_CONFIG_STATE_FOLDER_H

#include "core/str.h"

/* "spanbridge" in $XDG_STATE_HOME when that is absolute, else in ~/.local/state (XDG base directory
 * specification). False: neither variable names one, or the path is too long. */
bool ray_state_folder(char *out, size_t bytes);

/* Makes the folder and what is missing above it, mode 0700: span contents are the user's alone.
 * False: errno. Writes into `path` meanwhile and restores it. */
bool ray_make_folders(char *path);

#endif
