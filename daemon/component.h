/*
 * component: the one static table of what a configuration may name, and the verbs of each.
 *
 * A row is a type in a section, its option table, and adapters to the room that implements it.
 * Options live in the configuration's arena. Four verbs: create (no side effect: `validate` runs
 * just the check and this), start, stop by a deadline, free.
 */
#ifndef RAY_DAEMON_COMPONENT_H
#define RAY_DAEMON_COMPONENT_H

#include "config/config.h"
#include "daemon/memory_limiter.h"
#include "exporter/document_options.h"
#include "exporter/exporter.h"
#include "net/address.h"
#include "receiver/otlp.h"
#include "translate/translate.h"

struct ray_receiver_verbs {
    void *(*create)(const void *options, const struct ray_receiver_environment *environment);
    enum ray_status (*start)(void *receiver, struct ray_net_error *error);
    void (*stop)(void *receiver, uint32_t timeout_ms);
    void (*free)(void *receiver);
    /* Appends " name=host:port" for each open port. */
    void (*addresses)(const void *options, const void *receiver, struct ray_buf *out);
};

/* What a processor says; NULL: nothing. */
struct ray_processor_verbs {
    /* How long an exporter of its pipeline may wait for a call to fill up. */
    uint32_t (*linger_ms)(const void *options);
    /* Memory that the process may have, at the doors of its pipeline's receivers. */
    struct ray_memory_limits (*memory_limits)(const void *options);
};

struct ray_exporter_verbs {
    /* What shapes its documents. Views into `options`. */
    void (*translate_options)(const void *options, struct ray_translate_options *out);
    /* What it asks of its pipeline's queue. Inside `options`. */
    const struct ray_queue_key_options *(*queue_keys)(const void *options);
    void *(*create)(const void *options, const struct ray_exporter_environment *environment);
    enum ray_status (*start)(void *exporter, struct ray_net_error *error);
    /* Is it able to deliver? `why` (200 bytes) says what is missing. Any thread. NULL: always. */
    bool (*ready)(void *exporter, char why[200]);
    /* The queue is closed: deliver what is left. Returns the documents that had to be given up. */
    uint64_t (*stop)(void *exporter, uint32_t timeout_ms);
    void (*free)(void *exporter);
    /* The same; NULL: it listens on nothing. */
    void (*addresses)(const void *options, const void *exporter, struct ray_buf *out);
    bool one_pipeline_only; /* owns something that cannot exist twice: a store, a port */
};

struct ray_component_kind {
    enum ray_section section;
    const char *type;
    const char *help;
    const struct ray_option *table;
    size_t options_bytes;
    /* What the table cannot say. NULL: nothing. */
    enum ray_status (*check)(const void *options, const struct ray_yaml *node, const char *path,
                             struct ray_problems *problems);
    /* the one of its section; NULL in others */
    const struct ray_receiver_verbs *receiver;
    const struct ray_processor_verbs *processor;
    const struct ray_exporter_verbs *exporter;
};

/* All rows. */
const struct ray_component_kind *ray_component_kinds(size_t *count);

/*
 * Every component that a configuration defines, its options read and checked, used or not: a slip
 * in one that waits to be used is found now. Lives in an arena.
 */
struct ray_component_set {
    const struct ray_config *config;
    struct ray_component {
        const struct ray_component_kind *kind; /* NULL: a type that is not served */
        void *options;                         /* NULL: what was written is no good */
    } * of[RAY_SECTION_COUNT];                 /* beside config->components */
};
/* RAY_INVALID with problems when some options are no good; types that are not served are no problem
 * until they are used. RAY_NOMEM. `config` and `arena` must outlive the set. */
RAY_MUST_USE enum ray_status ray_component_set_read(struct ray_component_set *set,
                                                    const struct ray_config *config,
                                                    struct ray_arena *arena,
                                                    struct ray_problems *problems);
/* The component as read; NULL when it cannot be used. A type that is not served becomes a problem
 * here, with the nearest one that is; bad options were told by ray_component_set_read. */
const struct ray_component *ray_component_set_use(const struct ray_component_set *set,
                                                  enum ray_section section,
                                                  const struct ray_config_component *component,
                                                  struct ray_problems *problems);

/* Where the key `path` ("protocols.grpc.endpoint") of a component was written; the component's own
 * place when it was not written at all. */
struct ray_place ray_component_place(const struct ray_config_component *component,
                                     struct ray_str path);

#endif
