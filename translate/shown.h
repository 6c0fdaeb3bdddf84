/*
 * shown: whether a value that a block took stands in the document (`preserve: all` keeps others).
 *
 * Blocks keep views of what they write, so a value is known by where it stands, not by what it
 * says: of two attributes with equal text only the one that was written is shown.
 */
#ifndef RAY_TRANSLATE_SHOWN_H
#define RAY_TRANSLATE_SHOWN_H

#include "translate/aws.h"
#include "translate/cause.h"
#include "translate/http.h"
#include "translate/sql.h"

/* What a document was written from. */
struct ray_shown {
    const struct ray_http *http;
    const struct ray_cause *cause;
    const struct ray_aws *aws;
    const struct ray_sql *sql;
    struct ray_str user;
    bool in_progress;
};

/* `value` is of an attribute that a block consumed, `key` its meaning. */
bool ray_is_shown(const struct ray_shown *shown, enum ray_key key, const struct ray_value *value);

#endif
