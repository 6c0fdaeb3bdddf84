/*
 * secret: what of a configuration must not be shown, in messages or by `--print-effective`.
 *
 * Hidden are: values that came from the environment (their nodes are marked), values whose key
 * looks like a secret, and user names and passwords inside URLs.
 */
#ifndef RAY_CONFIG_SECRET_H
#define RAY_CONFIG_SECRET_H

#include "config/yaml.h"

/* True for password, auth_token, client_secret, key_pem, headers and the like, also for all that
 * stands below such a key; not for names of files (token_file). Every key that a table marks as
 * secret has such a name: options.c asserts it, since printing knows names only. */
bool ray_secret_key(struct ray_str key);

/* `value` as it may be shown: user name and password of a URL become "***". */
void ray_secret_write(struct ray_str value, struct ray_buf *out);

#endif
