/* ring: see ring.h. */
#include "queue/ring.h"

static struct ray_ring_entry *entry_at(struct ray_ring *ring, uint64_t index)
{
    return &ring->entries[index % RAY_RING_BATCHES];
}

static void pop(struct ray_ring *ring, struct ray_ring_out *out)
{
    struct ray_ring_entry *oldest = entry_at(ring, ring->head++);
    ring->bytes -= ray_batch_bytes(oldest->batch);
    if (out->count < sizeof(out->batches) / sizeof(out->batches[0])) {
        out->batches[out->count++] = oldest->batch;
    } else {
        ray_batch_unref(oldest->batch);
    }
    oldest->batch = NULL;
}

void ray_ring_push(struct ray_ring *ring, struct ray_batch *batch, uint64_t first, uint64_t last,
                   struct ray_ring_out *out)
{
    size_t bytes = ray_batch_bytes(batch);
    while (ring->tail > ring->head &&
           (ring->tail - ring->head == RAY_RING_BATCHES || ring->bytes + bytes > ring->max_bytes)) {
        pop(ring, out);
    }
    *entry_at(ring, ring->tail++) = (struct ray_ring_entry){batch, first, last};
    ring->bytes += bytes;
}

void ray_ring_trim(struct ray_ring *ring, uint64_t number, struct ray_ring_out *out)
{
    size_t room = sizeof(out->batches) / sizeof(out->batches[0]);
    while (ring->tail > ring->head && out->count < room &&
           entry_at(ring, ring->head)->last <= number) {
        pop(ring, out);
    }
}

const struct ray_ring_entry *ray_ring_find(const struct ray_ring *ring, uint64_t number)
{
    uint64_t low = ring->head;
    uint64_t high = ring->tail;
    if (low == high || ring->entries[low % RAY_RING_BATCHES].first > number) {
        return NULL;
    }
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (ring->entries[middle % RAY_RING_BATCHES].last < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ring->tail ? &ring->entries[low % RAY_RING_BATCHES] : NULL;
}

void ray_ring_out_clear(struct ray_ring_out *out)
{
    for (size_t i = 0; i < out->count; i++) {
        ray_batch_unref(out->batches[i]);
    }
    out->count = 0;
}

void ray_ring_clear(struct ray_ring *ring)
{
    struct ray_ring_out out = {.count = 0};
    while (ring->tail > ring->head) {
        ray_ring_trim(ring, UINT64_MAX, &out);
        ray_ring_out_clear(&out);
    }
}
