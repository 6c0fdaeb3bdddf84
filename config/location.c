/* location: see location.h. */
#include "config/location.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/tree.h"

#define CHUNK_BYTES ((size_t)64 * 1024)

static enum ray_status read_all(int fd, struct ray_buf *text)
{
    for (;;) {
        if (!ray_buf_reserve(text, CHUNK_BYTES)) {
            return text->len + CHUNK_BYTES > text->max_bytes ? RAY_TOO_BIG : RAY_NOMEM;
        }
        ssize_t got = read(fd, text->data + text->len, CHUNK_BYTES);
        if (got == 0) {
            return text->len > RAY_YAML_MAX_BYTES ? RAY_TOO_BIG : RAY_OK;
        }
        if (got < 0 && errno != EINTR) {
            return RAY_IO;
        }
        text->len += got > 0 ? (size_t)got : 0;
    }
}

enum ray_status ray_location_read_file(const char *path, struct ray_arena *arena,
                                       struct ray_str *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return RAY_IO;
    }
    struct ray_buf text;
    ray_buf_init(&text, RAY_YAML_MAX_BYTES + 2 * CHUNK_BYTES);
    enum ray_status status = read_all(fd, &text);
    int error = errno;
    close(fd);
    if (status == RAY_OK) {
        struct ray_str copy = ray_arena_copy(arena, ray_buf_str(&text));
        *out = copy;
        status = copy.ptr == NULL ? RAY_NOMEM : RAY_OK;
    }
    ray_buf_clear(&text);
    errno = error;
    return status;
}

/* {"a::b": v} becomes {a: {b: v}}, as the collector's `yaml:a::b: v` means it. */
static enum ray_status unfold(struct ray_yaml *document, struct ray_arena *arena,
                              struct ray_problems *problems, struct ray_yaml **out)
{
    struct ray_yaml *root = RAY_ARENA_NEW(arena, struct ray_yaml);
    if (root == NULL) {
        return RAY_NOMEM;
    }
    *root = (struct ray_yaml){.kind = RAY_YAML_MAP, .place = document->place};
    for (size_t i = 0; i < document->count; i++) {
        const struct ray_yaml_pair *pair = &document->pairs[i];
        struct ray_yaml *branch;
        enum ray_status status =
            ray_tree_wrap(pair->key, RAY_STR("::"), &pair->place, pair->value, arena, &branch);
        if (status == RAY_INVALID) {
            ray_problem(problems, &pair->place, "'%.*s': a key has an empty part",
                        RAY_STR_ARG(pair->key));
        }
        status = status == RAY_OK ? ray_tree_merge(&root, branch, arena) : status;
        if (status != RAY_OK) {
            return status;
        }
    }
    *out = root;
    return RAY_OK;
}

static bool has_folded_key(const struct ray_yaml *document)
{
    for (size_t i = 0; i < document->count; i++) {
        if (ray_str_find(document->pairs[i].key, RAY_STR("::")) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

enum ray_status ray_location_parse(struct ray_str text, const char *name, struct ray_arena *arena,
                                   struct ray_problems *problems, struct ray_yaml **out)
{
    struct ray_yaml *document;
    enum ray_status status = ray_yaml_parse(text, name, arena, problems, &document);
    if (status != RAY_OK) {
        return status;
    }
    if (document->kind != RAY_YAML_MAP && document->kind != RAY_YAML_NULL) {
        ray_problem(problems, &document->place,
                    "a configuration is a map of receivers, exporters, service and so on; here "
                    "stands %s",
                    ray_yaml_kind_name(document->kind));
        return RAY_INVALID;
    }
    if (document->kind == RAY_YAML_MAP && has_folded_key(document)) {
        return unfold(document, arena, problems, out);
    }
    *out = document;
    return RAY_OK;
}

static enum ray_status load_file(const char *path, struct ray_arena *arena,
                                 struct ray_problems *problems, struct ray_yaml **out)
{
    struct ray_str text;
    enum ray_status status = ray_location_read_file(path, arena, &text);
    struct ray_place place = {.file = path};
    if (status == RAY_IO) {
        ray_problem(problems, &place, "cannot be read: %s", strerror(errno));
    } else if (status == RAY_TOO_BIG) {
        ray_problem(problems, &place, "larger than 1 MiB");
        status = RAY_INVALID;
    }
    return status == RAY_OK ? ray_location_parse(text, path, arena, problems, out) : status;
}

static enum ray_status load_env(const char *variable, struct ray_arena *arena,
                                struct ray_problems *problems, struct ray_yaml **out)
{
    const char *text = getenv(variable);
    struct ray_str name = ray_arena_printf(arena, "(env:%s)", variable);
    if (name.ptr == NULL) {
        return RAY_NOMEM;
    }
    if (text == NULL) {
        ray_problem(problems, &(struct ray_place){.file = name.ptr}, "the variable is not set");
        return RAY_IO;
    }
    struct ray_str copy = ray_arena_copy(arena, ray_str_from(text));
    return copy.ptr == NULL ? RAY_NOMEM : ray_location_parse(copy, name.ptr, arena, problems, out);
}

static enum ray_status load_yaml(const char *text, struct ray_arena *arena,
                                 struct ray_problems *problems, struct ray_yaml **out)
{
    return ray_location_parse(ray_str_from(text), "(yaml)", arena, problems, out);
}

typedef enum ray_status load_fn(const char *rest, struct ray_arena *arena,
                                struct ray_problems *problems, struct ray_yaml **out);

static const struct scheme {
    struct ray_str prefix;
    load_fn *load; /* NULL: known elsewhere, refused here */
} schemes[] = {
    {RAY_STR_INIT("file:"), load_file}, {RAY_STR_INIT("env:"), load_env},
    {RAY_STR_INIT("yaml:"), load_yaml}, {RAY_STR_INIT("http:"), NULL},
    {RAY_STR_INIT("https:"), NULL},     {RAY_STR_INIT("s3:"), NULL},
};

enum ray_status ray_location_load(const char *location, struct ray_arena *arena,
                                  struct ray_problems *problems, struct ray_yaml **out)
{
    struct ray_str whole = ray_str_from(location);
    bool refused = ray_str_find(whole, RAY_STR("://")) != SIZE_MAX;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (!ray_str_starts_with(whole, schemes[i].prefix)) {
            continue;
        }
        if (schemes[i].load != NULL) {
            return schemes[i].load(location + schemes[i].prefix.len, arena, problems, out);
        }
        refused = true;
    }
    if (!refused) {
        return load_file(location, arena, problems, out);
    }
    ray_problem(problems, NULL,
                "--config %s: configurations are not loaded from the network; fetch it first, then "
                "give a path, file:PATH, env:NAME or yaml:TEXT",
                location);
    return RAY_INVALID;
}

enum ray_status ray_location_set(const char *argument, struct ray_arena *arena,
                                 struct ray_problems *problems, struct ray_yaml **out)
{
    struct ray_str path = ray_str_from(argument);
    struct ray_place place = {"(--set)", 1, 1};
    size_t equals = ray_str_find_byte(path, '=');
    if (equals == SIZE_MAX) {
        ray_problem(problems, &place, "'%s': expected key.key=value", argument);
        return RAY_INVALID;
    }
    struct ray_str value_text = ray_str_from_pos(path, equals + 1);
    path = ray_str_until(path, equals);
    struct ray_place value_place = {"(--set)", 1, (uint32_t)equals + 2};
    struct ray_yaml *value;
    enum ray_status status = ray_yaml_parse_at(value_text, &value_place, arena, problems, &value);
    if (status != RAY_OK) {
        return status;
    }
    status = ray_tree_wrap(path, RAY_STR("."), &place, value, arena, out);
    if (status == RAY_INVALID) {
        ray_problem(problems, &place, "'%.*s': a key has an empty part", RAY_STR_ARG(path));
    }
    return status;
}
