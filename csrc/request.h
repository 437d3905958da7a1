/* SPDX-License-Identifier: Apache-2.0
 *
 * Outstanding requests in the order they were sent, and who is told of the response. Bytes in, events
 * out: knows neither transports nor VPP. Caller locks.
 */
#ifndef VAPI_CORE_REQUEST_H
#define VAPI_CORE_REQUEST_H

#include <vapi/vapi_internal.h>

typedef struct {
    u32 context;
    vapi_msg_id_t response_id;
    enum vapi_request_type type;
    vapi_cb_t callback;
    void *callback_ctx;
    const void *thread; /* that made it */
} request_t;

/** A ring of `size` places; zeroed memory has none. */
typedef struct {
    request_t *places;
    u32 size;
    u32 start;
    u32 count;
    u64 put, taken; /* ever */
} request_ring_t;

/** VAPI_ENOMEM; what was in it is forgotten. */
vapi_error_e request_ring_init(request_ring_t *ring, u32 size);
void request_ring_fini(request_ring_t *ring);
/** false when it is full. */
bool request_ring_push(request_ring_t *ring, const request_t *request);
/** How many requests are older than the one with this context; UINT32_MAX when there is none. */
u32 request_ring_find(const request_ring_t *ring, u32 context);
/** The oldest; NULL when empty. */
const request_t *request_ring_first(const request_ring_t *ring);
/** Takes the oldest out. */
request_t request_ring_pop(request_ring_t *ring);

#endif
