/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeping VPP awake while calls follow each other.
 *
 * An idle VPP sleeps after each request, and being woken for each costs more than the request itself. But
 * a VPP that had more than ten microseconds of uninterrupted work in its queue does not sleep for its next
 * 1024 loops, about a millisecond. So when requests come in quick succession, and each finds VPP asleep,
 * one of them takes a few dozen messages along that mean nothing: signs of life of this client, which VPP
 * neither answers nor traces nor stops its workers for. Never for a VPP that is awake, nor for requests
 * that are far apart.
 *
 * How many it takes is learnt: more when VPP was asleep again too soon, slowly fewer when it was not; and
 * none for a while when it is of no use. Any thread; one decides, others do without.
 */
#ifndef VAPI_CORE_ROUSE_H
#define VAPI_CORE_ROUSE_H

#include <pthread.h>

#include "deadline.h"

/* Of VPP's queue of 1024 places and of our own 1024 small slots, at most this part. */
#define ROUSE_MOST 512u

typedef struct {
    pthread_mutex_t lock;
    u64 last_ns; /* when VPP was last found asleep */
    u64 last_sent; /* how many messages had been sent then */
    u64 rest_until; /* of no use: not before */
    u64 rest_ns; /* how long the next time */
    u32 found; /* times in a row that it was found asleep, by requests close together */
    u32 count; /* messages that suffice, as far as known */
    u32 failures; /* times in a row that they did not */
    bool roused; /* last time */
} rouse_t;

void rouse_init(rouse_t *r);
void rouse_fini(rouse_t *r);
/** VPP was found asleep, after `sent` messages in all: how many to add to its queue, 0 for none. */
u32 rouse_decide(rouse_t *r, u64 now, u64 sent);

#endif
