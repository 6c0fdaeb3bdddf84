/*
 * trail: what the history hears of a sender's documents.
 *
 * Private to exporter/. A NULL column hears nothing. Any thread.
 */
#ifndef RAY_EXPORTER_TRAIL_H
#define RAY_EXPORTER_TRAIL_H

#include "exporter/sender.h"

/* Those of an answered call whose fate is DELIVERED. */
void ray_trail_delivered(struct ray_history_column *column, const struct ray_sender_item *items,
                         size_t count);
/* All of them: an attempt failed, another one follows. */
void ray_trail_retried(struct ray_history_column *column, const struct ray_sender_item *items,
                       size_t count, const char *reason);
void ray_trail_dropped(struct ray_history_column *column, const struct ray_sender_item *item,
                       const char *reason);
/* `lost` documents of an answered call were refused without a name. Each that counts as delivered
 * may be one of them, and the history says so of each. */
void ray_trail_lost(struct ray_history_column *column, const char *exporter,
                    const struct ray_sender_item *items, size_t count, uint64_t lost,
                    const char *reason);

#endif
