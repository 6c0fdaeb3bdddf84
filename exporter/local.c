/*
 * local: options, the folder, the store thread, the API's life.
 */
#include "exporter/local.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/state_folder.h"
#include "core/thread.h"
#include "local/api.h"
#include "local/store.h"
#include "queue/ledger.h"
#include "xray/scan.h"

/* One transaction: enough to make its fixed cost small, little enough to be seen soon. */
#define BATCHES_PER_PUT 64u
#define BYTES_PER_PUT   (4u << 20)
/* Scratch of one transaction: rows and unescaped names. */
#define PUT_ARENA_BYTES (256u << 20)
/* Between attempts of a store that cannot write. */
#define BACK_OFF_MIN_MS 100u
#define BACK_OFF_MAX_MS 5000u
/* Without traffic retention is looked at this often. */
#define IDLE_MS 60000u
/* At a stop, for clients that read: whoever has sent half a request holds nothing up longer. */
#define READERS_TIMEOUT_MS 2000u

/* A batch whose documents are being stored. */
struct held_batch {
    struct ray_batch *batch;
    uint64_t first;
};

struct ray_local {
    const struct ray_local_options *options;
    struct ray_exporter_environment environment;
    struct ray_api_key *keys; /* views into the options' YAML */
    size_t key_count;
    struct ray_exporter_ledger *ledger;
    struct ray_store *store;
    struct ray_api *api;
    struct ray_cursor *cursor;
    struct ray_thread thread;
    struct ray_log_limiter cannot_write, refused, old;
    _Atomic enum ray_status
        store_status; /* of the last write: RAY_OK, RAY_AGAIN the disk is full */

    pthread_mutex_t lock; /* guards what follows; nothing is called under it */
    pthread_cond_t changed;
    bool work;     /* the queue has, or will have, something new */
    bool stopping; /* from then on until `deadline_ns`, monotonic */
    uint64_t deadline_ns;

    /* the store thread's own */
    struct ray_arena *arena;
    struct held_batch held[BATCHES_PER_PUT];
    size_t held_count;
};

/* ---- options ---- */

#define RAY_OPT_STRUCT struct ray_local_retention_options
static const struct ray_option retention_table[] = {
    RAY_OPT_DURATION("max_age", max_age_ms, "72h", "1m", "1000h",
                     "traces that did not change for so long are deleted"),
    RAY_OPT_BYTES("max_size", max_size_bytes, "2GiB", "1MiB", "1TiB",
                  "of the store; the oldest traces are deleted above it"),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

#define RAY_OPT_STRUCT struct ray_local_options
const struct ray_option ray_local_option_table[] = {
    RAY_OPT_STR("endpoint", endpoint, "127.0.0.1:2001", "address of the X-Ray API"),
    RAY_OPT_STR("directory", directory, "",
                "folder of the store; empty: spanbridge in the XDG state folder"),
    RAY_OPT_STR("account_id", account_id, "000000000000", "of services that name none"),
    RAY_OPT_NODE("access_keys", access_keys,
                 "list of {id, secret}: when set, calls must be signed with one of them"),
    RAY_OPT_DOCUMENTS(documents, "all"),
    RAY_OPT_SECTION("retention", retention, retention_table, "what the store keeps"),
    RAY_OPT_SECTION("sending_queue", queue, ray_queue_key_table,
                    "documents that wait for the store"),
    RAY_OPT_IGNORED("region", "no answer of this version's API names a region"),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

#define RAY_OPT_STRUCT struct ray_api_key
static const struct ray_option key_table[] = {
    RAY_OPT_STR("id", id, "", "access key id"),
    RAY_OPT_SECRET("secret", secret, "secret access key"),
    RAY_OPT_END,
};
#undef RAY_OPT_STRUCT

static bool is_account_id(struct ray_str text)
{
    uint64_t number;
    return text.len == 12 && ray_str_to_u64(text, &number) == RAY_OK;
}

static void check_key(const struct ray_yaml *item, struct ray_arena *arena, const char *path,
                      struct ray_problems *problems)
{
    struct ray_api_key key = {0};
    if (item->kind != RAY_YAML_MAP) {
        ray_problem(problems, &item->place, "%s: must be a map of id and secret", path);
    } else if (ray_options_read(key_table, item, path, arena, problems, &key) == RAY_OK &&
               (key.id.len == 0 || key.secret.len == 0)) {
        ray_problem(problems, &item->place, "%s: needs both id and secret", path);
    }
}

/* `list` as it was written: options hold nothing for a key without a value, and an unset ${env:...}
 * must not open the door. */
static void check_keys(const struct ray_yaml *list, const char *path, struct ray_problems *problems)
{
    char key_path[160];
    if (list == NULL) {
        return;
    }
    bool is_empty =
        list->kind == RAY_YAML_NULL || (list->kind == RAY_YAML_LIST && list->count == 0);
    if (is_empty) {
        ray_problem(problems, &list->place,
                    "%s.access_keys: is empty; leave the key out to accept calls of anyone", path);
        return;
    }
    if (list->kind != RAY_YAML_LIST) {
        ray_problem(problems, &list->place, "%s.access_keys: must be a list of {id, secret}", path);
        return;
    }
    struct ray_arena *arena = ray_arena_new(1u << 20); /* of copies that are only looked at */
    for (size_t i = 0; arena != NULL && i < list->count; i++) {
        snprintf(key_path, sizeof(key_path), "%.100s.access_keys[%zu]", path, i);
        check_key(list->items[i], arena, key_path, problems);
    }
    ray_arena_free(arena);
}

enum ray_status ray_local_check(const struct ray_local_options *options,
                                const struct ray_yaml *node, const char *path,
                                struct ray_problems *problems)
{
    uint32_t before = problems->count;
    struct ray_str host;
    uint16_t port;
    struct ray_net_error error;
    if (ray_address_split(options->endpoint, &host, &port, &error) != RAY_OK) {
        ray_problem(problems, ray_key_place(node, "endpoint"), "%s.endpoint: %s", path, error.text);
    }
    if (!is_account_id(options->account_id)) {
        ray_problem(problems, ray_key_place(node, "account_id"),
                    "%s.account_id: must be 12 digits, in quotes", path);
    }
    check_keys(ray_yaml_get(node, RAY_STR("access_keys")), path, problems);
    ray_document_keys_check(node, path, problems);
    ray_queue_keys_check(&options->queue, node, path, problems);
    return problems->count > before ? RAY_INVALID : RAY_OK;
}

/* ---- the folder ---- */

static enum ray_status choose_folder(struct ray_str configured, char *out, size_t bytes,
                                     struct ray_net_error *error)
{
    if (configured.len >= bytes || (configured.len == 0 && !ray_state_folder(out, bytes))) {
        snprintf(error->text, sizeof(error->text), "directory: %s",
                 configured.len > 0 ? "the path is too long"
                                    : "neither XDG_STATE_HOME nor HOME names one: set it");
        return RAY_IO;
    }
    if (configured.len > 0) {
        memcpy(out, configured.ptr, configured.len);
        out[configured.len] = '\0';
    }
    if (!ray_make_folders(out)) {
        snprintf(error->text, sizeof(error->text), "directory: cannot create %.120s: %s", out,
                 strerror(errno));
        return RAY_IO;
    }
    return RAY_OK;
}

/* ---- create ---- */

static bool read_keys(struct ray_local *exporter, const struct ray_yaml *list)
{
    size_t count = list != NULL && list->kind == RAY_YAML_LIST ? list->count : 0;
    exporter->keys = calloc(count + 1, sizeof(*exporter->keys));
    for (size_t i = 0; exporter->keys != NULL && i < count; i++) {
        const struct ray_yaml *id = ray_yaml_get(list->items[i], RAY_STR("id"));
        const struct ray_yaml *secret = ray_yaml_get(list->items[i], RAY_STR("secret"));
        if (id != NULL && secret != NULL) {
            exporter->keys[exporter->key_count++] = (struct ray_api_key){id->text, secret->text};
        }
    }
    return exporter->keys != NULL;
}

struct ray_local *ray_local_new(const struct ray_local_options *options,
                                const struct ray_exporter_environment *environment)
{
    struct ray_local *exporter = calloc(1, sizeof(*exporter));
    if (exporter == NULL) {
        return NULL;
    }
    exporter->options = options;
    exporter->environment = *environment;
    pthread_mutex_init(&exporter->lock, NULL);
    ray_condition_init(&exporter->changed);
    exporter->arena = ray_arena_new(PUT_ARENA_BYTES);
    exporter->ledger = ray_exporter_ledger_new(environment->metrics, environment->id);
    if (exporter->arena == NULL || exporter->ledger == NULL ||
        !read_keys(exporter, options->access_keys)) {
        ray_local_free(exporter);
        return NULL;
    }
    return exporter;
}

/* ---- the store thread ---- */

static void wake(void *context)
{
    struct ray_local *exporter = context;
    pthread_mutex_lock(&exporter->lock);
    exporter->work = true;
    pthread_cond_signal(&exporter->changed);
    pthread_mutex_unlock(&exporter->lock);
}

static uint64_t now_ns(const struct ray_local *exporter)
{
    return ray_clock_monotonic_ns(exporter->environment.clock);
}

/* Until there is work (when asked for), stop was called, or `timeout_ms` are over. False once a
 * stop's time is used up. */
static bool wait_for_change(struct ray_local *exporter, bool for_work, uint32_t timeout_ms)
{
    struct timespec until = ray_condition_deadline(timeout_ms);
    bool in_time = true;
    pthread_mutex_lock(&exporter->lock);
    while (in_time && !(for_work && (exporter->work || exporter->stopping))) {
        in_time = ray_condition_wait_until(&exporter->changed, &exporter->lock, &until);
        if (!for_work && exporter->stopping) {
            break; /* the disk may have room now, and time is short */
        }
    }
    exporter->work = false;
    bool go_on = !exporter->stopping || now_ns(exporter) < exporter->deadline_ns;
    pthread_mutex_unlock(&exporter->lock);
    return go_on;
}

static bool is_stopping(struct ray_local *exporter)
{
    pthread_mutex_lock(&exporter->lock);
    bool stopping = exporter->stopping;
    pthread_mutex_unlock(&exporter->lock);
    return stopping;
}

/* The documents of a batch that waited past max_age, but for what an earlier process stored. */
static void drop_old(struct ray_local *exporter, const struct held_batch *held)
{
    uint64_t repeated = 0, count = 0;
    struct ray_batch_reader reader;
    struct ray_document document;
    ray_batch_read_section(held->batch, exporter->environment.profile, &reader);
    bool some_done = ray_cursor_may_be_done(exporter->cursor, held->first, reader.left);
    for (uint64_t number = held->first; ray_batch_next(&reader, &document); number++) {
        if (!some_done || !ray_cursor_is_done(exporter->cursor, number)) {
            ray_history_dropped(exporter->environment.history, &document.trace_id, document.span_id,
                                RAY_STR("max_age"));
            count++;
        }
    }
    if (count > 0) {
        ray_ledger_dropped(exporter->ledger, RAY_STR("max_age"), count);
    }
    ray_cursor_ack(exporter->cursor, held->first, ray_batch_documents(held->batch));
    ray_api_wake(exporter->api);
    if (ray_log_allow(&exporter->old, exporter->environment.clock, &repeated)) {
        ray_log_warn(exporter->environment.log, "documents dropped: they waited for too long",
                     "exporter=%s reason=max_age documents=%" PRIu64 " repeated=%" PRIu64,
                     RAY_LOG_STR(ray_str_from(exporter->environment.id)), count, repeated);
    }
}

/* Takes batches from the queue until there is enough for one transaction. */
static enum ray_status gather(struct ray_local *exporter)
{
    size_t bytes = 0;
    enum ray_status status = RAY_OK;
    while (exporter->held_count < BATCHES_PER_PUT && bytes < BYTES_PER_PUT) {
        struct held_batch *held = &exporter->held[exporter->held_count];
        status = ray_cursor_next(exporter->cursor, &held->batch, &held->first);
        if (status != RAY_OK) {
            break;
        }
        if (ray_exporter_is_too_old(exporter->environment.clock, exporter->environment.max_age_ms,
                                    ray_batch_accepted_unix_ns(held->batch))) {
            drop_old(exporter, held);
            ray_batch_unref(held->batch);
            continue;
        }
        bytes += ray_batch_bytes(held->batch);
        exporter->held_count++;
    }
    return exporter->held_count > 0 ? RAY_OK : status;
}

static size_t count_documents(const struct ray_local *exporter)
{
    size_t count = 0;
    for (size_t i = 0; i < exporter->held_count; i++) {
        struct ray_batch_reader reader;
        ray_batch_read_section(exporter->held[i].batch, exporter->environment.profile, &reader);
        count += reader.left;
    }
    return count;
}

static void drop(struct ray_local *exporter, const struct ray_document *document,
                 enum ray_scan_code code)
{
    uint64_t repeated = 0;
    const char *name = ray_scan_code_name(code);
    ray_ledger_dropped(exporter->ledger, ray_str_from(name), 1);
    ray_history_dropped(exporter->environment.history, &document->trace_id, document->span_id,
                        ray_str_from(name));
    if (ray_log_allow(&exporter->refused, exporter->environment.clock, &repeated)) {
        ray_log_warn(exporter->environment.log, "document dropped: X-Ray would not process it",
                     "exporter=%s code=%s repeated=%" PRIu64,
                     RAY_LOG_STR(ray_str_from(exporter->environment.id)), name, repeated);
    }
}

static bool make_row(struct ray_local *exporter, const struct ray_document *document,
                     struct ray_store_document *row)
{
    struct ray_segment_scan scan;
    enum ray_scan_code code = ray_segment_scan(document->text, exporter->arena, &scan);
    if (code != RAY_SCAN_OK) {
        drop(exporter, document, code);
        return false;
    }
    *row = (struct ray_store_document){
        .trace_id = scan.trace_id,
        .start_unix_ns = scan.start_unix_ns,
        .end_unix_ns = scan.end_unix_ns,
        .in_progress = scan.in_progress,
        .name = scan.name,
        .text = document->text,
    };
    memcpy(row->id, scan.id, sizeof(row->id));
    return true;
}

/* The rows of one batch, but for what an earlier process stored. */
static size_t make_batch_rows(struct ray_local *exporter, const struct held_batch *held,
                              struct ray_store_document *rows)
{
    struct ray_batch_reader reader;
    struct ray_document document;
    size_t count = 0;
    ray_batch_read_section(held->batch, exporter->environment.profile, &reader);
    bool some_done = ray_cursor_may_be_done(exporter->cursor, held->first, reader.left);
    for (uint64_t number = held->first; ray_batch_next(&reader, &document); number++) {
        if (some_done && ray_cursor_is_done(exporter->cursor, number)) {
            continue;
        }
        if (make_row(exporter, &document, &rows[count])) {
            count++;
        } else { /* now: what is owed at a stop is not to be given up once more */
            ray_cursor_ack(exporter->cursor, number, 1);
        }
    }
    return count;
}

/* NULL when out of memory. */
static struct ray_store_document *make_rows(struct ray_local *exporter, size_t *count)
{
    size_t documents = count_documents(exporter);
    struct ray_store_document *rows =
        RAY_ARENA_ARRAY(exporter->arena, struct ray_store_document, documents);
    *count = 0;
    for (size_t i = 0; rows != NULL && i < exporter->held_count; i++) {
        *count += make_batch_rows(exporter, &exporter->held[i], &rows[*count]);
    }
    return rows;
}

static void log_cannot_write(struct ray_local *exporter, enum ray_status status,
                             const struct ray_store_error *error)
{
    uint64_t repeated = 0;
    if (!ray_log_allow(&exporter->cannot_write, exporter->environment.clock, &repeated)) {
        return;
    }
    ray_log_warn(
        exporter->environment.log,
        status == RAY_AGAIN ? "store cannot write: disk full; documents wait in the queue"
                            : "store cannot write; documents wait in the queue",
        "exporter=%s problem=%s hint=%s repeated=%" PRIu64,
        RAY_LOG_STR(ray_str_from(exporter->environment.id)), RAY_LOG_STR(ray_str_from(error->text)),
        RAY_LOG_STR(RAY_STR("free space or lower exporters.local.retention.max_size")), repeated);
}

static void note_rows(struct ray_local *exporter, const struct ray_store_document *rows,
                      size_t count, enum ray_history_event event, const char *reason)
{
    struct ray_history_pen pen;
    if (exporter->environment.history == NULL) {
        return;
    }
    ray_history_begin(&pen, exporter->environment.history, event, ray_str_from(reason));
    for (size_t i = 0; i < count; i++) {
        ray_history_note(&pen, &rows[i].trace_id);
    }
    ray_history_end(&pen);
}

bool ray_local_ready(struct ray_local *exporter, char why[200])
{
    enum ray_status status = atomic_load(&exporter->store_status);
    if (status == RAY_OK) {
        return true;
    }
    snprintf(why, 200, "the store cannot write%s; documents wait in the queue",
             status == RAY_AGAIN ? ": the disk is full" : "");
    return false;
}

/* False when stop's time was used up first. */
static bool put_until_done(struct ray_local *exporter, const struct ray_store_document *rows,
                           size_t count)
{
    uint32_t back_off_ms = BACK_OFF_MIN_MS;
    struct ray_store_error error = {""};
    for (;;) {
        enum ray_status status = ray_store_put(exporter->store, rows, count, &error);
        atomic_store(&exporter->store_status, status);
        if (status == RAY_OK) {
            ray_ledger_delivered(exporter->ledger, count);
            note_rows(exporter, rows, count, RAY_HISTORY_DELIVERED, "");
            return true;
        }
        log_cannot_write(exporter, status, &error);
        ray_ledger_retried(exporter->ledger, ray_str_from(ray_status_name(status)), count);
        note_rows(exporter, rows, count, RAY_HISTORY_RETRIED,
                  status == RAY_AGAIN ? "disk_full" : "store_cannot_write");
        if (!wait_for_change(exporter, false, back_off_ms)) {
            return false;
        }
        back_off_ms = back_off_ms * 2 > BACK_OFF_MAX_MS ? BACK_OFF_MAX_MS : back_off_ms * 2;
        back_off_ms = is_stopping(exporter) ? BACK_OFF_MIN_MS : back_off_ms;
    }
}

static void release(struct ray_local *exporter, bool stored)
{
    for (size_t i = 0; i < exporter->held_count; i++) {
        struct held_batch *held = &exporter->held[i];
        if (stored) {
            ray_cursor_ack(exporter->cursor, held->first, ray_batch_documents(held->batch));
        }
        ray_batch_unref(held->batch);
    }
    exporter->held_count = 0;
    ray_arena_reset(exporter->arena);
    ray_api_wake(exporter->api);
}

/* False when stop's time was used up first. */
static bool store_held(struct ray_local *exporter)
{
    size_t count = 0;
    struct ray_store_document *rows = make_rows(exporter, &count);
    while (rows == NULL) { /* out of memory: others may give some back */
        if (!wait_for_change(exporter, false, BACK_OFF_MAX_MS)) {
            release(exporter, false);
            return false;
        }
        ray_arena_reset(exporter->arena);
        rows = make_rows(exporter, &count);
    }
    bool stored = count == 0 || put_until_done(exporter, rows, count);
    release(exporter, stored);
    return stored;
}

static bool is_out_of_time(struct ray_local *exporter)
{
    pthread_mutex_lock(&exporter->lock);
    bool over = exporter->stopping && now_ns(exporter) >= exporter->deadline_ns;
    pthread_mutex_unlock(&exporter->lock);
    return over;
}

static void *run(void *argument)
{
    struct ray_local *exporter = argument;
    while (!is_out_of_time(exporter)) {
        enum ray_status status = gather(exporter);
        if (status == RAY_OK) {
            if (!store_held(exporter)) {
                return NULL;
            }
            continue;
        }
        if (status == RAY_CLOSED || is_stopping(exporter)) {
            return NULL;
        }
        wait_for_change(exporter, true, IDLE_MS);
        struct ray_store_error ignored; /* nothing is lost; the next put meets it again */
        enum ray_status trimmed = ray_store_trim(exporter->store, &ignored);
        (void)trimmed;
    }
    return NULL;
}

/* ---- start and stop ---- */

static uint64_t position(void *context)
{
    const struct ray_local *exporter = context;
    return ray_queue_end(exporter->environment.queue);
}

static bool is_stored(void *context, uint64_t number)
{
    const struct ray_local *exporter = context;
    return ray_cursor_passed(exporter->cursor, number);
}

static enum ray_status open_store(struct ray_local *exporter, struct ray_net_error *error)
{
    char folder[400];
    struct ray_store_error store_error;
    enum ray_status status =
        choose_folder(exporter->options->directory, folder, sizeof(folder), error);
    if (status != RAY_OK) {
        return status;
    }
    struct ray_store_options options = {
        .directory = folder,
        .max_size_bytes = exporter->options->retention.max_size_bytes,
        .max_age_s = exporter->options->retention.max_age_ms / 1000,
        .clock = exporter->environment.clock,
    };
    status = ray_store_open(&options, &exporter->store, &store_error);
    if (status != RAY_OK) {
        snprintf(error->text, sizeof(error->text), "directory: %.180s", store_error.text);
        return RAY_IO;
    }
    ray_log_info(exporter->environment.log, "local store open", "exporter=%s directory=%s",
                 RAY_LOG_STR(ray_str_from(exporter->environment.id)),
                 RAY_LOG_STR(ray_str_from(folder)));
    return RAY_OK;
}

static enum ray_status start_api(struct ray_local *exporter, struct ray_net_error *error)
{
    const struct ray_local_options *options = exporter->options;
    struct ray_api_options api = {
        .store = exporter->store,
        .account_id = options->account_id,
        .keys = exporter->keys,
        .key_count = exporter->key_count,
        .control = exporter->environment.control,
        .log = exporter->environment.log,
        .clock = exporter->environment.clock,
        .context = exporter,
        .position = position,
        .is_stored = is_stored,
    };
    struct ray_net_error problem = {""};
    struct ray_address address;
    enum ray_status status = ray_address_resolve(options->endpoint, &address, &problem);
    if (status == RAY_OK) {
        status = ray_api_start(&api, &address, &exporter->api, &problem);
    }
    if (status != RAY_OK) {
        snprintf(error->text, sizeof(error->text), "endpoint: %.180s", problem.text);
    }
    return status == RAY_OK ? RAY_OK : RAY_IO;
}

static enum ray_status start_all(struct ray_local *exporter, struct ray_net_error *error)
{
    const struct ray_exporter_environment *environment = &exporter->environment;
    enum ray_status status = open_store(exporter, error);
    if (status != RAY_OK) {
        return status;
    }
    struct ray_cursor_options cursor = {
        .name = environment->id,
        .profile = environment->profile,
        .ledger = exporter->ledger,
        .wake = wake,
        .context = exporter,
        .drop_oldest = environment->drop_oldest,
    };
    exporter->cursor = ray_cursor_open(environment->queue, &cursor);
    if (exporter->cursor == NULL) {
        snprintf(error->text, sizeof(error->text), "out of memory");
        return RAY_NOMEM;
    }
    status = start_api(exporter, error);
    if (status == RAY_OK) {
        status = ray_thread_start(&exporter->thread, "store", run, exporter);
        if (status != RAY_OK) {
            snprintf(error->text, sizeof(error->text), "cannot start a thread: %s",
                     strerror(errno));
        }
    }
    return status;
}

enum ray_status ray_local_start(struct ray_local *exporter, struct ray_net_error *error)
{
    enum ray_status status = start_all(exporter, error);
    if (status != RAY_OK) { /* closes what did open */
        ray_local_stop(exporter, 0);
    }
    return status;
}

uint16_t ray_local_port(const struct ray_local *exporter)
{
    return exporter->api != NULL ? ray_api_port(exporter->api) : 0;
}

uint64_t ray_local_stop(struct ray_local *exporter, uint32_t timeout_ms)
{
    uint64_t given_up = 0;
    pthread_mutex_lock(&exporter->lock);
    exporter->stopping = true;
    exporter->deadline_ns = now_ns(exporter) + timeout_ms * RAY_NS_PER_MS;
    pthread_cond_signal(&exporter->changed);
    pthread_mutex_unlock(&exporter->lock);
    ray_thread_join(&exporter->thread);
    uint64_t now = now_ns(exporter);
    uint64_t left_ms =
        now < exporter->deadline_ns ? (exporter->deadline_ns - now) / RAY_NS_PER_MS : 0;
    /* before the cursor, which it asks */
    ray_api_stop(exporter->api,
                 left_ms < READERS_TIMEOUT_MS ? (uint32_t)left_ms : READERS_TIMEOUT_MS);
    exporter->api = NULL;
    if (exporter->cursor != NULL) {
        given_up = ray_exporter_give_up(&exporter->environment, exporter->ledger, exporter->cursor);
        ray_cursor_close(exporter->cursor);
        exporter->cursor = NULL;
    }
    ray_store_close(exporter->store);
    exporter->store = NULL;
    return given_up;
}

void ray_local_free(struct ray_local *exporter)
{
    if (exporter == NULL) {
        return;
    }
    ray_exporter_ledger_free(exporter->ledger);
    ray_arena_free(exporter->arena);
    free(exporter->keys);
    pthread_cond_destroy(&exporter->changed);
    pthread_mutex_destroy(&exporter->lock);
    free(exporter);
}
