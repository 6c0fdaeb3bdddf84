/*
 * sender: gets documents from a queue to a far end that may be slow, full, broken or away.
 *
 * One thread, "upload", owns a transport's loop: it reads its cursor, packs documents into parcels
 * (one call each), keeps several in flight and reads what became of them. What is said on the wire
 * is the protocol's business (exporter/awsxray); when to say it is decided here:
 *
 *   - one schedule per destination. While *every* call fails (nobody there, 5xx, throttled, refused
 *     for who we are), one probe at a time goes out, after random(0, min(cap, initial *
 *     multiplier^n)); any success opens it again. So an outage costs an attempt per cap, not one
 *     per parcel, and a far end that takes half of the calls is never paused for.
 *   - the calls in flight follow the share that is throttled.
 *   - what the far end asks for (Retry-After) is a lower bound.
 *   - content that is refused is cut in halves down to the document at fault, which is dropped,
 *     counted and named in the log.
 *
 * Nothing that a retry can mend is given up while the process lives, unless max_elapsed_ms or
 * max_age_ms say so.
 * All time comes from the environment's clock and all waiting is the transport's, so that tests
 * step it through scripted networks in virtual time.
 */
#ifndef RAY_EXPORTER_SENDER_H
#define RAY_EXPORTER_SENDER_H

#include "exporter/exporter.h"
#include "net/http_client.h"

#define RAY_SENDER_WINDOW_MAX    256u
#define RAY_SENDER_DOCUMENTS_MAX 256u
#define RAY_SENDER_HEADERS_MAX   12u
#define RAY_SENDER_CODE_BYTES    96u

enum ray_fate {
    RAY_FATE_DELIVERED,
    RAY_FATE_RETRY,
    RAY_FATE_RETRY_FEW, /* nobody knows whether it helps: three attempts, then dropped */
    RAY_FATE_DROP,
};

/* One document on its way, packed into the body of its parcel: its batch is not needed any more. */
struct ray_sender_item {
    struct ray_trace_id trace_id;
    uint8_t span_id[8];
    uint32_t at, bytes;        /* its place in the body */
    uint32_t text_bytes;       /* before it was packed */
    uint64_t accepted_unix_ns; /* 0: unknown */
    uint64_t number;           /* of the queue */
    uint64_t first_sent_ns;
    unsigned few_attempts;
    /* set by the protocol's judge; DELIVERED with "" before */
    enum ray_fate fate;
    char code[RAY_SENDER_CODE_BYTES];
};

enum ray_verdict {
    RAY_VERDICT_DONE, /* the far end answered for it; each item's fate holds */
    RAY_VERDICT_THROTTLED,
    RAY_VERDICT_TRANSIENT, /* the far end is in trouble or away */
    RAY_VERDICT_BLOCKED,   /* who we are or where we call is wrong: somebody must act */
    RAY_VERDICT_CONTENT,   /* something in it is refused: find it */
    RAY_VERDICT_AGAIN,     /* the protocol has mended something: at once, but only once */
};

struct ray_judgement {
    enum ray_verdict verdict;
    char reason[RAY_SENDER_CODE_BYTES]; /* for counters and log */
    char advice[160];                   /* BLOCKED, AGAIN: what the operator should do */
    uint32_t retry_after_ms;            /* 0: nothing was asked for */
    uint32_t throttled; /* DONE: documents that it did not take for being too many */
    uint64_t lost;      /* DONE: documents refused without a name; counted under `reason` */
};

/* `context` is what ray_sender_new was given. All run on the sender's thread. */
struct ray_sender_protocol {
    /* May calls be made? False with `why` for the operator. Asked before each call, and again every
     * few seconds while false; cheap when true. */
    bool (*ready)(void *context, char why[200]);
    /* A body is the head, documents with separators between them, and the tail. */
    const struct ray_str *head, *separator, *tail;
    /* Appends one document, at most `growth_max` times its text and two bytes long; `body` fails
     * when it has no room. */
    size_t growth_max;
    void (*write)(struct ray_buf *body, const struct ray_document *document);
    /* These go out, for the first time. NULL: of no interest. */
    void (*packed)(void *context, const struct ray_sender_item *items, size_t count);
    /* Appends the URL, then header lines, each ended by NUL, at most RAY_SENDER_HEADERS_MAX. */
    enum ray_status (*address)(void *context, struct ray_str body, struct ray_buf *lines);
    /* The far end answered (whatever it said): `out` is zeroed. */
    void (*judge)(void *context, const struct ray_http_call *call, struct ray_sender_item *items,
                  size_t count, struct ray_judgement *out);
};

struct ray_sender_options {
    uint32_t window;        /* calls in flight at most, 1 to RAY_SENDER_WINDOW_MAX */
    uint32_t documents_max; /* of one call, 1 to RAY_SENDER_DOCUMENTS_MAX */
    size_t body_max_bytes;
    uint32_t call_timeout_ms;
    uint32_t linger_ms; /* how long a parcel that is not full waits for more */
    bool retry;         /* false: a call that fails drops its documents */
    uint32_t initial_interval_ms, max_interval_ms, max_elapsed_ms; /* max_elapsed 0: for ever */
    double multiplier, randomization_factor; /* factor 1: full jitter; 0: the interval itself */
    uint64_t max_age_ms; /* a document that was accepted longer ago is dropped; 0: none is */
    uint64_t seed;       /* of the jitter */
};

struct ray_sender;

/* NULL when out of memory. Everything given must outlive it; `options` is copied. */
struct ray_sender *ray_sender_new(const struct ray_sender_options *options,
                                  const struct ray_sender_protocol *protocol, void *context,
                                  const struct ray_exporter_environment *environment,
                                  struct ray_transport *transport);
/* Opens the cursor; for who steps it himself. RAY_NOMEM. */
RAY_MUST_USE enum ray_status ray_sender_open(struct ray_sender *sender);
/* One round: reads, sends, waits up to `max_wait_ms` for the network, takes answers. False when
 * there will be nothing more to do: the queue is closed and empty, or the stop's deadline is over.
 */
bool ray_sender_step(struct ray_sender *sender, uint32_t max_wait_ms);
/* Opens the cursor and starts the thread that steps. RAY_NOMEM, RAY_IO; nothing is open then. */
RAY_MUST_USE enum ray_status ray_sender_start(struct ray_sender *sender);
/* False while the protocol is not ready or the far end refuses us; `why` says what. Any thread. */
bool ray_sender_ready(struct ray_sender *sender, char why[200]);
/* After the queue was closed: sends until it is empty or `timeout_ms` are over, then cancels what
 * flies. Returns how many documents had to be given up. Without a thread it steps by itself. */
uint64_t ray_sender_stop(struct ray_sender *sender, uint32_t timeout_ms);
void ray_sender_free(struct ray_sender *sender); /* after stop; accepts NULL */

/* Calls that may be in flight now: for tests. The sender's thread only. */
uint32_t ray_sender_limit(const struct ray_sender *sender);

#endif
