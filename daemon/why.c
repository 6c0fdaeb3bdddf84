/* why: see why.h. */
#include "daemon/why.h"

#include "core/codec.h"
#include "core/json_writer.h"
#include "queue/ledger.h"

#include <stdio.h>
#include <time.h>

#define SENTENCES_MAX   ((size_t)RAY_HISTORY_EXPORTERS_MAX * 5)
#define REFUSALS_TOLD   5u /* in words; all are in the JSON */
#define TIME_TEXT_BYTES 32u
#define ON_ITS_WAY_S    5u /* at most, from what the history hears to what the queue counts */

/* What is put together about one trace. */
struct answer {
    const struct ray_why_sources *sources;
    struct ray_arena *arena;
    struct ray_history_answer known;
    const char *state;
    struct ray_str *sentences;
    size_t sentence_count;
    bool failed; /* out of memory */
};

struct time_text {
    char text[TIME_TEXT_BYTES];
};

/* RFC 3339, UTC, whole seconds. */
static struct time_text time_of(uint64_t unix_s)
{
    struct time_text out = {""};
    time_t seconds = (time_t)unix_s;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(out.text, sizeof(out.text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return out;
}

/* --- words --- */

static void say(struct answer *answer, struct ray_str sentence)
{
    if (sentence.ptr == NULL || answer->sentence_count == SENTENCES_MAX) {
        answer->failed = true;
    } else {
        answer->sentences[answer->sentence_count++] = sentence;
    }
}

static struct ray_str count_of(struct answer *answer, uint64_t count, uint64_t max,
                               const char *noun)
{
    return ray_arena_printf(answer->arena, "%s%llu %s%s", count >= max ? "at least " : "",
                            (unsigned long long)count, noun, count == 1 ? "" : "s");
}

static const struct ray_graph_exporter *find_exporter(const struct answer *answer, const char *id)
{
    const struct ray_why_sources *sources = answer->sources;
    for (size_t i = 0; i < sources->exporter_count; i++) {
        if (strcmp(sources->exporters[i].id, id) == 0) {
            return &sources->exporters[i];
        }
    }
    return NULL;
}

/* What "delivered" means where it is not an answer of the far end. */
static const char *meaning_of(const struct ray_graph_exporter *exporter)
{
    static const struct {
        const char *type, *meaning;
    } meanings[] = {
        {"local", " (stored on this machine)"},
        {"xray_daemon", " (handed to the kernel: a daemon gives no answer)"},
    };
    for (size_t i = 0; exporter != NULL && i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (strcmp(meanings[i].type, exporter->type) == 0) {
            return meanings[i].meaning;
        }
    }
    return "";
}

static void say_delivered(struct answer *answer, const struct ray_history_fate *fate)
{
    struct ray_str documents = count_of(answer, fate->delivered, RAY_HISTORY_COUNT_MAX, "document");
    struct ray_str taken =
        fate->taken_unix_s != 0 && fate->waiting == 0
            ? ray_arena_printf(answer->arena, ", taken %s", time_of(fate->taken_unix_s).text)
            : RAY_STR("");
    say(answer, ray_arena_printf(answer->arena, "delivered: %.*s by exporter %s%s, the last %s%.*s",
                                 RAY_STR_ARG(documents), fate->where,
                                 meaning_of(find_exporter(answer, fate->where)),
                                 time_of(fate->settled_unix_s).text, RAY_STR_ARG(taken)));
}

/* Why documents wait: what stops all of them, else what the last attempt met, else the others. */
static struct ray_str reason_to_wait(struct answer *answer, const struct ray_history_fate *fate)
{
    const struct ray_graph_exporter *exporter = find_exporter(answer, fate->where);
    struct ray_history_standing standing;
    ray_history_stand(ray_history_column(answer->sources->history, fate->where), &standing);
    if (exporter != NULL && !exporter->ready) {
        return ray_arena_printf(answer->arena, "%s", exporter->why);
    }
    if (standing.failed_unix_s != 0) {
        return ray_arena_printf(answer->arena, "attempts fail since %s, the last one %s: %s",
                                time_of(standing.failing_since_unix_s).text,
                                time_of(standing.failed_unix_s).text, standing.failed_because);
    }
    if (fate->reason[0] != '\0' && fate->dropped == 0) {
        return ray_arena_printf(answer->arena, "it is to be sent again: %s", fate->reason);
    }
    int64_t queued = ray_ledger_queued_documents(answer->sources->metrics, fate->where);
    return ray_arena_printf(answer->arena, "its turn comes, %lld in all wait or are on their way",
                            (long long)queued);
}

/* The history hears before the queue is given something, and what leaves it may be gone unheard:
 * given up by a full queue, damaged on disk. */
static bool is_unheard(const struct answer *answer, const struct ray_history_fate *fate)
{
    const struct ray_why_sources *sources = answer->sources;
    return fate->waiting > 0 && sources->now_unix_s > fate->taken_unix_s + ON_ITS_WAY_S &&
           ray_ledger_queued_documents(sources->metrics, fate->where) == 0;
}

static void say_unheard(struct answer *answer, const struct ray_history_fate *fate)
{
    struct ray_str documents = count_of(answer, fate->waiting, RAY_HISTORY_COUNT_MAX, "document");
    say(answer,
        ray_arena_printf(answer->arena,
                         "unknown: %.*s for exporter %s, taken %s; its queue is empty, and "
                         "what became of them was not heard",
                         RAY_STR_ARG(documents), fate->where, time_of(fate->taken_unix_s).text));
}

/* Documents that left the queue without a word of whose they were. */
static int64_t given_up_unread(const struct answer *answer, const char *exporter)
{
    struct ray_metrics *metrics = answer->sources->metrics;
    return ray_ledger_dropped_documents(metrics, exporter, RAY_STR("queue_full")) +
           ray_ledger_dropped_documents(metrics, exporter, RAY_STR("damaged"));
}

static void say_waiting(struct answer *answer, const struct ray_history_fate *fate)
{
    int64_t unread = given_up_unread(answer, fate->where);
    struct ray_str documents = count_of(answer, fate->waiting, RAY_HISTORY_COUNT_MAX, "document");
    struct ray_str reason = reason_to_wait(answer, fate);
    say(answer, ray_arena_printf(answer->arena, "waiting: %.*s for exporter %s since %s: %.*s",
                                 RAY_STR_ARG(documents), fate->where,
                                 time_of(fate->taken_unix_s).text, RAY_STR_ARG(reason)));
    if (unread > 0) {
        struct ray_str lost = count_of(answer, (uint64_t)unread, UINT64_MAX, "document");
        say(answer, ray_arena_printf(answer->arena,
                                     "unless it is among what the queue of exporter %s gave up "
                                     "unread, being full or damaged: %.*s",
                                     fate->where, RAY_STR_ARG(lost)));
    }
}

static bool is_door(const struct ray_history_fate *fate)
{
    return fate->where[0] == '\0';
}

/* Was the client told not to send them again? All other reasons pass. */
static bool is_final(const struct ray_history_fate *fate)
{
    return !is_door(fate) || strcmp(fate->reason, ray_refusal_name(RAY_REFUSED_INVALID)) == 0 ||
           strcmp(fate->reason, ray_refusal_name(RAY_REFUSED_TOO_BIG)) == 0;
}

static void say_refused(struct answer *answer, const struct ray_history_fate *fate)
{
    bool at_door = is_door(fate);
    struct ray_str things =
        count_of(answer, fate->dropped, RAY_HISTORY_DROPPED_MAX, at_door ? "span" : "document");
    say(answer, ray_arena_printf(answer->arena, "refused: %.*s %s%s, the last %s: %s%s",
                                 RAY_STR_ARG(things), at_door ? "not taken in" : "by exporter ",
                                 fate->where, time_of(fate->settled_unix_s).text, fate->reason,
                                 is_final(fate) ? "" : "; the client was told to send again"));
}

static void say_refusal(struct answer *answer, const struct ray_history_refusal *refusal)
{
    char id[2 * sizeof(refusal->span_id)];
    ray_hex_encode((struct ray_str){(const char *)refusal->span_id, sizeof(refusal->span_id)}, id);
    say(answer, ray_arena_printf(answer->arena, "refused: span %.*s by %s %s: %s%s%s",
                                 (int)sizeof(id), id, refusal->where,
                                 time_of(refusal->unix_ns / RAY_NS_PER_S).text, refusal->reason,
                                 refusal->message[0] != '\0' ? ": " : "", refusal->message));
}

/* Documents that wait and whose traces the history does not know. */
static int64_t unnamed_documents(const struct answer *answer, const char *exporter)
{
    const struct ray_why_sources *sources = answer->sources;
    struct ray_history_column *column = ray_history_column(sources->history, exporter);
    struct ray_history_standing standing = {0};
    int64_t queued = ray_ledger_queued_documents(sources->metrics, exporter);
    if (column != NULL) {
        ray_history_stand(column, &standing);
    }
    return queued - (int64_t)standing.waiting;
}

static void say_not_seen(struct answer *answer)
{
    const struct ray_why_sources *sources = answer->sources;
    say(answer, ray_arena_printf(answer->arena, "not seen since %s",
                                 time_of(answer->known.complete_since_unix_s).text));
    for (size_t i = 0; i < sources->exporter_count; i++) {
        const char *id = sources->exporters[i].id;
        int64_t unnamed = unnamed_documents(answer, id);
        int64_t recovered = ray_ledger_recovered_documents(sources->metrics, id);
        if (unnamed <= 0 || find_exporter(answer, id) != &sources->exporters[i]) {
            continue; /* nothing, or the same exporter in another pipeline */
        }
        struct ray_str documents = count_of(answer, (uint64_t)unnamed, UINT64_MAX, "document");
        say(answer, ray_arena_printf(answer->arena,
                                     "it may be among what waits for exporter %s since before "
                                     "that: %.*s%s",
                                     id, RAY_STR_ARG(documents),
                                     recovered > 0 ? " (found in its queue at the start)" : ""));
    }
}

/* What was refused for a time only counts when nothing else is known: the client came again. */
static const char *state_of(const struct answer *answer)
{
    const struct ray_history_answer *known = &answer->known;
    bool waiting = false, unheard = false, delivered = false, refused = false;
    for (size_t i = 0; i < known->fate_count; i++) {
        const struct ray_history_fate *fate = &known->fates[i];
        unheard = unheard || is_unheard(answer, fate);
        waiting = waiting || (fate->waiting > 0 && !is_unheard(answer, fate));
        delivered = delivered || fate->delivered > 0;
        refused = refused || (fate->dropped > 0 && is_final(fate));
    }
    if (waiting) {
        return "waiting";
    }
    if (unheard) {
        return "unknown";
    }
    if (delivered) {
        return refused ? "partly_refused" : "delivered";
    }
    return known->fate_count > 0 || known->refusal_count > 0 ? "refused" : "not_seen";
}

static void say_all(struct answer *answer)
{
    const struct ray_history_answer *known = &answer->known;
    for (size_t i = 0; i < known->fate_count; i++) {
        const struct ray_history_fate *fate = &known->fates[i];
        if (is_unheard(answer, fate)) {
            say_unheard(answer, fate);
        } else if (fate->waiting > 0) {
            say_waiting(answer, fate);
        }
        if (fate->delivered > 0) {
            say_delivered(answer, fate);
        }
        if (fate->dropped > 0) {
            say_refused(answer, fate);
        }
    }
    for (size_t i = 0; i < known->refusal_count && i < REFUSALS_TOLD; i++) {
        say_refusal(answer, &known->refusals[i]);
    }
    if (answer->sentence_count == 0) {
        say_not_seen(answer);
    }
    answer->state = state_of(answer);
}

/* --- JSON --- */

static void write_time(struct ray_json_writer *w, uint32_t unix_s)
{
    if (unix_s == 0) {
        ray_json_null(w);
    } else {
        ray_json_string(w, ray_str_from(time_of(unix_s).text));
    }
}

static void write_ids(struct ray_json_writer *w, const struct ray_trace_id *id)
{
    char text[RAY_XRAY_TRACE_ID_CHARS];
    ray_trace_id_write(id, text);
    RAY_JSON_KEY(w, "trace_id");
    ray_json_string(w, (struct ray_str){text, sizeof(text)});
    RAY_JSON_KEY(w, "w3c_trace_id");
    ray_json_hex(w, (struct ray_str){(const char *)id->bytes, sizeof(id->bytes)});
}

static void write_exporter(struct ray_json_writer *w, const struct ray_history_fate *fate)
{
    ray_json_object_begin(w);
    RAY_JSON_KEY(w, "exporter");
    ray_json_string(w, ray_str_from(fate->where));
    RAY_JSON_KEY(w, "taken");
    write_time(w, fate->taken_unix_s);
    RAY_JSON_KEY(w, "waiting");
    ray_json_u64(w, fate->waiting);
    RAY_JSON_KEY(w, "delivered");
    ray_json_u64(w, fate->delivered);
    RAY_JSON_KEY(w, "dropped");
    ray_json_u64(w, fate->dropped);
    RAY_JSON_KEY(w, "last");
    write_time(w, fate->settled_unix_s);
    RAY_JSON_KEY(w, "reason");
    ray_json_string(w, ray_str_from(fate->reason));
    ray_json_object_end(w);
}

static void write_refused_spans(struct ray_json_writer *w, const struct ray_history_fate *fate)
{
    RAY_JSON_KEY(w, "refused_spans");
    ray_json_object_begin(w);
    RAY_JSON_KEY(w, "spans");
    ray_json_u64(w, fate->dropped);
    RAY_JSON_KEY(w, "last");
    write_time(w, fate->settled_unix_s);
    RAY_JSON_KEY(w, "reason");
    ray_json_string(w, ray_str_from(fate->reason));
    ray_json_object_end(w);
}

static void write_refusals(struct ray_json_writer *w, const struct ray_history_answer *known)
{
    RAY_JSON_KEY(w, "refusals");
    ray_json_array_begin(w);
    for (size_t i = 0; i < known->refusal_count; i++) {
        const struct ray_history_refusal *refusal = &known->refusals[i];
        ray_json_object_begin(w);
        RAY_JSON_KEY(w, "time");
        write_time(w, (uint32_t)(refusal->unix_ns / RAY_NS_PER_S));
        write_ids(w, &refusal->trace_id);
        RAY_JSON_KEY(w, "span_id");
        ray_json_hex(w, (struct ray_str){(const char *)refusal->span_id, sizeof(refusal->span_id)});
        RAY_JSON_KEY(w, "by");
        ray_json_string(w, ray_str_from(refusal->where));
        RAY_JSON_KEY(w, "reason");
        ray_json_string(w, ray_str_from(refusal->reason));
        RAY_JSON_KEY(w, "message");
        ray_json_string(w, ray_str_from(refusal->message));
        ray_json_object_end(w);
    }
    ray_json_array_end(w);
}

static void write_answer(const struct answer *answer, const struct ray_trace_id *id,
                         struct ray_buf *out)
{
    const struct ray_history_answer *known = &answer->known;
    const struct ray_history_fate *door = NULL;
    struct ray_json_writer w;
    ray_json_init(&w, out);
    ray_json_object_begin(&w);
    write_ids(&w, id);
    RAY_JSON_KEY(&w, "state");
    ray_json_string(&w, ray_str_from(answer->state));
    RAY_JSON_KEY(&w, "answer");
    ray_json_array_begin(&w);
    for (size_t i = 0; i < answer->sentence_count; i++) {
        ray_json_string(&w, answer->sentences[i]);
    }
    ray_json_array_end(&w);
    RAY_JSON_KEY(&w, "complete_since");
    write_time(&w, known->complete_since_unix_s);
    RAY_JSON_KEY(&w, "exporters");
    ray_json_array_begin(&w);
    for (size_t i = 0; i < known->fate_count; i++) {
        if (known->fates[i].where[0] == '\0') {
            door = &known->fates[i];
        } else {
            write_exporter(&w, &known->fates[i]);
        }
    }
    ray_json_array_end(&w);
    if (door != NULL) {
        write_refused_spans(&w, door);
    }
    write_refusals(&w, known);
    ray_json_object_end(&w);
}

enum ray_status ray_why_write(const struct ray_why_sources *sources, const struct ray_trace_id *id,
                              struct ray_arena *arena, struct ray_buf *out)
{
    struct answer answer = {.sources = sources, .arena = arena};
    answer.sentences = RAY_ARENA_ARRAY(arena, struct ray_str, SENTENCES_MAX);
    if (answer.sentences == NULL ||
        ray_history_find(sources->history, id, arena, &answer.known) != RAY_OK) {
        return RAY_NOMEM;
    }
    say_all(&answer);
    write_answer(&answer, id, out);
    return answer.failed || out->failed ? RAY_NOMEM : RAY_OK;
}

enum ray_status ray_why_write_refusals(const struct ray_why_sources *sources,
                                       struct ray_arena *arena, struct ray_buf *out)
{
    struct ray_history_answer known;
    struct ray_json_writer w;
    if (ray_history_find(sources->history, NULL, arena, &known) != RAY_OK) {
        return RAY_NOMEM;
    }
    ray_json_init(&w, out);
    ray_json_object_begin(&w);
    RAY_JSON_KEY(&w, "complete_since");
    write_time(&w, known.complete_since_unix_s);
    write_refusals(&w, &known);
    ray_json_object_end(&w);
    return out->failed ? RAY_NOMEM : RAY_OK;
}
