/* link: see link.h. awsxrayexporter 0.130 behaviour: {trace_id, id, attributes}; the trace state is
 * dropped, a missing span id is "". */
#include "translate/link.h"

#include "xray/trace_id.h"

#include <string.h>

static void write_trace_id(struct ray_str bytes, struct ray_json_writer *w)
{
    struct ray_trace_id id = {{0}};
    if (bytes.len == sizeof(id.bytes)) {
        memcpy(id.bytes, bytes.ptr, sizeof(id.bytes));
    }
    char text[RAY_XRAY_TRACE_ID_CHARS];
    ray_trace_id_write(&id, text);
    RAY_JSON_KEY(w, "trace_id");
    ray_json_string(w, (struct ray_str){text, sizeof(text)});
}

static void write_link(const struct ray_link *link, const struct ray_limits *limits,
                       struct ray_arena *arena, struct ray_json_writer *w)
{
    ray_json_object_begin(w);
    write_trace_id(link->trace_id, w);
    RAY_JSON_KEY(w, "id");
    ray_json_hex(w, ray_bytes_all_zero(link->span_id) ? RAY_STR("") : link->span_id);
    if (link->attributes.count > 0 && limits->metadata_bytes == 0) {
        ray_limits_note(limits, RAY_CUT_METADATA);
    } else if (link->attributes.count > 0) {
        struct ray_value map = {.kind = RAY_VALUE_MAP};
        map.as.map.items = link->attributes.items;
        map.as.map.count = link->attributes.count;
        RAY_JSON_KEY(w, "attributes");
        ray_value_write(&map, limits, arena, w);
    }
    ray_json_object_end(w);
}

void ray_links_write(const struct ray_span *span, const struct ray_limits *limits,
                     struct ray_arena *arena, struct ray_json_writer *w)
{
    RAY_JSON_KEY(w, "links");
    ray_json_array_begin(w);
    for (size_t i = 0; i < span->link_count; i++) {
        write_link(&span->links[i], limits, arena, w);
    }
    ray_json_array_end(w);
}
