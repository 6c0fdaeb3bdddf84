/*
 * sql: the sql block of calls to relational databases.
 */
#ifndef RAY_TRANSLATE_SQL_H
#define RAY_TRANSLATE_SQL_H

#include "translate/facts.h"
#include "translate/value.h"

struct ray_sql {
    bool present;
    struct ray_str url; /* the span name: see sql.c */
    struct ray_str connection, host, database, system, user, query;
    const struct ray_value *port; /* NULL: not given */
    /* What a segment said, where the rules give another: NULL: nothing */
    const struct ray_value *said_connection, *said_type;
};

/* Consumes the db.* keys it knows when the database is a relational one; otherwise nothing. */
struct ray_sql ray_sql_collect(struct ray_str span_name, struct ray_facts *facts);
/* The block's value; only when present. */
void ray_sql_write(const struct ray_sql *sql, const struct ray_limits *limits,
                   struct ray_json_writer *w);

#endif
