/* state_folder: see state_folder.h. */
#include "config/state_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool ray_state_folder(char *out, size_t bytes)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int len = -1;
    if (state != NULL && state[0] == '/') {
        len = snprintf(out, bytes, "%s/spanbridge", state);
    } else if (home != NULL && home[0] == '/') {
        len = snprintf(out, bytes, "%s/.local/state/spanbridge", home);
    }
    return len > 0 && (size_t)len < bytes;
}

bool ray_make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made) {
            return false;
        }
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}
