/*
 * storage: extension file_storage, the folder that durable queues keep their logs in: one folder in
 * it for each pipeline. Files of others in the folder are left alone.
 */
#ifndef RAY_DAEMON_STORAGE_H
#define RAY_DAEMON_STORAGE_H

#include "config/options.h"
#include "queue/wal.h"

struct ray_storage_options {
    struct ray_str directory; /* written as "": spanbridge/queue in the XDG state folder */
    bool create_directory;
    int fsync; /* false|true|interval|always|never */
    uint64_t max_size_bytes;
    struct ray_str min_free;
};
extern const struct ray_option ray_storage_option_table[];
/* Looks, but makes nothing: a folder that is missing and may not be made is a problem. */
RAY_MUST_USE enum ray_status ray_storage_check(const void *options, const struct ray_yaml *node,
                                               const char *path, struct ray_problems *problems);

/* The log of the pipeline `id`, for its queue; texts are in the arena. RAY_NOMEM; RAY_IO: no folder
 * is known or it is not there, `error` says why. Makes nothing. */
RAY_MUST_USE enum ray_status ray_storage_log(const struct ray_storage_options *options,
                                             struct ray_str id, struct ray_arena *arena,
                                             struct ray_wal_options *out, char error[256]);
/* Makes the folder above the logs, when that is wanted. RAY_IO with `error`. */
RAY_MUST_USE enum ray_status ray_storage_prepare(const struct ray_storage_options *options,
                                                 char error[256]);
/* Says in the log which folders hold documents of other pipelines than `ids`: of one that has
 * another name now, say. They may be another process's. */
void ray_storage_report_left(const struct ray_storage_options *options, const struct ray_str *ids,
                             size_t count, struct ray_arena *arena, struct ray_log *log);

#endif
