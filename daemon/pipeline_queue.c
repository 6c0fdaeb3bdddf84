/* pipeline_queue: see pipeline_queue.h. */
#include "daemon/pipeline_queue.h"

#include <stdio.h>

#define MEMORY_BYTES     ((uint64_t)64 << 20)
#define MEMORY_SHARE     4u /* of what the process may use, where that is less */
#define MEMORY_BYTES_MIN ((uint64_t)1 << 20)

/* The system's files. Written to by nobody: its verbs have no state. */
static struct ray_disk *system_disk(struct ray_arena *arena)
{
    struct ray_disk *disk = RAY_ARENA_NEW(arena, struct ray_disk);
    if (disk != NULL) {
        *disk = ray_disk_system;
    }
    return disk;
}

static bool is_in_service(const struct ray_config *config,
                          const struct ray_config_component *component)
{
    for (size_t i = 0; i < config->extension_count; i++) {
        if (config->extensions[i].component == component) {
            return true;
        }
    }
    return false;
}

static const struct ray_config_component *find_extension(const struct ray_config *config,
                                                         struct ray_str id)
{
    for (size_t i = 0; i < config->component_count[RAY_SECTION_EXTENSION]; i++) {
        const struct ray_config_component *component =
            &config->components[RAY_SECTION_EXTENSION][i];
        if (ray_str_eq(component->id, id)) {
            return component;
        }
    }
    return NULL;
}

/* Of an exporter's key. */
static void refuse_storage(const struct ray_config_component *exporter, struct ray_str storage,
                           const char *why, struct ray_problems *problems)
{
    struct ray_place place = ray_component_place(exporter, RAY_STR("sending_queue.storage"));
    ray_problem(problems, &place, "exporters.%.*s.sending_queue.storage: '%.*s' %s",
                RAY_STR_ARG(exporter->id), RAY_STR_ARG(storage), why);
}

static enum ray_status ask_storage(struct ray_pipeline_queue *queue,
                                   const struct ray_component_set *components,
                                   const struct ray_config_component *exporter,
                                   struct ray_str storage, struct ray_problems *problems)
{
    const struct ray_config_component *extension = find_extension(components->config, storage);
    if (extension == NULL) {
        refuse_storage(exporter, storage, "is not among the extensions: define it there", problems);
        return RAY_INVALID;
    }
    if (!is_in_service(components->config, extension)) {
        refuse_storage(exporter, storage, "is not in service.extensions: add it there", problems);
        return RAY_INVALID;
    }
    const struct ray_component *read =
        ray_component_set_use(components, RAY_SECTION_EXTENSION, extension, problems);
    if (read == NULL) {
        return RAY_INVALID;
    }
    if (read->kind->table != ray_storage_option_table) {
        refuse_storage(exporter, storage, "is no storage: name a file_storage", problems);
        return RAY_INVALID;
    }
    if (queue->storage_component != NULL && queue->storage_component != extension) {
        refuse_storage(exporter, storage,
                       "is another one than an exporter of the same pipeline has: they share one "
                       "log",
                       problems);
        return RAY_INVALID;
    }
    queue->storage_component = extension;
    queue->storage = read->options;
    return RAY_OK;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

enum ray_status ray_pipeline_queue_ask(struct ray_pipeline_queue *queue,
                                       const struct ray_component_set *components,
                                       const struct ray_config_component *component,
                                       const struct ray_queue_key_options *keys,
                                       struct ray_problems *problems)
{
    queue->exporters++;
    switch (keys->sizer) {
    case RAY_SIZER_ITEMS:
        queue->by_documents++;
        queue->documents = larger(queue->documents, keys->queue_size);
        break;
    case RAY_SIZER_REQUESTS:
        queue->by_requests++;
        queue->requests = larger(queue->requests, keys->queue_size);
        break;
    default:
        queue->bytes = larger(queue->bytes, keys->queue_size);
        break;
    }
    return keys->storage.len > 0
               ? ask_storage(queue, components, component, keys->storage, problems)
               : RAY_OK;
}

static uint64_t default_memory_bytes(uint64_t memory_bytes)
{
    uint64_t bytes = memory_bytes / MEMORY_SHARE;
    bytes = bytes < MEMORY_BYTES ? bytes : MEMORY_BYTES;
    return larger(bytes, MEMORY_BYTES_MIN);
}

static enum ray_status open_log(const struct ray_pipeline_queue *queue, struct ray_str pipeline_id,
                                struct ray_log *log, const struct ray_clock *clock,
                                struct ray_arena *arena, struct ray_problems *problems,
                                struct ray_queue_options *out)
{
    char error[256] = "";
    struct ray_wal_options *wal = RAY_ARENA_NEW(arena, struct ray_wal_options);
    struct ray_disk *disk = system_disk(arena);
    if (wal == NULL || disk == NULL) {
        return RAY_NOMEM;
    }
    enum ray_status status = ray_storage_log(queue->storage, pipeline_id, arena, wal, error);
    if (status == RAY_IO) {
        struct ray_place place =
            ray_component_place(queue->storage_component, RAY_STR("directory"));
        ray_problem(problems, &place, "extensions.%.*s.%s",
                    RAY_STR_ARG(queue->storage_component->id), error);
        return RAY_INVALID;
    }
    wal->disk = disk;
    wal->log = log;
    wal->clock = clock;
    out->log = wal;
    out->max_bytes =
        queue->bytes > 0 && queue->bytes < wal->max_bytes ? queue->bytes : wal->max_bytes;
    return status;
}

enum ray_status ray_pipeline_queue_options(const struct ray_pipeline_queue *queue,
                                           struct ray_str pipeline_id, uint64_t memory_bytes,
                                           struct ray_log *log, const struct ray_clock *clock,
                                           struct ray_arena *arena, struct ray_problems *problems,
                                           struct ray_queue_options *out)
{
    *out = (struct ray_queue_options){
        .max_bytes = queue->bytes > 0 ? queue->bytes : default_memory_bytes(memory_bytes),
        .max_documents = queue->by_documents == queue->exporters ? queue->documents : 0,
        .max_requests = queue->by_requests == queue->exporters ? queue->requests : 0,
    };
    return queue->storage != NULL ? open_log(queue, pipeline_id, log, clock, arena, problems, out)
                                  : RAY_OK;
}

#define GAUGE(stat, scale)                                                                         \
    static int64_t read_##stat(void *queue)                                                        \
    {                                                                                              \
        struct ray_wal_stats stats;                                                                \
        ray_queue_log_stats(queue, &stats);                                                        \
        return (int64_t)(stats.stat / (scale));                                                    \
    }
GAUGE(syncs, 1)
GAUGE(sync_ns, 1000)
GAUGE(damaged_records, 1)
GAUGE(damaged_bytes, 1)
GAUGE(failed_writes, 1)
GAUGE(missing_documents, 1)
#undef GAUGE

static const struct {
    struct ray_metric_family family;
    ray_metric_read_fn read;
} gauges[] = {
    {{"spanbridge_queue_syncs", RAY_GAUGE, "Times that the log was synced to the disk."},
     read_syncs},
    {{"spanbridge_queue_sync_microseconds", RAY_GAUGE, "How long those took, together."},
     read_sync_ns},
    {{"spanbridge_queue_damaged_records", RAY_GAUGE,
      "Records of the log, each of one request, that were found damaged; at least so many."},
     read_damaged_records},
    {{"spanbridge_queue_damaged_bytes", RAY_GAUGE, "Bytes of the log that were passed over."},
     read_damaged_bytes},
    {{"spanbridge_queue_failed_writes", RAY_GAUGE,
      "Times that the disk refused something of the log, for want of room or otherwise."},
     read_failed_writes},
    {{"spanbridge_queue_missing_documents", RAY_GAUGE,
      "Documents that no file of the log had at the start and that are not known to be delivered: "
      "a "
      "file was deleted or cut."},
     read_missing_documents},
};

enum ray_status ray_pipeline_queue_metrics(struct ray_queue *queue, struct ray_str pipeline_id,
                                           struct ray_metrics *metrics)
{
    struct ray_buf labels;
    enum ray_status status = RAY_OK;
    ray_buf_init(&labels, 1024);
    ray_metric_label(&labels, "pipeline", pipeline_id);
    ray_buf_append_byte(&labels, '\0');
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]) && status == RAY_OK; i++) {
        status = labels.failed ? RAY_NOMEM
                               : ray_metrics_gauge_fn(metrics, &gauges[i].family, labels.data,
                                                      gauges[i].read, queue);
    }
    ray_buf_clear(&labels);
    return status;
}
