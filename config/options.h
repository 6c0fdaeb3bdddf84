/*
 * options: tables that turn a part of the configuration into a struct.
 *
 * Parsing, defaults, bounds, the reference page and the "unknown key, did you mean" message all
 * come from the table. A component writes one next to its struct:
 *
 *     #define RAY_OPT_STRUCT struct awsxray_options
 *     static const struct ray_option awsxray_table[] = {
 *         RAY_OPT_STR("region", region, "", "AWS region; empty: from the environment"),
 *         RAY_OPT_BOOL("index_all_attributes", index_all, "false", "all become annotations"),
 *         RAY_OPT_DURATION("timeout", timeout_ms, "30s", "1s", "5m", "of one upload"),
 *         RAY_OPT_END,
 *     };
 */
#ifndef RAY_CONFIG_OPTIONS_H
#define RAY_CONFIG_OPTIONS_H

#include "config/yaml.h"

struct ray_str_list {
    struct ray_str *items;
    size_t count;
};

enum ray_option_type {
    RAY_OPTION_STR,      /* struct ray_str, NUL-terminated behind its end, in the arena */
    RAY_OPTION_BOOL,     /* bool */
    RAY_OPTION_INT,      /* int64_t, bounds in `min` and `max` */
    RAY_OPTION_DOUBLE,   /* double */
    RAY_OPTION_DURATION, /* uint32_t milliseconds; Go spelling "1m30s"; bare 0 allowed */
    RAY_OPTION_BYTES,    /* uint64_t; "4GiB", "512KiB", "10MB" or a plain number */
    RAY_OPTION_STR_LIST, /* struct ray_str_list; a scalar is split at commas */
    RAY_OPTION_ENUM,     /* int: the index of the word in `words` (separated by '|') */
    RAY_OPTION_SECTION,  /* nested table; `present` says whether the key was there */
    RAY_OPTION_NODE,     /* const struct ray_yaml *: taken as it is */
    RAY_OPTION_IGNORED,  /* accepted, no effect here: one info line with `help` as the reason */
    RAY_OPTION_REFUSED,  /* known elsewhere, refused here with `help` as the reason; like IGNORED
                            silent when the value is empty ("", [], {}, null) */
};

struct ray_option {
    const char *key;
    enum ray_option_type type;
    bool secret; /* its key must look like one: secret.h */
    size_t offset;
    const char *default_text; /* parsed by the same rules as the file; NULL: zero */
    const char *min;
    const char *max;
    const char *words;
    const struct ray_option *section; /* of SECTION; of IGNORED when its keys are checked */
    size_t present_offset;            /* SECTION: offset of a bool, SIZE_MAX: none */
    const char *help;
};

#define RAY_OPT_STR(k, field, def, h)                                                              \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_STR, .offset = offsetof(RAY_OPT_STRUCT, field),             \
        .default_text = (def), .help = (h)                                                         \
    }
#define RAY_OPT_SECRET(k, field, h)                                                                \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_STR, .offset = offsetof(RAY_OPT_STRUCT, field),             \
        .secret = true, .default_text = "", .help = (h)                                            \
    }
#define RAY_OPT_BOOL(k, field, def, h)                                                             \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_BOOL, .offset = offsetof(RAY_OPT_STRUCT, field),            \
        .default_text = (def), .help = (h)                                                         \
    }
#define RAY_OPT_INT(k, field, def, lo, hi, h)                                                      \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_INT, .offset = offsetof(RAY_OPT_STRUCT, field),             \
        .default_text = (def), .min = (lo), .max = (hi), .help = (h)                               \
    }
#define RAY_OPT_DOUBLE(k, field, def, lo, hi, h)                                                   \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_DOUBLE, .offset = offsetof(RAY_OPT_STRUCT, field),          \
        .default_text = (def), .min = (lo), .max = (hi), .help = (h)                               \
    }
#define RAY_OPT_DURATION(k, field, def, lo, hi, h)                                                 \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_DURATION, .offset = offsetof(RAY_OPT_STRUCT, field),        \
        .default_text = (def), .min = (lo), .max = (hi), .help = (h)                               \
    }
#define RAY_OPT_BYTES(k, field, def, lo, hi, h)                                                    \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_BYTES, .offset = offsetof(RAY_OPT_STRUCT, field),           \
        .default_text = (def), .min = (lo), .max = (hi), .help = (h)                               \
    }
#define RAY_OPT_STR_LIST(k, field, h)                                                              \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_STR_LIST, .offset = offsetof(RAY_OPT_STRUCT, field),        \
        .help = (h)                                                                                \
    }
#define RAY_OPT_ENUM(k, field, def, list, h)                                                       \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_ENUM, .offset = offsetof(RAY_OPT_STRUCT, field),            \
        .default_text = (def), .words = (list), .help = (h)                                        \
    }
/* `table`'s offsets are relative to the member `field`. */
#define RAY_OPT_SECTION(k, field, table, h)                                                        \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_SECTION, .offset = offsetof(RAY_OPT_STRUCT, field),         \
        .section = (table), .present_offset = SIZE_MAX, .help = (h)                                \
    }
#define RAY_OPT_SECTION_IF(k, field, present, table, h)                                            \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_SECTION, .offset = offsetof(RAY_OPT_STRUCT, field),         \
        .section = (table), .present_offset = offsetof(RAY_OPT_STRUCT, present), .help = (h)       \
    }
#define RAY_OPT_NODE(k, field, h)                                                                  \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_NODE, .offset = offsetof(RAY_OPT_STRUCT, field),            \
        .help = (h)                                                                                \
    }
#define RAY_OPT_IGNORED(k, why)                                                                    \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_IGNORED, .help = (why)                                      \
    }
/* A section without effect whose keys are known all the same, so that a slip is told. */
#define RAY_OPT_IGNORED_SECTION(k, table, why)                                                     \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_IGNORED, .section = (table), .help = (why)                  \
    }
#define RAY_OPT_REFUSED(k, why)                                                                    \
    {                                                                                              \
        .key = (k), .type = RAY_OPTION_REFUSED, .help = (why)                                      \
    }
#define RAY_OPT_END                                                                                \
    {                                                                                              \
        .key = NULL                                                                                \
    }

/*
 * Fills `out` from `node` (NULL or RAY_YAML_NULL: all defaults). `path` is what stands in messages:
 * "exporters.awsxray"; "" for none. Strings and lists are views into `arena`. Every problem is
 * reported, not just the first. RAY_INVALID when there was one, RAY_NOMEM; `out` then holds
 * defaults where the file was wrong.
 *
 * A key without a value keeps its default; a section without one is present, with defaults. Bounds
 * hold for what is written, not for defaults (0 may mean "off"). As in the collector a number may
 * stand where text is wanted, a number in quotes where a number is, and "a,b" where a list is.
 */
RAY_MUST_USE enum ray_status ray_options_read(const struct ray_option *table,
                                              const struct ray_yaml *node, const char *path,
                                              struct ray_arena *arena,
                                              struct ray_problems *problems, void *out);

/* The table as lines of a reference page in Markdown: | key | type | default | meaning |, with the
 * heading; keys of sections as "section.key". */
void ray_options_describe(const struct ray_option *table, struct ray_buf *out);

#endif
