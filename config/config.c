/* config: see config.h. */
#include "config/config.h"

#include "config/expand.h"
#include "config/location.h"
#include "config/nearest.h"
#include "config/tree.h"

#include <stdio.h>
#include <string.h>

struct checker {
    struct ray_arena *arena;
    struct ray_problems *problems;
    struct ray_config *config;
    enum ray_status status; /* RAY_OK or RAY_NOMEM; what is wrong is counted in `problems` */
};

static const struct ray_str section_keys[] = {
    [RAY_SECTION_RECEIVER] = RAY_STR_INIT("receivers"),
    [RAY_SECTION_PROCESSOR] = RAY_STR_INIT("processors"),
    [RAY_SECTION_EXPORTER] = RAY_STR_INIT("exporters"),
    [RAY_SECTION_EXTENSION] = RAY_STR_INIT("extensions"),
    [RAY_SECTION_CONNECTOR] = RAY_STR_INIT("connectors"),
    [RAY_SECTION_COUNT] = RAY_STR_INIT("service"), /* known, but no list of components */
};
#define TOP_KEYS (sizeof(section_keys) / sizeof(section_keys[0]))

const char *ray_section_name(enum ray_section section)
{
    return section_keys[section].ptr;
}

/* "service.pipelines.traces" is long enough for any path here but for the ids in it. */
struct path {
    char text[160];
};

static void *allocate(struct checker *c, size_t count, size_t size)
{
    void *memory = ray_arena_alloc_array(c->arena, count, size);
    if (memory == NULL) {
        c->status = RAY_NOMEM;
    }
    return memory;
}

/* ", did you mean 'x'?", or nothing. */
static struct path did_you_mean(struct ray_str near)
{
    struct path text = {.text = ""};
    if (near.len > 0) {
        snprintf(text.text, sizeof(text.text), ", did you mean '%.*s'?", RAY_STR_ARG(near));
    }
    return text;
}

/* False, with a problem, when `node` is neither a map nor nothing. */
static bool expect_map(struct checker *c, const struct ray_yaml *node, const char *path)
{
    if (node->kind == RAY_YAML_MAP || node->kind == RAY_YAML_NULL) {
        return true;
    }
    ray_problem(c->problems, &node->place, "%s: %s stands where a map belongs", path,
                ray_yaml_kind_name(node->kind));
    return false;
}

/* ---- components --------------------------------------------------------------------------- */

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* A letter, then letters, digits, '_', at most 63 (collector: component/identifiable.go). */
static bool is_type(struct ray_str type)
{
    for (size_t i = 0; i < type.len; i++) {
        char byte = type.ptr[i];
        bool later = (byte >= '0' && byte <= '9') || byte == '_';
        if (!is_letter(byte) && !(i > 0 && later)) {
            return false;
        }
    }
    return type.len > 0 && type.len <= 63;
}

/* No blanks, control characters or symbols, at most 1024 (same place; there Unicode classes Z, C
 * and S, here their ASCII part). */
static bool is_name(struct ray_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char byte = (unsigned char)name.ptr[i];
        if (byte <= ' ' || byte == 0x7f || strchr("$+<=>^`|~", byte) != NULL) {
            return false;
        }
    }
    return name.len > 0 && name.len <= 1024;
}

/* Cuts "type/name" at the first slash; false when a part is not legal. */
static bool split_id(struct ray_str id, struct ray_str *type)
{
    size_t slash = ray_str_find_byte(id, '/');
    *type = ray_str_until(id, slash);
    return is_type(*type) && (slash == SIZE_MAX || is_name(ray_str_from_pos(id, slash + 1)));
}

static void add_component(struct checker *c, enum ray_section section,
                          const struct ray_yaml_pair *pair)
{
    struct ray_str type;
    if (!split_id(pair->key, &type)) {
        ray_problem(c->problems, &pair->place,
                    "%s.%.*s: not an id: TYPE or TYPE/NAME, the type of letters, digits and '_', "
                    "the name without blanks and symbols",
                    ray_section_name(section), RAY_STR_ARG(pair->key));
        return;
    }
    size_t index = c->config->component_count[section]++;
    c->config->components[section][index] = (struct ray_config_component){
        .id = pair->key, .type = type, .place = pair->place, .options = pair->value};
}

static void read_section(struct checker *c, enum ray_section section)
{
    const struct ray_yaml *node = ray_yaml_get(c->config->root, section_keys[section]);
    if (node == NULL || !expect_map(c, node, ray_section_name(section))) {
        return;
    }
    c->config->components[section] = allocate(c, node->count, sizeof(struct ray_config_component));
    for (size_t i = 0; i < node->count && c->status == RAY_OK; i++) {
        add_component(c, section, &node->pairs[i]);
    }
}

static void check_top_keys(struct checker *c)
{
    const struct ray_yaml *root = c->config->root;
    for (size_t i = 0; i < root->count; i++) {
        struct ray_str key = root->pairs[i].key;
        bool known = false;
        for (size_t k = 0; k < TOP_KEYS; k++) {
            known = known || ray_str_eq(key, section_keys[k]);
        }
        if (!known) {
            struct path hint = did_you_mean(ray_nearest_word(key, section_keys, TOP_KEYS));
            ray_problem(c->problems, &root->pairs[i].place, "%.*s: unknown section%s",
                        RAY_STR_ARG(key),
                        hint.text[0] != '\0' ? hint.text
                                             : "; known: receivers, processors, exporters, "
                                               "extensions, connectors, service");
        }
    }
}

static const struct ray_config_component *
find_component(const struct ray_config *config, enum ray_section section, struct ray_str id)
{
    for (size_t i = 0; i < config->component_count[section]; i++) {
        if (ray_str_eq(config->components[section][i].id, id)) {
            return &config->components[section][i];
        }
    }
    return NULL;
}

static struct ray_str nearest_id(struct checker *c, enum ray_section section, struct ray_str id)
{
    size_t count = c->config->component_count[section];
    struct ray_str *ids = allocate(c, count, sizeof(*ids));
    if (ids == NULL) {
        return (struct ray_str){NULL, 0};
    }
    for (size_t i = 0; i < count; i++) {
        ids[i] = c->config->components[section][i].id;
    }
    return ray_nearest_word(id, ids, count);
}

/* ---- references --------------------------------------------------------------------------- */

struct reference_list {
    struct ray_config_reference *items;
    size_t count;
};

/* Both ends of a connector count: it is an exporter to one pipeline and a receiver to another. */
static const struct ray_config_component *find_referred(const struct ray_config *config,
                                                        enum ray_section section, struct ray_str id)
{
    const struct ray_config_component *found = find_component(config, section, id);
    if (found == NULL && (section == RAY_SECTION_RECEIVER || section == RAY_SECTION_EXPORTER)) {
        found = find_component(config, RAY_SECTION_CONNECTOR, id);
    }
    return found;
}

static bool is_listed(const struct reference_list *list, struct ray_str id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (ray_str_eq(list->items[i].id, id)) {
            return true;
        }
    }
    return false;
}

static void add_reference(struct checker *c, enum ray_section section, const struct ray_yaml *item,
                          const char *path, struct reference_list *list)
{
    if (item->kind != RAY_YAML_SCALAR) {
        ray_problem(c->problems, &item->place, "%s: %s stands where an id belongs", path,
                    ray_yaml_kind_name(item->kind));
        return;
    }
    if (is_listed(list, item->text)) {
        ray_problem(c->problems, &item->place, "%s: '%.*s' is listed twice", path,
                    RAY_STR_ARG(item->text));
        return;
    }
    const struct ray_config_component *component = find_referred(c->config, section, item->text);
    if (component == NULL) {
        struct path hint = did_you_mean(nearest_id(c, section, item->text));
        ray_problem(c->problems, &item->place, "%s: '%.*s' is not defined under %s%s", path,
                    RAY_STR_ARG(item->text), ray_section_name(section), hint.text);
        return;
    }
    list->items[list->count++] = (struct ray_config_reference){
        .id = item->text, .place = item->place, .component = component};
}

/* The ids of the list `node` (NULL: none). */
static struct reference_list read_references(struct checker *c, enum ray_section section,
                                             const struct ray_yaml *node, const char *path)
{
    struct reference_list list = {.items = NULL};
    if (node == NULL || node->kind == RAY_YAML_NULL) {
        return list;
    }
    if (node->kind != RAY_YAML_LIST) {
        ray_problem(c->problems, &node->place, "%s: %s stands where a list of ids belongs", path,
                    ray_yaml_kind_name(node->kind));
        return list;
    }
    list.items = allocate(c, node->count, sizeof(*list.items));
    for (size_t i = 0; i < node->count && c->status == RAY_OK; i++) {
        add_reference(c, section, node->items[i], path, &list);
    }
    return list;
}

/* ---- pipelines ---------------------------------------------------------------------------- */

static const struct ray_str signals[] = {RAY_STR_INIT("traces"), RAY_STR_INIT("metrics"),
                                         RAY_STR_INIT("logs")};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static const struct ray_str pipeline_keys[] = {
    RAY_STR_INIT("receivers"), RAY_STR_INIT("processors"), RAY_STR_INIT("exporters")};
#define PIPELINE_KEYS (sizeof(pipeline_keys) / sizeof(pipeline_keys[0]))

static bool is_one_of(struct ray_str word, const struct ray_str *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ray_str_eq(word, words[i])) {
            return true;
        }
    }
    return false;
}

static void check_pipeline_keys(struct checker *c, const struct ray_yaml *node, const char *path)
{
    for (size_t i = 0; i < node->count; i++) {
        const struct ray_yaml_pair *pair = &node->pairs[i];
        if (is_one_of(pair->key, pipeline_keys, PIPELINE_KEYS)) {
            continue;
        }
        struct path hint = did_you_mean(ray_nearest_word(pair->key, pipeline_keys, PIPELINE_KEYS));
        ray_problem(
            c->problems, &pair->place, "%s.%.*s: unknown key%s", path, RAY_STR_ARG(pair->key),
            hint.text[0] != '\0' ? hint.text : "; known here: receivers, processors, exporters");
    }
}

/* A problem of its own only when the list is empty, not when its entries were wrong. */
static void expect_entries(struct checker *c, const struct ray_yaml_pair *pipeline,
                           struct ray_str key, const char *path)
{
    const struct ray_yaml *list = ray_yaml_get(pipeline->value, key);
    if (list != NULL && list->kind != RAY_YAML_NULL &&
        !(list->kind == RAY_YAML_LIST && list->count == 0)) {
        return;
    }
    ray_problem(c->problems, &pipeline->place, "%s.%.*s: at least one is needed", path,
                RAY_STR_ARG(key));
}

static struct reference_list read_stage(struct checker *c, enum ray_section section,
                                        const struct ray_yaml *pipeline, const char *path)
{
    struct path full;
    snprintf(full.text, sizeof(full.text), "%.140s.%s", path, ray_section_name(section));
    return read_references(c, section, ray_yaml_get(pipeline, section_keys[section]), full.text);
}

static bool check_signal(struct checker *c, const struct ray_yaml_pair *pair, const char *path,
                         struct ray_str *signal)
{
    size_t slash = ray_str_find_byte(pair->key, '/');
    *signal = ray_str_until(pair->key, slash);
    if (!is_one_of(*signal, signals, SIGNALS)) {
        struct path hint = did_you_mean(ray_nearest_word(*signal, signals, SIGNALS));
        ray_problem(c->problems, &pair->place, "%s: unknown signal '%.*s'%s", path,
                    RAY_STR_ARG(*signal),
                    hint.text[0] != '\0' ? hint.text
                                         : "; a pipeline is traces, metrics or logs, or one of "
                                           "them with /NAME");
        return false;
    }
    if (slash != SIZE_MAX && !is_name(ray_str_from_pos(pair->key, slash + 1))) {
        ray_problem(c->problems, &pair->place,
                    "%s: the name behind '/' is empty or has blanks or symbols", path);
        return false;
    }
    return true;
}

static void add_pipeline(struct checker *c, const struct ray_yaml_pair *pair)
{
    struct path path;
    snprintf(path.text, sizeof(path.text), "service.pipelines.%.*s", RAY_STR_ARG(pair->key));
    struct ray_str signal;
    bool known = check_signal(c, pair, path.text, &signal);
    if (!expect_map(c, pair->value, path.text)) {
        return;
    }
    check_pipeline_keys(c, pair->value, path.text);
    expect_entries(c, pair, section_keys[RAY_SECTION_RECEIVER], path.text);
    expect_entries(c, pair, section_keys[RAY_SECTION_EXPORTER], path.text);
    struct reference_list receivers = read_stage(c, RAY_SECTION_RECEIVER, pair->value, path.text);
    struct reference_list processors = read_stage(c, RAY_SECTION_PROCESSOR, pair->value, path.text);
    struct reference_list exporters = read_stage(c, RAY_SECTION_EXPORTER, pair->value, path.text);
    if (known) {
        c->config->pipelines[c->config->pipeline_count++] =
            (struct ray_config_pipeline){.id = pair->key,
                                         .signal = signal,
                                         .place = pair->place,
                                         .receivers = receivers.items,
                                         .receiver_count = receivers.count,
                                         .processors = processors.items,
                                         .processor_count = processors.count,
                                         .exporters = exporters.items,
                                         .exporter_count = exporters.count};
    }
}

static void read_pipelines(struct checker *c, const struct ray_yaml *service)
{
    const struct ray_yaml *node = ray_yaml_get(service, RAY_STR("pipelines"));
    if (node != NULL && !expect_map(c, node, "service.pipelines")) {
        return;
    }
    if (node == NULL || node->count == 0) {
        const struct ray_place *place = node != NULL ? &node->place : &service->place;
        ray_problem(c->problems, place, "service.pipelines: at least one pipeline is needed");
        return;
    }
    c->config->pipelines = allocate(c, node->count, sizeof(struct ray_config_pipeline));
    for (size_t i = 0; i < node->count && c->status == RAY_OK; i++) {
        add_pipeline(c, &node->pairs[i]);
    }
}

/* ---- service ------------------------------------------------------------------------------ */

static const struct ray_str service_keys[] = {RAY_STR_INIT("extensions"), RAY_STR_INIT("pipelines"),
                                              RAY_STR_INIT("telemetry")};
#define SERVICE_KEYS (sizeof(service_keys) / sizeof(service_keys[0]))

/* What of `service` is the caller's: all but the keys that are read here and slips of them. */
static struct ray_yaml *rest_of_service(struct checker *c, const struct ray_yaml *service)
{
    struct ray_yaml *rest = allocate(c, 1, sizeof(*rest));
    struct ray_yaml_pair *pairs = allocate(c, service->count, sizeof(*pairs));
    if (rest == NULL || pairs == NULL) {
        return NULL;
    }
    *rest = (struct ray_yaml){.kind = RAY_YAML_MAP, .place = service->place, .pairs = pairs};
    for (size_t i = 0; i < service->count; i++) {
        const struct ray_yaml_pair *pair = &service->pairs[i];
        struct ray_str near = ray_nearest_word(pair->key, service_keys, SERVICE_KEYS);
        if (near.len == 0) {
            pairs[rest->count++] = *pair;
        } else if (!ray_str_eq(near, pair->key)) {
            ray_problem(c->problems, &pair->place,
                        "service.%.*s: unknown key, did you mean '%.*s'?", RAY_STR_ARG(pair->key),
                        RAY_STR_ARG(near));
        }
    }
    return rest;
}

static void read_service(struct checker *c)
{
    struct ray_config *config = c->config;
    const struct ray_yaml *service = ray_yaml_get(config->root, RAY_STR("service"));
    if (service == NULL) {
        ray_problem(c->problems, &config->root->place,
                    "service: missing; its pipelines say which components run");
        return;
    }
    if (!expect_map(c, service, "service")) {
        return;
    }
    config->service = rest_of_service(c, service);
    config->telemetry = ray_yaml_get(service, RAY_STR("telemetry"));
    struct reference_list extensions =
        read_references(c, RAY_SECTION_EXTENSION, ray_yaml_get(service, RAY_STR("extensions")),
                        "service.extensions");
    config->extensions = extensions.items;
    config->extension_count = extensions.count;
    read_pipelines(c, service);
}

static bool refers_to(const struct ray_config_reference *references, size_t count,
                      const struct ray_config_component *component)
{
    for (size_t i = 0; i < count; i++) {
        if (references[i].component == component) {
            return true;
        }
    }
    return false;
}

static bool is_used(const struct ray_config *config, const struct ray_config_component *component)
{
    for (size_t i = 0; i < config->pipeline_count; i++) {
        const struct ray_config_pipeline *p = &config->pipelines[i];
        if (refers_to(p->receivers, p->receiver_count, component) ||
            refers_to(p->processors, p->processor_count, component) ||
            refers_to(p->exporters, p->exporter_count, component)) {
            return true;
        }
    }
    return refers_to(config->extensions, config->extension_count, component);
}

static void warn_of_unused(struct checker *c)
{
    for (size_t section = 0; section < RAY_SECTION_COUNT; section++) {
        for (size_t i = 0; i < c->config->component_count[section]; i++) {
            const struct ray_config_component *component = &c->config->components[section][i];
            if (!is_used(c->config, component)) {
                ray_problem_warn(c->problems, &component->place,
                                 "%s.%.*s: defined but not used by the service, so not started",
                                 section_keys[section].ptr, RAY_STR_ARG(component->id));
            }
        }
    }
}

static void check(struct checker *c)
{
    check_top_keys(c);
    for (size_t section = 0; section < RAY_SECTION_COUNT; section++) {
        read_section(c, (enum ray_section)section);
    }
    read_service(c);
    if (c->problems->count == 0 && c->status == RAY_OK) {
        warn_of_unused(c);
    }
}

/* ---- loading ------------------------------------------------------------------------------ */

/* Lays a document over the tree. A failed one is passed over, so that the others are still read. */
static enum ray_status lay_over(struct ray_yaml **root, enum ray_status loaded,
                                struct ray_yaml *document, struct ray_arena *arena)
{
    if (loaded != RAY_OK || document->kind == RAY_YAML_NULL) {
        return loaded;
    }
    return ray_tree_merge(root, document, arena);
}

static enum ray_status load_all(const struct ray_config_source *source, struct ray_arena *arena,
                                struct ray_problems *problems, struct ray_yaml **root)
{
    enum ray_status worst = RAY_OK;
    struct ray_yaml *document = NULL;
    if (source->builtin_text != NULL) {
        enum ray_status loaded = ray_location_parse(
            ray_str_from(source->builtin_text), source->builtin_name, arena, problems, &document);
        worst = ray_status_worst(worst, lay_over(root, loaded, document, arena));
    }
    for (size_t i = 0; i < source->location_count; i++) {
        enum ray_status loaded =
            ray_location_load(source->locations[i], arena, problems, &document);
        worst = ray_status_worst(worst, lay_over(root, loaded, document, arena));
    }
    for (size_t i = 0; i < source->set_count; i++) {
        enum ray_status loaded = ray_location_set(source->sets[i], arena, problems, &document);
        worst = ray_status_worst(worst, lay_over(root, loaded, document, arena));
    }
    return worst;
}

/* The tree to lay documents over: nothing yet, placed where the first one begins. */
static struct ray_yaml *new_root(const struct ray_config_source *source, struct ray_arena *arena)
{
    struct ray_yaml *root = RAY_ARENA_NEW(arena, struct ray_yaml);
    if (root != NULL) {
        const char *first = source->location_count > 0 ? source->locations[0] : "(nothing)";
        root->place.file = source->builtin_text != NULL ? source->builtin_name : first;
    }
    return root;
}

static enum ray_status load(const struct ray_config_source *source, struct ray_arena *arena,
                            struct ray_problems *problems, struct ray_config *out)
{
    struct ray_yaml *root = new_root(source, arena);
    if (root == NULL) {
        return RAY_NOMEM;
    }
    enum ray_status status = load_all(source, arena, problems, &root);
    if (status != RAY_OK) {
        return status;
    }
    if (root->kind == RAY_YAML_NULL) {
        ray_problem(problems, &root->place, "the configuration is empty");
        return RAY_INVALID;
    }
    status = ray_expand(root, arena, problems);
    if (status == RAY_NOMEM) {
        return status;
    }
    struct ray_config config = {.root = root};
    struct checker checker = {.arena = arena, .problems = problems, .config = &config};
    check(&checker);
    if (checker.status == RAY_OK) {
        *out = config;
    }
    return ray_status_worst(checker.status, problems->count > 0 ? RAY_INVALID : RAY_OK);
}

enum ray_status ray_config_load(const struct ray_config_source *source, struct ray_arena *arena,
                                struct ray_problems *problems, struct ray_config *out)
{
    enum ray_status status = load(source, arena, problems, out);
    if (status == RAY_NOMEM) {
        ray_problem(problems, NULL, "the configuration needs more memory than it may have");
    }
    return status;
}
