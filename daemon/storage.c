/* storage: see storage.h. Key names: opentelemetry-collector-contrib 0.130, filestorage. */
#include "daemon/storage.h"

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config/scalar.h"
#include "config/state_folder.h"
#include "exporter/document_options.h"

#define FSYNC_INTERVAL_MS 100u
#define DIRECTORY         "/var/lib/otelcol/file_storage"
#define DIRECTORY_BYTES   300u

static const char no_compaction[] = "a log gives its space back by itself, file by file";
static const struct ray_option compaction_table[] = {
    RAY_OPT_IGNORED("on_start", no_compaction),
    RAY_OPT_IGNORED("on_rebound", no_compaction),
    RAY_OPT_IGNORED("directory", no_compaction),
    RAY_OPT_IGNORED("rebound_needed_threshold_mib", no_compaction),
    RAY_OPT_IGNORED("rebound_trigger_threshold_mib", no_compaction),
    RAY_OPT_IGNORED("max_transaction_size", no_compaction),
    RAY_OPT_IGNORED("check_interval", no_compaction),
    RAY_OPT_IGNORED("cleanup_on_start", no_compaction),
    RAY_OPT_END,
};

/* The order of the words in the table. */
static const enum ray_fsync policies[] = {
    RAY_FSYNC_INTERVAL, RAY_FSYNC_ALWAYS, RAY_FSYNC_INTERVAL, RAY_FSYNC_ALWAYS, RAY_FSYNC_NEVER,
};

#define RAY_OPT_STRUCT struct ray_storage_options
const struct ray_option ray_storage_option_table[] = {
    RAY_OPT_STR("directory", directory, DIRECTORY,
                "folder of the logs; \"\": spanbridge/queue in the XDG state folder"),
    RAY_OPT_BOOL("create_directory", create_directory, "false",
                 "make the folder when it is missing"),
    RAY_OPT_ENUM("fsync", fsync, "false", "false|true|interval|always|never",
                 "when what was accepted is on the disk: true, always: before the answer; false, "
                 "interval: 100ms after it at the latest; a kill loses nothing with any"),
    RAY_OPT_BYTES("max_size", max_size_bytes, "4GiB", "1MiB", "1TiB",
                  "of one pipeline's log; past it clients are told to retry"),
    RAY_OPT_STR("min_free", min_free, "5%",
                "of the file system stays free: a percentage or a size"),
    RAY_OPT_IGNORED("timeout", "only one process ever has the folder; it does not wait for it"),
    RAY_OPT_IGNORED("directory_permissions", "folders are the user's alone: 0700"),
    RAY_OPT_IGNORED("recreate", "a damaged file is read as far as it is good, then set aside"),
    RAY_OPT_IGNORED_SECTION("compaction", compaction_table, no_compaction),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

/* A percentage in *share or a size in *bytes. */
static bool read_min_free(struct ray_str text, double *share, uint64_t *bytes)
{
    *share = 0;
    *bytes = 0;
    if (text.len > 1 && text.ptr[text.len - 1] == '%') {
        double percent;
        if (ray_str_to_double(ray_str_until(text, text.len - 1), &percent) != RAY_OK ||
            !(percent >= 0 && percent < 100)) {
            return false;
        }
        *share = percent / 100;
        return true;
    }
    return ray_scalar_bytes(text, bytes) == RAY_OK;
}

static bool folder_path(const struct ray_storage_options *options, char out[DIRECTORY_BYTES],
                        char error[256])
{
    char state[DIRECTORY_BYTES - 8];
    if (options->directory.len >= DIRECTORY_BYTES) {
        snprintf(error, 256, "directory: the path is too long");
        return false;
    }
    if (options->directory.len > 0) {
        snprintf(out, DIRECTORY_BYTES, "%.*s", RAY_STR_ARG(options->directory));
        return true;
    }
    if (!ray_state_folder(state, sizeof(state))) {
        snprintf(error, 256, "directory: neither XDG_STATE_HOME nor HOME names one: set it");
        return false;
    }
    snprintf(out, DIRECTORY_BYTES, "%s/queue", state);
    return true;
}

/* "" is a folder that is ours by its name. */
static bool may_create(const struct ray_storage_options *options)
{
    return options->create_directory || options->directory.len == 0;
}

static bool look_for_folder(const struct ray_storage_options *options, const char *folder,
                            char error[256])
{
    struct stat status;
    if (stat(folder, &status) == 0) {
        if (S_ISDIR(status.st_mode)) {
            return true;
        }
        snprintf(error, 256, "directory: %.180s is no folder", folder);
        return false;
    }
    if (errno == ENOENT && may_create(options)) {
        return true;
    }
    snprintf(error, 256, "directory: %.120s: %s%s", folder, strerror(errno),
             errno == ENOENT ? "; make it, or set create_directory: true" : "");
    return false;
}

enum ray_status ray_storage_check(const void *options, const struct ray_yaml *node,
                                  const char *path, struct ray_problems *problems)
{
    const struct ray_storage_options *storage = options;
    uint32_t before = problems->count;
    double share;
    uint64_t bytes;
    if (!read_min_free(storage->min_free, &share, &bytes)) {
        ray_problem(problems, ray_key_place(node, "min_free"),
                    "%s.min_free: '%.*s' is neither a percentage below 100 nor a size", path,
                    RAY_STR_ARG(storage->min_free));
    }
    return problems->count > before ? RAY_INVALID : RAY_OK;
}

/* Pipelines are called "traces" or "traces/NAME"; NAME may hold anything. */
static struct ray_str pipeline_folder(const char *folder, struct ray_str id,
                                      struct ray_arena *arena)
{
    struct ray_buf path;
    ray_buf_init(&path, 2048);
    ray_buf_append(&path, ray_str_from(folder));
    ray_buf_append_byte(&path, '/');
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_';
        ray_buf_printf(&path, plain ? "%c" : "%%%02x", (unsigned char)c);
    }
    struct ray_str copy = {NULL, 0};
    if (!path.failed) {
        copy = ray_arena_printf(arena, "%.*s", RAY_STR_ARG(ray_buf_str(&path)));
    }
    ray_buf_clear(&path);
    return copy;
}

enum ray_status ray_storage_log(const struct ray_storage_options *options, struct ray_str id,
                                struct ray_arena *arena, struct ray_wal_options *out,
                                char error[256])
{
    char folder[DIRECTORY_BYTES];
    if (!folder_path(options, folder, error) || !look_for_folder(options, folder, error)) {
        return RAY_IO;
    }
    struct ray_str path = pipeline_folder(folder, id, arena);
    if (path.ptr == NULL) {
        return RAY_NOMEM;
    }
    *out = (struct ray_wal_options){
        .folder = ray_arena_copy_cstr(arena, path),
        .fsync = policies[options->fsync],
        .fsync_interval_ms = FSYNC_INTERVAL_MS,
        .max_bytes = options->max_size_bytes,
    };
    (void)read_min_free(options->min_free, &out->min_free_share, &out->min_free_bytes);
    return out->folder != NULL ? RAY_OK : RAY_NOMEM;
}

enum ray_status ray_storage_prepare(const struct ray_storage_options *options, char error[256])
{
    char folder[DIRECTORY_BYTES];
    if (!folder_path(options, folder, error)) {
        return RAY_IO;
    }
    if (may_create(options) && !ray_make_folders(folder)) {
        snprintf(error, 256, "directory: cannot create %.160s: %s", folder, strerror(errno));
        return RAY_IO;
    }
    return RAY_OK;
}

/* ---- what nobody reads ----------------------------------------------------------------------- */

static size_t count_segments(const char *folder)
{
    DIR *opened = opendir(folder);
    size_t count = 0;
    uint64_t first, salt;
    for (const struct dirent *d; opened != NULL && (d = readdir(opened)) != NULL;) {
        count += ray_segment_name_read(d->d_name, &first, &salt);
    }
    if (opened != NULL) {
        closedir(opened);
    }
    return count;
}

static bool is_one_of(struct ray_str path, const struct ray_str *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ray_str_eq(path, paths[i])) {
            return true;
        }
    }
    return false;
}

static void report_left(const char *folder, const struct ray_str *ours, size_t count,
                        struct ray_log *log)
{
    char path[DIRECTORY_BYTES + 260];
    DIR *opened = opendir(folder);
    for (const struct dirent *d; opened != NULL && (d = readdir(opened)) != NULL;) {
        snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
        size_t files = d->d_name[0] != '.' && !is_one_of(ray_str_from(path), ours, count)
                           ? count_segments(path)
                           : 0;
        if (files > 0) {
            ray_log_warn(log,
                         "documents of a pipeline that is not among the durable ones here stay in "
                         "its folder: they are sent when it is again",
                         "folder=%s files=%zu", RAY_LOG_STR(ray_str_from(path)), files);
        }
    }
    if (opened != NULL) {
        closedir(opened);
    }
}

void ray_storage_report_left(const struct ray_storage_options *options, const struct ray_str *ids,
                             size_t count, struct ray_arena *arena, struct ray_log *log)
{
    char folder[DIRECTORY_BYTES], error[256];
    struct ray_str *ours = RAY_ARENA_ARRAY(arena, struct ray_str, count);
    if (ours == NULL || !folder_path(options, folder, error)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        ours[i] = pipeline_folder(folder, ids[i], arena);
        if (ours[i].ptr == NULL) {
            return;
        }
    }
    report_left(folder, ours, count, log);
}
