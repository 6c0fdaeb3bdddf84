/*
 * operation: what each call of the X-Ray API does, without HTTP: JSON in, JSON or an error out.
 *
 * Operations, paths and members: the X-Ray service model 2016-04-12. Every operation is a POST to
 * a path that often differs from its name. Those that this program does not serve (yet) are known
 * by name and answer with the service's own error form.
 *
 * All of it blocks on the store's disk. Any thread; calls do not share anything but the store.
 */
#ifndef RAY_LOCAL_OPERATION_H
#define RAY_LOCAL_OPERATION_H

#include "core/json_writer.h"
#include "core/log.h"
#include "local/store.h"

/* What operations work on. Immutable; everything must outlive it. */
struct ray_xray {
    struct ray_store *store;
    struct ray_str account_id; /* of nodes that name none */
    const struct ray_clock *clock;
};

/* An error of the service: status, name and words. */
struct ray_failure {
    unsigned status;
    const char *type; /* "InvalidRequestException" */
    char message[400];
};

enum ray_operation_kind {
    RAY_OPERATION_NOT_SERVED,
    RAY_OPERATION_PUT,   /* writes; never waits for anything but the store */
    RAY_OPERATION_QUERY, /* reads; wants to see what was accepted before it came */
};

struct ray_call;

struct ray_operation {
    struct ray_str path;
    const char *name;
    enum ray_operation_kind kind;
    bool (*run)(const struct ray_call *call); /* for ray_operation_run alone */
};

/* By the path of a POST; NULL when the service has no such operation. */
const struct ray_operation *ray_operation_find(struct ray_str path);

/* Reads `body` (empty stands for {}), runs, appends the whole answer to `out`. False: *failure says
 * why, and `out` is as it was. */
bool ray_operation_run(const struct ray_operation *operation, const struct ray_xray *xray,
                       struct ray_str body, struct ray_buf *out, struct ray_failure *failure);

/* For failures found elsewhere. */
void ray_failure_set(struct ray_failure *failure, unsigned status, const char *type,
                     const char *format, ...) RAY_PRINTF(4, 5);

#endif
