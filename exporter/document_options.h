/*
 * document_options: the keys that every exporter of segment documents has: what shapes its
 * documents, and the queue they wait in. Rows for the exporters' tables, and what a table cannot
 * judge.
 */
#ifndef RAY_EXPORTER_DOCUMENT_OPTIONS_H
#define RAY_EXPORTER_DOCUMENT_OPTIONS_H

#include "config/options.h"
#include "translate/translate.h"

struct ray_document_options {
    bool index_all_attributes;
    struct ray_str_list indexed_attributes;
    struct ray_str_list aws_log_groups;
    int preserve;              /* 0 none, 1 all */
    int64_t annotation_budget; /* 0: none */
};

/* The rows of a member `field` of that type.
 * NOLINTBEGIN(bugprone-macro-parentheses): offsetof takes no parentheses around a member */
#define RAY_OPT_DOCUMENTS(field, preserve_default)                                                 \
    RAY_OPT_BOOL("index_all_attributes", field.index_all_attributes, "false",                      \
                 "make every attribute an annotation"),                                            \
        RAY_OPT_STR_LIST(                                                                          \
            "indexed_attributes", field.indexed_attributes,                                        \
            "attributes to make annotations; otel.resource.NAME for resource attributes; "         \
            "app.* is a pattern, NAME -> KEY a rename"),                                           \
        RAY_OPT_INT("annotation_budget", field.annotation_budget, "0", "0", "100000",              \
                    "annotations of a document, the named ones first; the rest is metadata; 0: "   \
                    "all"),                                                                        \
        RAY_OPT_STR_LIST("aws_log_groups", field.aws_log_groups,                                   \
                         "log groups of segments whose resource names none"),                      \
        RAY_OPT_ENUM("preserve", field.preserve, preserve_default, "none|all",                     \
                     "all: keep events, scope and span fields in metadata")
/* NOLINTEND(bugprone-macro-parentheses) */

/* Views into `options`. */
void ray_document_options_for_translate(const struct ray_document_options *options,
                                        struct ray_translate_options *out);

/* `node` is the exporter's, `path` its path. Adds problems. */
void ray_document_keys_check(const struct ray_yaml *node, const char *path,
                             struct ray_problems *problems);

struct ray_queue_key_options { /* section `sending_queue` */
    bool enabled;
    uint64_t queue_size; /* in units of `sizer`; 0: not written */
    int sizer;           /* enum ray_sizer */
    bool block_on_overflow;
    bool wait_for_result;
    int on_full; /* 0 refuse, 1 drop_oldest */
    uint32_t max_age_ms;
    struct ray_str storage; /* id of an extension; "": in memory */
};
enum ray_sizer { RAY_SIZER_BYTES, RAY_SIZER_ITEMS, RAY_SIZER_REQUESTS };
extern const struct ray_option ray_queue_key_table[];

/* `node` is the exporter's, `path` its path: "exporters.awsxray". Adds problems. */
void ray_queue_keys_check(const struct ray_queue_key_options *options, const struct ray_yaml *node,
                          const char *path, struct ray_problems *problems);

/* Where `key` of the map `node` was written, else the map's own place, else NULL. */
const struct ray_place *ray_key_place(const struct ray_yaml *node, const char *key);

#endif
