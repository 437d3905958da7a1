/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <stdlib.h>
#include <string.h>

#include "atomics.h"

vapi_error_e request_ring_init(request_ring_t *ring, u32 size)
{
    request_t *places = calloc(size, sizeof *places);
    if (places == NULL)
        return VAPI_ENOMEM;
    free(ring->places);
    *ring = (request_ring_t){.places = places, .size = size};
    return VAPI_OK;
}

void request_ring_fini(request_ring_t *ring)
{
    free(ring->places);
    memset(ring, 0, sizeof *ring);
}

static u32 place(const request_ring_t *ring, u32 age)
{
    u32 i = ring->start + age;
    return i >= ring->size ? i - ring->size : i;
}

bool request_ring_push(request_ring_t *ring, const request_t *request)
{
    if (ring->count == ring->size)
        return false;
    ring->places[place(ring, ring->count)] = *request;
    store_relaxed(&ring->put, ring->put + 1); /* looked at without the lock */
    store_relaxed(&ring->count, ring->count + 1);
    return true;
}

u32 request_ring_find(const request_ring_t *ring, u32 context)
{
    for (u32 age = 0; age < ring->count; age++)
        if (ring->places[place(ring, age)].context == context)
            return age;
    return UINT32_MAX;
}

const request_t *request_ring_first(const request_ring_t *ring)
{
    return ring->count == 0 ? NULL : &ring->places[ring->start];
}

request_t request_ring_pop(request_ring_t *ring)
{
    request_t first = ring->places[ring->start];
    ring->start = place(ring, 1);
    ring->taken++;
    store_relaxed(&ring->count, ring->count - 1);
    return first;
}
