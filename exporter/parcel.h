/*
 * parcel: one call's worth of documents, from the time it is filled until each is done with.
 *
 * Private to exporter/: the sender decides when a parcel goes and what its answer means. Only a
 * flying parcel needs a body, lines and an answer; a waiting one is stripped of them and packed
 * anew. One thread.
 */
#ifndef RAY_EXPORTER_PARCEL_H
#define RAY_EXPORTER_PARCEL_H

#include "exporter/sender.h"

struct ray_parcel {
    struct ray_http_call call;
    struct ray_sender *sender;
    struct ray_parcel *next; /* in its list */
    struct ray_buf body;
    struct ray_buf lines; /* the URL, then the headers, each ended by NUL */
    const char *headers[RAY_SENDER_HEADERS_MAX + 1];
    uint64_t due_ns;
    uint64_t round;    /* of the schedule, at launch */
    unsigned attempts; /* leftovers only: how often this was given back */
    bool probe;
    bool hurried; /* had its one immediate repeat */
    bool suspect; /* a part of something refused: not to be mixed with others */
    bool full;
    size_t count;
    size_t capacity; /* items that fit */
    struct ray_sender_item items[];
};

/* Empty. NULL when out of memory. */
struct ray_parcel *ray_parcel_new(struct ray_sender *sender, size_t capacity,
                                  size_t body_max_bytes);
/* With its references of batches. Accepts NULL. */
void ray_parcel_free(struct ray_parcel *parcel);
/* Gives back what only a flying parcel needs. */
void ray_parcel_strip(struct ray_parcel *parcel);

/* The items from `first` on move to a parcel of their own. NULL when out of memory: nothing moved.
 */
struct ray_parcel *ray_parcel_split(struct ray_parcel *parcel, size_t first);
/* Moves the documents of `from`, which is freed; they must fit by number. */
void ray_parcel_move_items(struct ray_parcel *to, struct ray_parcel *from);

/* Points call.url and headers into the lines. False when something of it did not fit. */
bool ray_parcel_point_at_lines(struct ray_parcel *parcel);

/* Singly linked, oldest first; a parcel is on one list at most. */
void ray_parcel_list_append(struct ray_parcel **list, struct ray_parcel *parcel);
/* It must be on the list. */
void ray_parcel_list_remove(struct ray_parcel **list, struct ray_parcel *parcel);

#endif
