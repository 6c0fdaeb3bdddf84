/* nearest: see nearest.h. */
#include "config/nearest.h"

#define WORD_MAX_BYTES 64u

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool same(struct ray_str a, size_t i, struct ray_str b, size_t j)
{
    return lower(a.ptr[i - 1]) == lower(b.ptr[j - 1]);
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance; both at most WORD_MAX_BYTES. */
static unsigned edits(struct ray_str a, struct ray_str b)
{
    unsigned rows[3][WORD_MAX_BYTES + 1];
    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *before = rows[(i + 2) % 3];
        const unsigned *two_before = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            row[j] = smaller(before[j], row[j - 1]) + 1;
            row[j] = smaller(row[j], before[j - 1] + !same(a, i, b, j));
            if (i > 1 && j > 1 && same(a, i, b, j - 1) && same(a, i - 1, b, j)) {
                row[j] = smaller(row[j], two_before[j - 2] + 1);
            }
        }
    }
    return rows[a.len % 3][b.len];
}

struct ray_str ray_nearest_word(struct ray_str word, const struct ray_str *candidates, size_t count)
{
    struct ray_str best = {NULL, 0};
    if (word.len < 2 || word.len > WORD_MAX_BYTES) {
        return best;
    }
    unsigned best_edits = word.len < 6 ? 2 : (unsigned)word.len / 3 + 1; /* must be below */
    for (size_t i = 0; i < count; i++) {
        if (candidates[i].len == 0 || candidates[i].len > WORD_MAX_BYTES) {
            continue;
        }
        unsigned distance = edits(word, candidates[i]);
        if (distance < best_edits) {
            best_edits = distance;
            best = candidates[i];
        }
    }
    return best;
}
