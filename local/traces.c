/*
 * traces: documents travel as strings inside the answer.
 */
#include "local/traces.h"

#include <inttypes.h>
#include <stdio.h>

static void write_segment(const struct ray_entity *top, struct ray_json_writer *w)
{
    char id[17];
    snprintf(id, sizeof(id), "%016" PRIx64, top->id);
    ray_json_object_begin(w);
    ray_json_key_string(w, RAY_STR("Id"), ray_str_from(id));
    ray_json_key_string(w, RAY_STR("Document"), ray_trace_document(top));
    ray_json_object_end(w);
}

void ray_trace_write(const struct ray_trace *trace, struct ray_json_writer *w)
{
    char id[RAY_XRAY_TRACE_ID_CHARS];
    ray_trace_id_write(&trace->id, id);
    ray_json_object_begin(w);
    ray_json_key_string(w, RAY_STR("Id"), (struct ray_str){id, sizeof(id)});
    RAY_JSON_KEY(w, "Duration");
    ray_json_double(w, ray_duration_s(trace->start_s, trace->end_s));
    RAY_JSON_KEY(w, "LimitExceeded");
    ray_json_bool(w, trace->document_bytes > RAY_TRACE_LIMIT_BYTES);
    RAY_JSON_KEY(w, "Segments");
    ray_json_array_begin(w);
    for (size_t i = 0; i < trace->top_count; i++) {
        write_segment(trace->tops[i], w);
    }
    ray_json_array_end(w);
    ray_json_object_end(w);
}
