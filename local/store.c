/*
 * store: two connections, prepared statements, retention.
 */
#include "local/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "local/schema.h"

#define BUSY_TIMEOUT_MS 5000
/* Traces deleted in one go when the file is over its size: enough to get ahead of what comes in,
 * little enough that a put is not held up for long. */
#define TRIM_TRACES 256
/* Age is looked at this often; it is measured in hours. */
#define TRIM_EVERY_S 60u

/* Of a file that is looked through at start: about 50 ms. */
#define CHECK_MAX_BYTES (32u << 20)

enum statement {
    PUT_SEGMENT,
    PUT_TRACE,
    BEGIN,
    COMMIT,
    ROLLBACK,
    PAGE_COUNT,
    FREE_PAGES,
    DELETE_SEGMENTS_BEFORE,
    DELETE_TRACES_BEFORE,
    DELETE_OLDEST_SEGMENTS,
    DELETE_OLDEST_TRACES,
    VACUUM,
    WRITER_COUNT
};

/* The oldest traces, the same for both tables as long as the trace row is deleted last. */
#define OLDEST "(SELECT trace_id FROM trace ORDER BY stored_s, trace_id LIMIT ?1)"

static const char *const writer_sql[WRITER_COUNT] = {
    [PUT_SEGMENT] =
        "INSERT INTO segment(trace_id, id, start_ns, end_ns, in_progress, name, document)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(trace_id, id) DO UPDATE SET"
        " start_ns = excluded.start_ns, end_ns = excluded.end_ns,"
        " in_progress = excluded.in_progress, name = excluded.name, document = excluded.document"
        " WHERE segment.in_progress >= excluded.in_progress"
        " AND segment.document <> excluded.document",
    [PUT_TRACE] = "INSERT INTO trace(trace_id, start_ns, end_ns, stored_s, revision)"
                  " VALUES(?1, ?2, ?3, ?4, 1) ON CONFLICT(trace_id) DO UPDATE SET"
                  " start_ns = min(start_ns, excluded.start_ns),"
                  " end_ns = max(end_ns, excluded.end_ns), stored_s = excluded.stored_s,"
                  " revision = revision + 1",
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [PAGE_COUNT] = "PRAGMA page_count",
    [FREE_PAGES] = "PRAGMA freelist_count",
    [DELETE_SEGMENTS_BEFORE] = "DELETE FROM segment WHERE trace_id IN"
                               " (SELECT trace_id FROM trace WHERE stored_s < ?1)",
    [DELETE_TRACES_BEFORE] = "DELETE FROM trace WHERE stored_s < ?1",
    [DELETE_OLDEST_SEGMENTS] = "DELETE FROM segment WHERE trace_id IN " OLDEST,
    [DELETE_OLDEST_TRACES] = "DELETE FROM trace WHERE trace_id IN " OLDEST,
    [VACUUM] = "PRAGMA incremental_vacuum(1024)",
};

#define FIND_HEAD "SELECT trace_id, start_ns, end_ns, revision FROM trace WHERE "
/* A row value compares by column: exactly "behind this one" in the order below. */
#define FIND_TAIL                                                                                  \
    " AND (?3 = 0 OR (start_ns, trace_id) < (?4, ?5))"                                             \
    " ORDER BY start_ns DESC, trace_id DESC LIMIT ?6"

enum reader_statement {
    FIND_STARTED,
    FIND_ACTIVE,
    FIND_SEGMENT_ENDED,
    READ_DOCUMENTS,
    READ_REVISION,
    READER_COUNT
};

static const char *const reader_sql[READER_COUNT] = {
    [FIND_STARTED] = FIND_HEAD "start_ns >= ?1 AND start_ns < ?2" FIND_TAIL,
    [FIND_ACTIVE] = FIND_HEAD "end_ns >= ?1 AND start_ns < ?2" FIND_TAIL,
    [FIND_SEGMENT_ENDED] = FIND_HEAD
    "start_ns < ?2 AND end_ns >= ?1 AND EXISTS (SELECT 1 FROM segment s"
    " WHERE s.trace_id = trace.trace_id AND s.end_ns >= ?1 AND s.end_ns < ?2)" FIND_TAIL,
    [READ_DOCUMENTS] = "SELECT document FROM segment WHERE trace_id = ?1 ORDER BY start_ns, id",
    [READ_REVISION] = "SELECT revision FROM trace WHERE trace_id = ?1",
};

struct ray_store {
    struct ray_store_options options;
    char path[512];
    uint64_t page_bytes;
    uint64_t next_trim_s;

    pthread_mutex_t write_lock; /* guards everything of the writer; taken alone */
    sqlite3 *writer;
    sqlite3_stmt *write[WRITER_COUNT];

    pthread_mutex_t read_lock; /* guards everything of the reader; taken alone */
    sqlite3 *reader;
    sqlite3_stmt *read[READER_COUNT];
};

/* ---- errors ---- */

static enum ray_status status_of(int code)
{
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return RAY_OK;
    case SQLITE_FULL:
        return RAY_AGAIN;
    case SQLITE_NOMEM:
        return RAY_NOMEM;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return RAY_INVALID;
    default:
        return RAY_IO;
    }
}

static enum ray_status fail(const struct ray_store *store, sqlite3 *db, int code,
                            struct ray_store_error *error)
{
    enum ray_status status = status_of(code);
    const char *what = db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    const char *advice = status == RAY_INVALID ? "; move it away to start with an empty store" : "";
    snprintf(error->text, sizeof(error->text), "%s: %s%s", store->path, what, advice);
    return status;
}

/* ---- opening ---- */

static int64_t read_pragma(sqlite3 *db, const char *sql, int *code)
{
    sqlite3_stmt *statement = NULL;
    int64_t value = 0;
    *code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (*code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        value = sqlite3_column_int64(statement, 0);
    }
    int end = sqlite3_finalize(statement);
    *code = *code == SQLITE_OK ? end : *code;
    return value;
}

static enum ray_status refuse_foreign(const struct ray_store *store, const char *what,
                                      struct ray_store_error *error)
{
    snprintf(error->text, sizeof(error->text),
             "%s: %s; name another directory, or move the file away", store->path, what);
    return RAY_INVALID;
}

/* Looks before anything is written: 0 tables means a new file. */
static enum ray_status recognise(const struct ray_store *store, bool *is_new,
                                 struct ray_store_error *error)
{
    sqlite3 *db = store->writer;
    int code = SQLITE_OK, ignored = SQLITE_OK;
    int64_t tables = read_pragma(db, "SELECT count(*) FROM sqlite_schema", &code);
    if (code != SQLITE_OK) {
        return fail(store, db, code, error);
    }
    *is_new = tables == 0;
    if (*is_new) {
        return RAY_OK;
    }
    if (read_pragma(db, "PRAGMA application_id", &ignored) != RAY_SCHEMA_APPLICATION_ID) {
        return refuse_foreign(store, "a database of another program", error);
    }
    if (read_pragma(db, "PRAGMA user_version", &ignored) != RAY_SCHEMA_VERSION) {
        return refuse_foreign(store, "written by another version of this program", error);
    }
    return RAY_OK;
}

/* A header that is whole does not make a whole file: every page is looked at once. Not in a large
 * one, it would hold up the start by seconds: damage there is reported by the call that meets it.
 */
static enum ray_status check_damage(const struct ray_store *store, struct ray_store_error *error)
{
    sqlite3_stmt *statement = NULL;
    int code = SQLITE_OK;
    int64_t pages = read_pragma(store->writer, "PRAGMA page_count", &code);
    if (code == SQLITE_OK && (uint64_t)pages * store->page_bytes > CHECK_MAX_BYTES) {
        return RAY_OK;
    }
    code = sqlite3_prepare_v2(store->writer, "PRAGMA quick_check(1)", -1, &statement, NULL);
    code = code == SQLITE_OK ? sqlite3_step(statement) : code;
    const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    enum ray_status status = RAY_OK;
    if (code != SQLITE_ROW) {
        status = fail(store, store->writer, code, error);
    } else if (text == NULL || strcmp(text, "ok") != 0) {
        snprintf(error->text, sizeof(error->text),
                 "%s: damaged (%.150s); move it away to start with an empty store", store->path,
                 text != NULL ? text : "no answer");
        status = RAY_INVALID;
    }
    sqlite3_finalize(statement);
    return status;
}

static int set_up(sqlite3 *db, bool is_new)
{
    char sql[128];
    int code = SQLITE_OK;
    if (is_new) {
        code = sqlite3_exec(db, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) { /* the log is cut back to this after a checkpoint */
        code = sqlite3_exec(db,
                            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                            "PRAGMA journal_size_limit = 16777216; PRAGMA temp_store = MEMORY",
                            NULL, NULL, NULL);
    }
    if (code != SQLITE_OK || !is_new) {
        return code;
    }
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             RAY_SCHEMA_APPLICATION_ID, RAY_SCHEMA_VERSION);
    code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    code = code == SQLITE_OK ? sqlite3_exec(db, sql, NULL, NULL, NULL) : code;
    code = code == SQLITE_OK ? sqlite3_exec(db, RAY_SCHEMA_CREATE, NULL, NULL, NULL) : code;
    return code == SQLITE_OK ? sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) : code;
}

static int prepare(sqlite3 *db, const char *const *sql, size_t count, sqlite3_stmt **out)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        code = sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &out[i], NULL);
    }
    return code;
}

/* NOMUTEX: each connection stands behind a mutex of ours already. */
static int connect_to(const char *path, int flags, sqlite3 **out)
{
    int code = sqlite3_open_v2(path, out, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_extended_result_codes(*out, 1);
        code = sqlite3_busy_timeout(*out, BUSY_TIMEOUT_MS);
    }
    return code;
}

/* Span contents are nobody else's business; the files beside it take over its mode. SQLite would
 * wait at a pipe for ever, and never says why a file cannot be opened: hence the look. */
static enum ray_status create_private(const struct ray_store *store, struct ray_store_error *error)
{
    struct stat what;
    int fd = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    bool is_file = fd >= 0 && fstat(fd, &what) == 0 && S_ISREG(what.st_mode);
    if (!is_file) {
        snprintf(error->text, sizeof(error->text), "%s: %s; name another directory", store->path,
                 fd < 0 ? strerror(errno) : "not a file");
    }
    if (fd >= 0) {
        close(fd);
    }
    return is_file ? RAY_OK : RAY_IO;
}

static enum ray_status open_writer(struct ray_store *store, struct ray_store_error *error)
{
    bool is_new = false;
    enum ray_status status = create_private(store, error);
    if (status != RAY_OK) {
        return status;
    }
    int code = connect_to(store->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &store->writer);
    if (code != SQLITE_OK) {
        return fail(store, store->writer, code, error);
    }
    status = recognise(store, &is_new, error);
    if (status != RAY_OK) {
        return status;
    }
    code = set_up(store->writer, is_new);
    if (code == SQLITE_OK) {
        code = prepare(store->writer, writer_sql, WRITER_COUNT, store->write);
    }
    if (code != SQLITE_OK) {
        return fail(store, store->writer, code, error);
    }
    store->page_bytes = (uint64_t)read_pragma(store->writer, "PRAGMA page_size", &code);
    return check_damage(store, error);
}

static enum ray_status open_reader(struct ray_store *store, struct ray_store_error *error)
{
    int code = connect_to(store->path, SQLITE_OPEN_READONLY, &store->reader);
    if (code == SQLITE_OK) {
        code = prepare(store->reader, reader_sql, READER_COUNT, store->read);
    }
    return code == SQLITE_OK ? RAY_OK : fail(store, store->reader, code, error);
}

enum ray_status ray_store_open(const struct ray_store_options *options, struct ray_store **out,
                               struct ray_store_error *error)
{
    struct ray_store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        snprintf(error->text, sizeof(error->text), "out of memory");
        return RAY_NOMEM;
    }
    store->options = *options;
    pthread_mutex_init(&store->write_lock, NULL);
    pthread_mutex_init(&store->read_lock, NULL);
    int len = snprintf(store->path, sizeof(store->path), "%s/local.db", options->directory);
    enum ray_status status = RAY_OK;
    store->options.directory = NULL; /* the caller's; the path is what is kept of it */
    if (len < 0 || (size_t)len >= sizeof(store->path)) {
        snprintf(error->text, sizeof(error->text), "the path of the directory is too long");
        status = RAY_INVALID;
    }
    status = status == RAY_OK ? open_writer(store, error) : status;
    status = status == RAY_OK ? open_reader(store, error) : status;
    if (status != RAY_OK) {
        ray_store_close(store);
        return status;
    }
    *out = store;
    return RAY_OK;
}

void ray_store_close(struct ray_store *store)
{
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < READER_COUNT; i++) {
        sqlite3_finalize(store->read[i]);
    }
    for (size_t i = 0; i < WRITER_COUNT; i++) {
        sqlite3_finalize(store->write[i]);
    }
    sqlite3_close(store->reader);
    sqlite3_close(store->writer); /* last: its close folds the log into the file */
    pthread_mutex_destroy(&store->read_lock);
    pthread_mutex_destroy(&store->write_lock);
    free(store);
}

/* ---- writing ---- */

/* Runs a statement to its end. */
static int run(const struct ray_store *store, enum statement which)
{
    int code;
    do {
        code = sqlite3_step(store->write[which]);
    } while (code == SQLITE_ROW);
    sqlite3_reset(store->write[which]);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int run_with(const struct ray_store *store, enum statement which, int64_t argument)
{
    sqlite3_bind_int64(store->write[which], 1, argument);
    return run(store, which);
}

static void bind_blob(sqlite3_stmt *statement, int index, const uint8_t *bytes, size_t count)
{
    sqlite3_bind_blob(statement, index, bytes, (int)count, SQLITE_STATIC);
}

static void bind_text(sqlite3_stmt *statement, int index, struct ray_str text)
{
    sqlite3_bind_text64(statement, index, text.len ? text.ptr : "", text.len, SQLITE_STATIC,
                        SQLITE_UTF8);
}

static int put_segment(const struct ray_store *store, const struct ray_store_document *document)
{
    sqlite3_stmt *statement = store->write[PUT_SEGMENT];
    bind_blob(statement, 1, document->trace_id.bytes, sizeof(document->trace_id.bytes));
    bind_blob(statement, 2, document->id, sizeof(document->id));
    sqlite3_bind_int64(statement, 3, (int64_t)document->start_unix_ns);
    sqlite3_bind_int64(statement, 4, (int64_t)document->end_unix_ns);
    sqlite3_bind_int(statement, 5, document->in_progress);
    bind_text(statement, 6, document->name);
    bind_text(statement, 7, document->text);
    int code = run(store, PUT_SEGMENT);
    sqlite3_clear_bindings(statement); /* they point into the caller's memory */
    return code;
}

static int put_trace(const struct ray_store *store, const struct ray_store_document *document,
                     uint64_t now_s)
{
    sqlite3_stmt *statement = store->write[PUT_TRACE];
    bind_blob(statement, 1, document->trace_id.bytes, sizeof(document->trace_id.bytes));
    sqlite3_bind_int64(statement, 2, (int64_t)document->start_unix_ns);
    sqlite3_bind_int64(statement, 3, (int64_t)document->end_unix_ns);
    sqlite3_bind_int64(statement, 4, (int64_t)now_s);
    int code = run(store, PUT_TRACE);
    sqlite3_clear_bindings(statement);
    return code;
}

static int put_all(const struct ray_store *store, const struct ray_store_document *documents,
                   size_t count, uint64_t now_s)
{
    int code = run(store, BEGIN);
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        code = put_segment(store, &documents[i]);
        if (code == SQLITE_OK && sqlite3_changes(store->writer) > 0) {
            code = put_trace(store, &documents[i], now_s);
        }
    }
    return code == SQLITE_OK ? run(store, COMMIT) : code;
}

static uint64_t read_count(const struct ray_store *store, enum statement which)
{
    uint64_t value = 0;
    if (sqlite3_step(store->write[which]) == SQLITE_ROW) {
        value = (uint64_t)sqlite3_column_int64(store->write[which], 0);
    }
    sqlite3_reset(store->write[which]);
    return value;
}

/* Bytes in use: pages that wait for reuse do not count. */
static uint64_t used_bytes(const struct ray_store *store)
{
    return (read_count(store, PAGE_COUNT) - read_count(store, FREE_PAGES)) * store->page_bytes;
}

/* Both tables in one transaction; segments first, they are chosen through the trace rows. */
static int delete_where(const struct ray_store *store, enum statement segments,
                        enum statement traces, int64_t argument)
{
    int code = run(store, BEGIN);
    code = code == SQLITE_OK ? run_with(store, segments, argument) : code;
    code = code == SQLITE_OK ? run_with(store, traces, argument) : code;
    code = code == SQLITE_OK ? run(store, COMMIT) : code;
    if (code != SQLITE_OK && !sqlite3_get_autocommit(store->writer)) {
        run(store, ROLLBACK);
    }
    return code;
}

static int trim_age(struct ray_store *store, uint64_t now_s)
{
    if (store->options.max_age_s == 0 || now_s < store->next_trim_s ||
        now_s < store->options.max_age_s) {
        return SQLITE_OK;
    }
    store->next_trim_s = now_s + TRIM_EVERY_S;
    int code = delete_where(store, DELETE_SEGMENTS_BEFORE, DELETE_TRACES_BEFORE,
                            (int64_t)(now_s - store->options.max_age_s));
    return code == SQLITE_OK ? run(store, VACUUM) : code;
}

static int trim_size(const struct ray_store *store)
{
    int code = SQLITE_OK;
    if (store->options.max_size_bytes == 0 || used_bytes(store) <= store->options.max_size_bytes) {
        return code;
    }
    int deleted = 1; /* an empty file may still be larger than a tiny maximum */
    while (code == SQLITE_OK && deleted > 0 && used_bytes(store) > store->options.max_size_bytes) {
        code = delete_where(store, DELETE_OLDEST_SEGMENTS, DELETE_OLDEST_TRACES, TRIM_TRACES);
        deleted = sqlite3_changes(store->writer); /* traces: they are deleted last */
    }
    return code == SQLITE_OK ? run(store, VACUUM) : code;
}

static uint64_t now_seconds(const struct ray_store *store)
{
    return ray_clock_unix_ns(store->options.clock) / RAY_NS_PER_S;
}

enum ray_status ray_store_put(struct ray_store *store, const struct ray_store_document *documents,
                              size_t count, struct ray_store_error *error)
{
    enum ray_status status = RAY_OK;
    pthread_mutex_lock(&store->write_lock);
    uint64_t now_s = now_seconds(store);
    int code = put_all(store, documents, count, now_s);
    if (code != SQLITE_OK) {
        status = fail(store, store->writer, code, error);
        if (!sqlite3_get_autocommit(store->writer)) {
            run(store, ROLLBACK);
        }
        /* damage found while running is no fault of these documents: keep them, try again */
        status = status == RAY_INVALID ? RAY_IO : status;
    }
    /* Also after a failure: making room may be what the next try needs. Its own failure loses
     * nothing and is met again. */
    trim_size(store);
    trim_age(store, now_s);
    pthread_mutex_unlock(&store->write_lock);
    return status;
}

enum ray_status ray_store_trim(struct ray_store *store, struct ray_store_error *error)
{
    pthread_mutex_lock(&store->write_lock);
    int code = trim_age(store, now_seconds(store));
    enum ray_status status = code == SQLITE_OK ? RAY_OK : fail(store, store->writer, code, error);
    pthread_mutex_unlock(&store->write_lock);
    return status;
}

/* ---- reading ---- */

static bool read_trace_row(sqlite3_stmt *row, struct ray_store_trace *out)
{
    if (sqlite3_column_bytes(row, 0) != (int)sizeof(out->trace_id.bytes)) {
        return false;
    }
    memcpy(out->trace_id.bytes, sqlite3_column_blob(row, 0), sizeof(out->trace_id.bytes));
    out->start_unix_ns = (uint64_t)sqlite3_column_int64(row, 1);
    out->end_unix_ns = (uint64_t)sqlite3_column_int64(row, 2);
    out->revision = (uint64_t)sqlite3_column_int64(row, 3);
    return true;
}

/* SQLite's integers are signed. */
static int64_t clamp_ns(uint64_t ns)
{
    return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

static void bind_query(sqlite3_stmt *statement, const struct ray_store_query *query)
{
    sqlite3_bind_int64(statement, 1, clamp_ns(query->from_unix_ns));
    sqlite3_bind_int64(statement, 2, clamp_ns(query->to_unix_ns));
    sqlite3_bind_int(statement, 3, query->resume);
    sqlite3_bind_int64(statement, 4, clamp_ns(query->after.start_unix_ns));
    bind_blob(statement, 5, query->after.trace_id.bytes, sizeof(query->after.trace_id.bytes));
    sqlite3_bind_int64(statement, 6, query->limit);
}

enum ray_status ray_store_find(struct ray_store *store, const struct ray_store_query *query,
                               struct ray_arena *arena, struct ray_store_trace **out, size_t *count)
{
    struct ray_store_trace *rows = RAY_ARENA_ARRAY(arena, struct ray_store_trace, query->limit);
    if (rows == NULL) {
        return RAY_NOMEM;
    }
    static const enum reader_statement by_window[] = {
        [RAY_STORE_STARTED] = FIND_STARTED,
        [RAY_STORE_ACTIVE] = FIND_ACTIVE,
        [RAY_STORE_SEGMENT_ENDED] = FIND_SEGMENT_ENDED,
    };
    size_t found = 0;
    pthread_mutex_lock(&store->read_lock);
    sqlite3_stmt *statement = store->read[by_window[query->window]];
    bind_query(statement, query);
    int code = sqlite3_step(statement);
    for (; code == SQLITE_ROW; code = sqlite3_step(statement)) {
        found += found < query->limit && read_trace_row(statement, &rows[found]) ? 1 : 0;
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    pthread_mutex_unlock(&store->read_lock);
    if (code != SQLITE_DONE) {
        return status_of(code);
    }
    *out = rows;
    *count = found;
    return RAY_OK;
}

/* A list that grows in the arena: what it outgrew stays there until the arena is reset. */
static bool append(struct ray_arena *arena, struct ray_str **list, size_t *count, size_t *room,
                   struct ray_str text)
{
    if (*count == *room) {
        size_t more = *room == 0 ? 16 : *room * 2;
        struct ray_str *grown = RAY_ARENA_ARRAY(arena, struct ray_str, more);
        if (grown == NULL) {
            return false;
        }
        if (*count > 0) {
            memcpy(grown, *list, *count * sizeof(**list));
        }
        *list = grown;
        *room = more;
    }
    struct ray_str copy = ray_arena_copy(arena, text);
    (*list)[*count] = copy;
    *count += copy.ptr != NULL ? 1 : 0;
    return copy.ptr != NULL;
}

static enum ray_status read_documents(const struct ray_store *store, struct ray_arena *arena,
                                      struct ray_str **documents, size_t *count)
{
    sqlite3_stmt *row = store->read[READ_DOCUMENTS];
    struct ray_str *list = NULL;
    size_t found = 0, room = 0;
    int code;
    bool kept = true;
    while ((code = sqlite3_step(row)) == SQLITE_ROW && kept) {
        struct ray_str text = {(const char *)sqlite3_column_text(row, 0),
                               (size_t)sqlite3_column_bytes(row, 0)};
        kept = append(arena, &list, &found, &room, text);
    }
    if (!kept) {
        return RAY_NOMEM;
    }
    *documents = list;
    *count = found;
    return status_of(code);
}

enum ray_status ray_store_read(struct ray_store *store, const struct ray_trace_id *trace_id,
                               struct ray_arena *arena, struct ray_str **documents, size_t *count,
                               uint64_t *revision)
{
    pthread_mutex_lock(&store->read_lock);
    sqlite3_stmt *rows = store->read[READ_DOCUMENTS], *row = store->read[READ_REVISION];
    bind_blob(rows, 1, trace_id->bytes, sizeof(trace_id->bytes));
    enum ray_status status = read_documents(store, arena, documents, count);
    sqlite3_reset(rows);
    sqlite3_clear_bindings(rows);
    if (status == RAY_OK && revision != NULL) {
        bind_blob(row, 1, trace_id->bytes, sizeof(trace_id->bytes));
        bool found = sqlite3_step(row) == SQLITE_ROW;
        *revision = found ? (uint64_t)sqlite3_column_int64(row, 0) : 0;
        sqlite3_reset(row);
        sqlite3_clear_bindings(row);
    }
    pthread_mutex_unlock(&store->read_lock);
    return status;
}
