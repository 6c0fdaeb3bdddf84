/*
 * fake_queue: stands in for queue/queue.c, does what the test tells it and can keep tickets back.
 *
 * Defines the three functions that the intake calls, so the real ones are not linked. Any thread.
 */
#ifndef RAY_TESTS_RECEIVER_FAKE_QUEUE_H
#define RAY_TESTS_RECEIVER_FAKE_QUEUE_H

#include "tests/unit/check.h"

#include <pthread.h>

#include "queue/queue.h"

#define FAKE_TICKETS_MAX 256u

struct ray_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum ray_status reserve_status;
    enum ray_status push_status;
    enum ray_status ticket_status;
    bool hold; /* tickets wait for fake_queue_release */
    struct ray_ticket *held[FAKE_TICKETS_MAX];
    size_t held_count;
    size_t reserved_bytes;
    uint64_t pushes;
    uint64_t documents;
};

static void fake_queue_init(struct ray_queue *queue)
{
    *queue = (struct ray_queue){.reserve_status = RAY_OK};
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, NULL);
}

static inline void fake_queue_set(struct ray_queue *queue, enum ray_status reserve,
                                  enum ray_status push, enum ray_status ticket, bool hold)
{
    pthread_mutex_lock(&queue->lock);
    queue->reserve_status = reserve;
    queue->push_status = push;
    queue->ticket_status = ticket;
    queue->hold = hold;
    pthread_mutex_unlock(&queue->lock);
}

enum ray_status ray_queue_reserve(struct ray_queue *queue, size_t bytes)
{
    pthread_mutex_lock(&queue->lock);
    enum ray_status status = queue->reserve_status;
    queue->reserved_bytes += status == RAY_OK ? bytes : 0;
    pthread_mutex_unlock(&queue->lock);
    return status;
}

void ray_queue_cancel(struct ray_queue *queue, size_t reserved_bytes)
{
    pthread_mutex_lock(&queue->lock);
    queue->reserved_bytes -= reserved_bytes;
    pthread_mutex_unlock(&queue->lock);
}

enum ray_status ray_queue_push(struct ray_queue *queue, struct ray_batch *batch,
                               size_t reserved_bytes, struct ray_ticket *ticket)
{
    pthread_mutex_lock(&queue->lock);
    enum ray_status status = queue->push_status;
    enum ray_status ticket_status = queue->ticket_status;
    bool hold = queue->hold;
    queue->reserved_bytes -= reserved_bytes;
    if (status == RAY_OK) {
        queue->pushes++;
        queue->documents += ray_batch_documents(batch);
        ray_batch_unref(batch);
        if (hold) {
            assert_true(queue->held_count < FAKE_TICKETS_MAX);
            queue->held[queue->held_count++] = ticket;
            pthread_cond_broadcast(&queue->changed);
        }
    }
    pthread_mutex_unlock(&queue->lock);
    if (status == RAY_OK && !hold) {
        ticket->done(ticket, ticket_status);
    }
    return status;
}

/* Waits until `count` tickets are held. */
static inline void fake_queue_wait_held(struct ray_queue *queue, size_t count)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->held_count < count) {
        pthread_cond_wait(&queue->changed, &queue->lock);
    }
    pthread_mutex_unlock(&queue->lock);
}

/* Completes all held tickets with `ticket_status`, without the lock. Also a thread's function. */
static inline void *fake_queue_release(void *argument)
{
    struct ray_queue *queue = argument;
    for (;;) {
        pthread_mutex_lock(&queue->lock);
        struct ray_ticket *ticket = queue->held_count > 0 ? queue->held[--queue->held_count] : NULL;
        enum ray_status status = queue->ticket_status;
        pthread_mutex_unlock(&queue->lock);
        if (ticket == NULL) {
            return NULL;
        }
        ticket->done(ticket, status);
    }
}

#endif
