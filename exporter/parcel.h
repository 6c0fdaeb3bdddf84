/*
 * parcel: one call's worth of documents, from the time it is filled until each is done with.
 *
 * Private to exporter/: the sender decides when a parcel goes and what its answer means. A parcel
 * owns the text of its documents, packed for the wire: it outlives their batches, and what has to
 * be sent again is cut out of its body. Lines and answer are needed in flight only. One thread.
 */
#ifndef RAY_EXPORTER_PARCEL_H
#define RAY_EXPORTER_PARCEL_H

#include "exporter/sender.h"

struct ray_parcel {
    struct ray_http_call call;
    struct ray_sender *sender;
    const struct ray_sender_protocol *protocol;
    struct ray_parcel *next; /* in its list */
    struct ray_buf body;     /* head and documents; the tail only while `ended` */
    bool ended;
    struct ray_buf lines; /* the URL, then the headers, each ended by NUL */
    const char *headers[RAY_SENDER_HEADERS_MAX + 1];
    uint64_t due_ns;
    uint64_t launched_ns;
    uint64_t round;    /* of the schedule, at launch */
    unsigned attempts; /* leftovers only: how often this was given back */
    unsigned failures; /* of its calls, since it was answered for */
    bool probe;
    bool hurried; /* had its one immediate repeat */
    bool suspect; /* a part of something refused: not to be mixed with others */
    size_t count;
    size_t capacity; /* items that fit */
    struct ray_sender_item items[];
};

/* Empty, with a begun body. NULL when out of memory. `protocol` must outlive it. */
struct ray_parcel *ray_parcel_new(struct ray_sender *sender,
                                  const struct ray_sender_protocol *protocol, size_t capacity,
                                  size_t body_max_bytes);
void ray_parcel_free(struct ray_parcel *parcel); /* accepts NULL */
/* Gives back what only a flying parcel needs, and opens the body again. */
void ray_parcel_strip(struct ray_parcel *parcel);

/* Packs a document; `item` for it, with its number set. RAY_AGAIN: no room, or no memory for a
 * first document; RAY_TOO_BIG: no body has room. The parcel is then as before. */
RAY_MUST_USE enum ray_status ray_parcel_add(struct ray_parcel *parcel,
                                            const struct ray_document *document, uint64_t number,
                                            uint64_t accepted_unix_ns);
/* The body is whole until the strip. RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_parcel_end(struct ray_parcel *parcel);

/* Those below need an open body. */

/* Forgets the items for which `keep` says no; needs no memory. */
void ray_parcel_keep(struct ray_parcel *parcel, const bool *keep);
/* The items from `first` on move to a parcel of their own. NULL when out of memory: nothing moved.
 */
struct ray_parcel *ray_parcel_split(struct ray_parcel *parcel, size_t first);
/* Moves the documents of `from`, which is freed. False when they do not fit: nothing moved. */
bool ray_parcel_join(struct ray_parcel *to, struct ray_parcel *from);

/* Points call.url and headers into the lines. False when something of it did not fit. */
bool ray_parcel_point_at_lines(struct ray_parcel *parcel);

/* Singly linked, oldest first; a parcel is on one list at most. */
void ray_parcel_list_append(struct ray_parcel **list, struct ray_parcel *parcel);
/* It must be on the list. */
void ray_parcel_list_remove(struct ray_parcel **list, struct ray_parcel *parcel);

#endif
