/*
 * schema: the layout of the store's file, and how an existing file is recognised.
 *
 * One SQLite database "local.db" per folder, in WAL mode (so "local.db-wal" and "local.db-shm"
 * stand beside it while it is open).
 *
 *   application_id  0x52617953 ("RayS"): a file without it is somebody else's
 *   user_version    1
 *
 *   segment   one row per document
 *     trace_id     blob, 16 bytes
 *     id           blob, 8 bytes            unique together with trace_id
 *     start_ns     integer, since 1970
 *     end_ns       integer; = start_ns while in progress
 *     in_progress  0 or 1
 *     name         text
 *     document     text: the JSON as it came, byte for byte
 *   trace     one row per trace, kept up with its segments
 *     trace_id     blob, 16 bytes, primary key
 *     start_ns     the earliest start        indexed: time windows, newest first
 *     end_ns       the latest end
 *     stored_s     when it last changed      indexed: what retention deletes first
 *     revision     grows with each change
 *
 * Retention goes by stored_s, not by the times in the documents: a document from last year is as
 * new to this store as one from today.
 */
#ifndef RAY_LOCAL_SCHEMA_H
#define RAY_LOCAL_SCHEMA_H

#define RAY_SCHEMA_APPLICATION_ID 0x52617953
#define RAY_SCHEMA_VERSION        1

/* auto_vacuum must be set before the first table: it cannot be switched on later. */
#define RAY_SCHEMA_CREATE                                                                          \
    "CREATE TABLE segment(trace_id BLOB NOT NULL, id BLOB NOT NULL, start_ns INTEGER NOT NULL,"    \
    " end_ns INTEGER NOT NULL, in_progress INTEGER NOT NULL, name TEXT NOT NULL,"                  \
    " document TEXT NOT NULL, UNIQUE(trace_id, id));"                                              \
    "CREATE TABLE trace(trace_id BLOB PRIMARY KEY, start_ns INTEGER NOT NULL,"                     \
    " end_ns INTEGER NOT NULL, stored_s INTEGER NOT NULL, revision INTEGER NOT NULL)"              \
    " WITHOUT ROWID;"                                                                              \
    "CREATE INDEX trace_start ON trace(start_ns, trace_id);"                                       \
    "CREATE INDEX trace_stored ON trace(stored_s);"

#endif
