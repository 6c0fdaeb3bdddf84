/* world: see world.h. */
#include "tests/fault/world.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define NEVER UINT64_MAX

static const char *const names[WORLD_CURSORS] = {"awsxray/a", "awsxray/b", "c"};

/* The log's thread lingers by this; here nothing waits for the time. */
int nanosleep(const struct timespec *duration, struct timespec *left)
{
    (void)duration, (void)left;
    return 0;
}

uint64_t world_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t world_clock_ns(const struct ray_clock *clock)
{
    return atomic_load((_Atomic uint64_t *)clock->context);
}

static void no_wake(void *context)
{
    (void)context;
}

/* ---- life ------------------------------------------------------------------------------------ */

void world_init(struct world *world, const struct world_options *options, struct sim_disk *sim)
{
    memset(world, 0, sizeof(*world));
    world->options = *options;
    world->sim = sim != NULL ? sim : sim_disk_new(0);
    world->clock = (struct ray_clock){world_clock_ns, world_clock_ns, &world->now_ns};
    world->now_ns = RAY_NS_PER_S;
}

void world_clear(struct world *world)
{
    if (world->queue != NULL) {
        world_stop(world);
    }
    sim_disk_free(world->sim);
    free(world->documents);
}

void world_init_from(struct world *world, const struct world *from, struct sim_disk *sim,
                     uint64_t before)
{
    world_init(world, &from->options, sim);
    world->document_count = world->document_max = from->document_count;
    world->documents = malloc((from->document_count + 1) * sizeof(*world->documents));
    assert_non_null(world->documents);
    memcpy(world->documents, from->documents, from->document_count * sizeof(*world->documents));
    world->life = from->life;
    for (uint32_t d = 0; d < world->document_count; d++) {
        struct world_document *document = &world->documents[d];
        if (document->accepted_at >= before) {
            document->told = false;
        }
        for (unsigned c = 0; c < WORLD_CURSORS; c++) {
            struct world_seen *seen = &document->seen[c];
            if (seen->ack_began_at >= before) { /* not acknowledged then */
                seen->ack_began_at = seen->acked_at = NEVER;
            } else if (seen->acked_at >= before) { /* who knows */
                seen->acked_at = NEVER;
            }
        }
    }
}

static void open_cursors(struct world *world)
{
    for (unsigned c = 0; c < world->options.cursors; c++) {
        struct ray_cursor_options options = {.name = names[c], .profile = c + 1, .wake = no_wake};
        world->cursors[c] =
            (struct world_cursor){.cursor = ray_cursor_open(world->queue, &options)};
    }
}

static void close_cursors(struct world *world)
{
    for (unsigned c = 0; c < WORLD_CURSORS; c++) {
        if (world->cursors[c].cursor != NULL) {
            ray_cursor_close(world->cursors[c].cursor);
        }
        world->cursors[c] = (struct world_cursor){.cursor = NULL};
    }
}

enum ray_status world_start(struct world *world, char error[256])
{
    world->log = (struct ray_wal_options){
        .folder = WORLD_FOLDER,
        .disk = sim_disk_of(world->sim),
        .fsync = world->options.fsync,
        .fsync_interval_ms = 100,
        .segment_bytes = world->options.segment_bytes,
        .max_bytes = world->options.max_bytes,
        .min_free_bytes = world->options.min_free_bytes,
        .clock = &world->clock,
    };
    struct ray_queue_options options = {.max_bytes = world->options.max_bytes, .log = &world->log};
    world->queue = ray_queue_new(&options);
    enum ray_status status =
        world->queue != NULL ? ray_queue_start(world->queue, error) : RAY_NOMEM;
    if (status == RAY_OK) {
        world->life++;
        open_cursors(world);
        for (unsigned c = 0; c < world->options.cursors; c++) {
            status = world->cursors[c].cursor == NULL ? RAY_NOMEM : status;
        }
    }
    if (status != RAY_OK) {
        close_cursors(world);
        ray_queue_free(world->queue);
        world->queue = NULL;
        return status;
    }
    ray_queue_forget_absent(world->queue);
    return RAY_OK;
}

void world_must_start(struct world *world)
{
    char error[256] = "";
    enum ray_status status = world_start(world, error);
    if (status != RAY_OK) {
        fail_msg("cannot start: %d %s", status, error);
    }
}

void world_stop(struct world *world)
{
    ray_queue_close(world->queue);
    close_cursors(world);
    ray_queue_free(world->queue);
    world->queue = NULL;
}

void world_kill(struct world *world)
{
    struct sim_disk *left = sim_disk_copy(world->sim);
    sim_disk_fail(world->sim, (struct sim_fault){.nth = 0});
    world_stop(world);
    sim_disk_free(world->sim);
    world->sim = left;
}

/* ---- documents ------------------------------------------------------------------------------- */

/* What stands in document `d`: its number, then letters that depend on it. */
static void write_text(char *out, uint32_t d, uint32_t bytes)
{
    size_t at = (size_t)snprintf(out, 16, "%010" PRIu32 ":", d);
    for (; at < bytes; at++) {
        out[at] = (char)('a' + (d * 7u + at) % 26);
    }
    out[at] = '\0';
}

static uint32_t documents_of(unsigned cursor, uint32_t count)
{
    return cursor == 0 ? count : cursor == 1 ? (count + 1) / 2 : count % 2;
}

static struct ray_batch *make_batch(struct world *world, uint32_t count, uint32_t text_bytes)
{
    static char text[1 << 16];
    struct ray_batch *batch = ray_batch_new(8 << 20);
    if (batch == NULL) {
        return NULL;
    }
    bool good = true;
    for (unsigned c = 0; c < world->options.cursors; c++) {
        uint32_t documents = documents_of(c, count);
        if (documents > 0) {
            ray_batch_begin_section(batch, c + 1);
        }
        for (uint32_t i = 0; i < documents && good; i++) {
            write_text(text, world->document_count + i, text_bytes);
            ray_buf_append(ray_batch_begin_document(batch), ray_str_from(text));
            struct ray_trace_id trace_id = {{(uint8_t)i}};
            good = ray_batch_end_document(batch, &trace_id, (const uint8_t[8]){1}, i) == RAY_OK;
        }
    }
    if (!good) {
        ray_batch_unref(batch);
        return NULL;
    }
    ray_batch_set_accepted(batch, 42);
    ray_batch_seal(batch);
    return batch;
}

void world_reserve(struct world *world, uint32_t documents)
{
    while (world->document_count + documents > world->document_max) {
        world->document_max = world->document_max * 2 + 64;
        struct world_document *grown =
            realloc(world->documents, world->document_max * sizeof(*world->documents));
        assert_non_null(grown);
        world->documents = grown;
    }
}

static void add_documents(struct world *world, uint32_t count, uint32_t text_bytes)
{
    world_reserve(world, count);
    for (uint32_t i = 0; i < count; i++) {
        struct world_document *document = &world->documents[world->document_count + i];
        *document = (struct world_document){.text_bytes = text_bytes, .accepted_at = NEVER};
        for (unsigned c = 0; c < WORLD_CURSORS; c++) {
            document->seen[c].ack_began_at = document->seen[c].acked_at = NEVER;
            if (c < world->options.cursors && i < documents_of(c, count)) {
                document->owed |= 1u << c;
            }
        }
    }
}

/* ---- push ------------------------------------------------------------------------------------ */

struct waited {
    struct ray_ticket ticket;
    struct world *world;
    struct waited *holds; /* this one's callback waits until that one was pushed */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_pushed, is_done;
    enum ray_status status;
    uint64_t at;
    uint32_t first, count;
};

static void init_waited(struct waited *waited)
{
    pthread_mutex_init(&waited->lock, NULL);
    pthread_cond_init(&waited->changed, NULL);
}

static void wait_for(struct waited *waited, const bool *what)
{
    pthread_mutex_lock(&waited->lock);
    while (!*what) {
        pthread_cond_wait(&waited->changed, &waited->lock);
    }
    pthread_mutex_unlock(&waited->lock);
}

static void set_flag(struct waited *waited, bool *what)
{
    pthread_mutex_lock(&waited->lock);
    *what = true;
    pthread_cond_broadcast(&waited->changed);
    pthread_mutex_unlock(&waited->lock);
}

static void on_done(struct ray_ticket *ticket, enum ray_status status)
{
    struct waited *waited = (struct waited *)(void *)ticket;
    uint64_t at = sim_disk_changes(waited->world->sim);
    if (waited->holds != NULL) {
        wait_for(waited->holds, &waited->holds->is_pushed);
    }
    waited->status = status;
    waited->at = at;
    set_flag(waited, &waited->is_done);
}

static void begin_push(struct world *world, struct waited *waited, uint32_t count,
                       uint32_t text_bytes)
{
    struct ray_batch *batch = make_batch(world, count, text_bytes);
    waited->ticket.done = on_done;
    waited->world = world;
    waited->at = NEVER;
    waited->first = world->document_count;
    waited->count = batch != NULL ? count : 0;
    enum ray_status status = RAY_NOMEM;
    if (batch != NULL) {
        add_documents(world, count, text_bytes);
        world->document_count += count;
        status = ray_queue_push(world->queue, batch, 0, &waited->ticket);
    }
    if (status != RAY_OK) {
        ray_batch_unref(batch);
        waited->status = status;
        waited->is_done = true;
    }
    set_flag(waited, &waited->is_pushed);
}

static enum ray_status end_push(struct world *world, struct waited *waited)
{
    wait_for(waited, &waited->is_done);
    pthread_cond_destroy(&waited->changed);
    pthread_mutex_destroy(&waited->lock);
    for (uint32_t i = 0; i < waited->count; i++) {
        struct world_document *document = &world->documents[waited->first + i];
        document->told = true;
        document->status = waited->status;
        document->accepted_at = waited->status == RAY_OK ? waited->at : NEVER;
        document->accepted_clock = atomic_load(&world->now_ns);
    }
    return waited->status;
}

enum ray_status world_push(struct world *world, uint32_t count, uint32_t text_bytes)
{
    struct waited waited = {.holds = NULL};
    init_waited(&waited);
    begin_push(world, &waited, count, text_bytes);
    return end_push(world, &waited);
}

void world_push_group(struct world *world, unsigned batches, uint32_t count, uint32_t text_bytes)
{
    struct waited waited[WORLD_GROUP_MAX] = {{.holds = NULL}};
    waited[0].holds = &waited[batches - 1];
    for (unsigned i = 0; i < batches; i++) {
        init_waited(&waited[i]);
    }
    for (unsigned i = 0; i < batches; i++) {
        begin_push(world, &waited[i], count, text_bytes);
    }
    for (unsigned i = 0; i < batches; i++) {
        (void)!end_push(world, &waited[i]);
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static uint32_t check_document(struct world *world, unsigned cursor,
                               const struct ray_document *document, bool done)
{
    static char want[1 << 16];
    unsigned long d = document->text.len >= 11 ? strtoul(document->text.ptr, NULL, 10) : ULONG_MAX;
    if (d >= world->document_count) {
        fail_msg("a document that nobody pushed: %.20s", document->text.ptr);
    }
    struct world_document *known = &world->documents[d];
    write_text(want, (uint32_t)d, known->text_bytes);
    check_str(document->text, ray_str_from(want), __FILE__, __LINE__);
    if ((known->owed & 1u << cursor) == 0) {
        fail_msg("document %lu was not for cursor %u", d, cursor);
    }
    struct world_seen *seen = &known->seen[cursor];
    if (done) {
        return (uint32_t)d;
    }
    if (seen->life == world->life) {
        fail_msg("document %lu came twice to cursor %u within one process", d, cursor);
    }
    if (seen->acked_at != NEVER && !world->options.may_repeat) {
        fail_msg("document %lu was acknowledged by cursor %u and came again", d, cursor);
    }
    world->repeated += seen->times > 0;
    seen->life = world->life;
    seen->times++;
    world->delivered++;
    return (uint32_t)d;
}

enum ray_status world_read(struct world *world, unsigned cursor)
{
    struct world_cursor *own = &world->cursors[cursor];
    struct ray_batch *batch = NULL;
    struct ray_batch_reader reader;
    struct ray_document document;
    struct world_given given = {.acked = 0};
    if (own->given_count == WORLD_GIVEN_MAX) {
        (void)world_ack(world, cursor, 0, true);
    }
    enum ray_status status = ray_cursor_next(own->cursor, &batch, &given.first);
    if (status != RAY_OK) {
        return status;
    }
    if (!ray_batch_read_section(batch, cursor + 1, &reader)) {
        fail_msg("a batch without documents for cursor %u", cursor);
    }
    if (ray_batch_accepted_unix_ns(batch) != 42) {
        fail_msg("the time of a batch is lost");
    }
    bool may = ray_cursor_may_be_done(own->cursor, given.first, reader.left);
    while (ray_batch_next(&reader, &document)) {
        bool done = may && ray_cursor_is_done(own->cursor, given.first + given.count);
        uint32_t d = check_document(world, cursor, &document, done);
        given.document = given.count == 0 ? d : given.document;
        given.acked |= (uint64_t)done << given.count;
        given.count++;
    }
    ray_batch_unref(batch);
    own->given[own->given_count++] = given;
    return RAY_OK;
}

static void ack_range(struct world *world, unsigned cursor, struct world_given *given,
                      uint32_t from, uint32_t count)
{
    uint64_t before = sim_disk_changes(world->sim);
    ray_cursor_ack(world->cursors[cursor].cursor, given->first + from, count);
    uint64_t after = sim_disk_changes(world->sim);
    for (uint32_t i = from; i < from + count; i++) {
        struct world_seen *seen = &world->documents[given->document + i].seen[cursor];
        seen->ack_began_at = before < seen->ack_began_at ? before : seen->ack_began_at;
        seen->acked_at = after < seen->acked_at ? after : seen->acked_at;
        given->acked |= (uint64_t)1 << i;
    }
}

bool world_ack(struct world *world, unsigned cursor, uint64_t random, bool all)
{
    struct world_cursor *own = &world->cursors[cursor];
    if (own->given_count == 0) {
        return false;
    }
    size_t at = (size_t)(random % own->given_count);
    struct world_given *given = &own->given[at];
    uint32_t from = all ? 0 : (uint32_t)(random >> 8) % given->count;
    uint32_t count = all ? given->count : 1 + (uint32_t)(random >> 24) % (given->count - from);
    for (uint32_t i = from; i < from + count; i++) { /* runs of what is not acknowledged yet */
        uint32_t run = 0;
        while (i + run < from + count && (given->acked >> (i + run) & 1) == 0) {
            run++;
        }
        if (run > 0) {
            ack_range(world, cursor, given, i, run);
            i += run - 1;
        }
    }
    uint64_t whole = given->count == 64 ? UINT64_MAX : ((uint64_t)1 << given->count) - 1;
    if (given->acked == whole) {
        *given = own->given[--own->given_count];
    }
    return true;
}

void world_drain(struct world *world)
{
    for (unsigned c = 0; c < world->options.cursors; c++) {
        enum ray_status status;
        uint32_t batches = 0;
        while ((status = world_read(world, c)) == RAY_OK) {
            if (++batches > world->document_count + 16) {
                fail_msg("cursor %u reads without an end", c);
            }
        }
        if (status != RAY_AGAIN && status != RAY_CLOSED) {
            fail_msg("cursor %u cannot read a good disk: %d", c, status);
        }
        while (world_ack(world, c, 0, true)) {
        }
        if (ray_cursor_backlog(world->cursors[c].cursor) != 0) {
            fail_msg("all was read, and cursor %u has a backlog of %" PRIu64, c,
                     ray_cursor_backlog(world->cursors[c].cursor));
        }
    }
}

static void check_came(struct world *world, uint32_t first, uint64_t before)
{
    for (uint32_t d = first; d < world->document_count; d++) {
        const struct world_document *document = &world->documents[d];
        for (unsigned c = 0; c < world->options.cursors; c++) {
            bool owed = document->told && document->status == RAY_OK &&
                        document->accepted_at < before && (document->owed & 1u << c) != 0;
            /* an acknowledgement that began is enough for it not to come again */
            if (!owed || document->seen[c].life == world->life ||
                document->seen[c].ack_began_at != NEVER) {
                continue;
            }
            world->lost++;
            if (!world->options.may_lose) {
                fail_msg("document %u was accepted (change %" PRIu64 ") and did not come to cursor "
                         "%u",
                         d, document->accepted_at, c);
            }
        }
    }
}

void world_settle(struct world *world, uint64_t before)
{
    world_must_start(world);
    world_drain(world);
    check_came(world, 0, before);
    CHECK_OK(world_push(world, 2, 40));
    world_drain(world);
    check_came(world, world->document_count - 2, NEVER);
    world_stop(world);
    char path[256] = "";
    if (sim_disk_count(world->sim, ".seg", path) != 0) {
        fail_msg("all is done, and %s is still there", path);
    }
    if (sim_disk_count(world->sim, ".tmp", path) != 0) {
        fail_msg("%s is still there", path);
    }
}
