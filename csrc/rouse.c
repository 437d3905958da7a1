/* SPDX-License-Identifier: Apache-2.0 */
#include "rouse.h"

/* Requests further apart than this are not worth a millisecond of VPP's time. */
#define CLOSE_NS (50 * NS_PER_US)
/* How often it must be found asleep before. */
#define FOUND_FIRST 4u
/* VPP handles one in 50 to 150 ns. */
#define FIRST_COUNT 192u
#define LEAST_COUNT 64u
/* VPP was awake if so many requests did without a bell. */
#define GOOD_RUN 4u
/* Too few fail nearly always, enough now and then, when somebody else was given the core. */
#define FAILURES_FOR_MORE 2u
#define MOST_FAILURES 8u
#define FIRST_REST_NS (100 * NS_PER_MS)
#define LONGEST_REST_NS (10 * NS_PER_S)

void rouse_init(rouse_t *r)
{
    *r = (rouse_t){.count = FIRST_COUNT, .rest_ns = FIRST_REST_NS};
    pthread_mutex_init(&r->lock, NULL);
}

void rouse_fini(rouse_t *r) { pthread_mutex_destroy(&r->lock); }

/** Learns from what came of the last time. */
static void learn(rouse_t *r, u64 now, u64 requests)
{
    if (requests >= GOOD_RUN) {
        r->failures = 0;
        r->rest_ns = FIRST_REST_NS;
        r->count -= r->count / 128;
        r->count = r->count < LEAST_COUNT ? LEAST_COUNT : r->count;
        return;
    }
    if (++r->failures % FAILURES_FOR_MORE == 0)
        r->count += r->count / 4;
    r->count = r->count > ROUSE_MOST ? ROUSE_MOST : r->count;
    if (r->failures == MOST_FAILURES) {
        r->failures = 0;
        r->rest_until = now + r->rest_ns;
        r->rest_ns = 2 * r->rest_ns < LONGEST_REST_NS ? 2 * r->rest_ns : LONGEST_REST_NS;
    }
}

u32 rouse_decide(rouse_t *r, u64 now, u64 sent)
{
    if (pthread_mutex_trylock(&r->lock) != 0)
        return 0;
    u64 requests = sent - r->last_sent;
    bool close = requests != 0 && now - r->last_ns < requests * CLOSE_NS;
    if (r->roused && close)
        learn(r, now, requests);
    r->found = close ? r->found + 1 : 0;
    r->roused = r->found >= FOUND_FIRST && now >= r->rest_until;
    r->last_ns = now;
    r->last_sent = sent;
    u32 count = r->roused ? r->count : 0;
    pthread_mutex_unlock(&r->lock);
    return count;
}
