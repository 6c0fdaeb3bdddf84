/* document_options: see document_options.h. Key names: exporterhelper's README, 0.130 and 0.156. */
#include "exporter/document_options.h"

#include "translate/indexed.h"

#include <stddef.h>

#define NO_EFFECT       ""
#define QUEUE_BYTES_MIN ((uint64_t)64 << 10)
static const struct ray_option batch_table[] = {
    RAY_OPT_IGNORED("flush_timeout", NO_EFFECT),
    RAY_OPT_IGNORED("min_size", NO_EFFECT),
    RAY_OPT_IGNORED("max_size", NO_EFFECT),
    RAY_OPT_IGNORED("sizer", NO_EFFECT),
    RAY_OPT_IGNORED("partition", NO_EFFECT),
    RAY_OPT_IGNORED("enabled", NO_EFFECT),
    RAY_OPT_END,
};

#define RAY_OPT_STRUCT struct ray_queue_key_options
const struct ray_option ray_queue_key_table[] = {
    RAY_OPT_BOOL("enabled", enabled, "true", "the queue is always there; false has no effect"),
    RAY_OPT_BYTES("queue_size", queue_size, "0", "1", "1TiB",
                  "what may wait, in units of sizer; past it clients are told to retry. Left out: "
                  "64MiB of memory, or a quarter of the control group's limit where that is less; "
                  "with storage its max_size"),
    RAY_OPT_ENUM("sizer", sizer, "bytes", "bytes|items|requests",
                 "unit of queue_size; items are documents. Bytes are bounded with each"),
    RAY_OPT_BOOL("block_on_overflow", block_on_overflow, "false", "only false is served"),
    RAY_OPT_BOOL("wait_for_result", wait_for_result, "false", "only false is served"),
    RAY_OPT_ENUM(
        "on_full", on_full, "refuse", "refuse|drop_oldest",
        "what a full queue means for this exporter: clients are told to retry, or it gives "
        "up its own oldest documents, counted"),
    RAY_OPT_DURATION("max_age", max_age_ms, "720h", "1s", "1000h",
                     "documents that have waited longer are dropped, counted: X-Ray refuses "
                     "segments older than 30 days"),
    RAY_OPT_STR(
        "storage", storage, "",
        "a file_storage among the extensions: the queue is on disk and outlives the process, "
        "for all exporters of the pipeline; left out: in memory"),
    RAY_OPT_IGNORED("num_consumers", "the exporter's own keys set how much it does at once"),
    RAY_OPT_IGNORED_SECTION("batch", batch_table, "documents are packed to the far end's limits"),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

const struct ray_place *ray_key_place(const struct ray_yaml *node, const char *key)
{
    const struct ray_yaml *value = ray_yaml_get(node, ray_str_from(key));
    return value != NULL ? &value->place : node != NULL ? &node->place : NULL;
}

void ray_document_options_for_translate(const struct ray_document_options *options,
                                        struct ray_translate_options *out)
{
    *out = (struct ray_translate_options){
        .indexed_attributes = options->indexed_attributes.items,
        .indexed_attribute_count = options->indexed_attributes.count,
        .aws_log_groups = options->aws_log_groups.items,
        .aws_log_group_count = options->aws_log_groups.count,
        .index_all_attributes = options->index_all_attributes,
        .preserve_all = options->preserve == 1,
        .annotation_budget = (uint32_t)options->annotation_budget,
    };
}

static void check_indexed_name(const struct ray_yaml *name, const char *path,
                               struct ray_problems *problems)
{
    struct ray_index_entry entry;
    if (ray_index_entry_read(name->text, &entry) != RAY_OK) {
        ray_problem(problems, &name->place,
                    "%s.indexed_attributes: '%.*s' renames nothing: write NAME -> ANNOTATION, with "
                    "one attribute's name, no pattern",
                    path, RAY_STR_ARG(name->text));
    }
}

void ray_document_keys_check(const struct ray_yaml *node, const char *path,
                             struct ray_problems *problems)
{
    const struct ray_yaml *names = ray_yaml_get(node, RAY_STR("indexed_attributes"));
    if (names != NULL && names->kind == RAY_YAML_SCALAR) {
        check_indexed_name(names, path, problems);
    }
    for (size_t i = 0; names != NULL && names->kind == RAY_YAML_LIST && i < names->count; i++) {
        check_indexed_name(names->items[i], path, problems);
    }
}

void ray_queue_keys_check(const struct ray_queue_key_options *options, const struct ray_yaml *node,
                          const char *path, struct ray_problems *problems)
{
    const struct ray_yaml *section = ray_yaml_get(node, RAY_STR("sending_queue"));
    const struct {
        bool wrong;
        const char *key;
        const char *why;
    } rules[] = {
        {options->sizer == RAY_SIZER_BYTES && options->queue_size > 0 &&
             options->queue_size < QUEUE_BYTES_MIN,
         "queue_size", "is below 64KiB; a number of items or requests needs its sizer"},
        {options->block_on_overflow, "block_on_overflow",
         "a full queue refuses with a hint to retry; it does not block"},
        {options->wait_for_result, "wait_for_result",
         "clients are answered when the queue has their data"},
    };
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].wrong) {
            ray_problem(problems, ray_key_place(section, rules[i].key), "%s.sending_queue.%s: %s",
                        path, rules[i].key, rules[i].why);
        }
    }
    if (!options->enabled) {
        ray_problem_warn(problems, ray_key_place(section, "enabled"),
                         "%s.sending_queue.enabled: the queue cannot be switched off", path);
    }
}
