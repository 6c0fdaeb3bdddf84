/* trail: see trail.h. */
#include "exporter/trail.h"

#include <stdio.h>

void ray_trail_delivered(struct ray_history_column *column, const struct ray_sender_item *items,
                         size_t count)
{
    struct ray_history_pen pen;
    size_t i = 0;
    while (i < count && items[i].fate != RAY_FATE_DELIVERED) {
        i++;
    }
    if (column == NULL || i == count) {
        return;
    }
    ray_history_begin(&pen, column, RAY_HISTORY_DELIVERED, RAY_STR(""));
    for (; i < count; i++) {
        if (items[i].fate == RAY_FATE_DELIVERED) {
            ray_history_note(&pen, &items[i].trace_id);
        }
    }
    ray_history_end(&pen);
}

void ray_trail_retried(struct ray_history_column *column, const struct ray_sender_item *items,
                       size_t count, const char *reason)
{
    struct ray_history_pen pen;
    if (column == NULL || count == 0) {
        return;
    }
    ray_history_begin(&pen, column, RAY_HISTORY_RETRIED, ray_str_from(reason));
    for (size_t i = 0; i < count; i++) {
        ray_history_note(&pen, &items[i].trace_id);
    }
    ray_history_end(&pen);
}

void ray_trail_dropped(struct ray_history_column *column, const struct ray_sender_item *item,
                       const char *reason)
{
    ray_history_dropped(column, &item->trace_id, item->span_id, ray_str_from(reason));
}

void ray_trail_lost(struct ray_history_column *column, const char *exporter,
                    const struct ray_sender_item *items, size_t count, uint64_t lost,
                    const char *reason)
{
    struct ray_history_refusal refusal = {.unix_ns = 0};
    snprintf(refusal.where, sizeof(refusal.where), "%s", exporter);
    snprintf(refusal.reason, sizeof(refusal.reason), "%s", reason);
    snprintf(refusal.message, sizeof(refusal.message),
             "%llu of the call's documents refused without a name: this may be one",
             (unsigned long long)lost);
    for (size_t i = 0; i < count; i++) {
        if (items[i].fate == RAY_FATE_DELIVERED) {
            refusal.trace_id = items[i].trace_id;
            memcpy(refusal.span_id, items[i].span_id, sizeof(refusal.span_id));
            ray_history_keep_refusal(column, &refusal);
        }
    }
}
