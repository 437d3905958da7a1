/* SPDX-License-Identifier: Apache-2.0
 *
 * What the headers that vapi_cffi generates share: byte order, sizes, and the steps of a request.
 * Programs include the generated headers, not this one.
 *
 * Everything here that takes a context may be called by any thread; only vapi_request_end() waits, and
 * vapi_alloc_tail() and vapi_send_with_control_ping() as vapi_msg_alloc() and vapi_send2() do.
 */
#ifndef VAPI_GENERATED_H
#define VAPI_GENERATED_H

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <vapi/vapi.h>
#include <vapi/vapi_dbg.h>
#include <vapi/vapi_internal.h>
#include <vlibapi/api_types.h>

#ifdef __cplusplus
extern "C" {
#define VAPI_CHECK_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type ": wrong layout")
#else
/** Stops the compiler when a generated type has not the size that it has on the wire. */
#define VAPI_CHECK_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type ": wrong layout")
#endif

/* ---- byte order: exchanges network and host order in place; `at` may be unaligned */

static inline void vapi_swap_u16(void *at)
{
    u16 value;
    memcpy(&value, at, sizeof value);
    value = htobe16(value);
    memcpy(at, &value, sizeof value);
}

static inline void vapi_swap_u32(void *at)
{
    u32 value;
    memcpy(&value, at, sizeof value);
    value = htobe32(value);
    memcpy(at, &value, sizeof value);
}

static inline void vapi_swap_u64(void *at)
{
    u64 value;
    memcpy(&value, at, sizeof value);
    value = htobe64(value);
    memcpy(at, &value, sizeof value);
}

static inline void vapi_swap_u16s(void *at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        vapi_swap_u16((u8 *)at + i * sizeof(u16));
}

static inline void vapi_swap_u32s(void *at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        vapi_swap_u32((u8 *)at + i * sizeof(u32));
}

static inline void vapi_swap_u64s(void *at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        vapi_swap_u64((u8 *)at + i * sizeof(u64));
}

#ifndef __vl_api_string_swap_fns_defined__
#define __vl_api_string_swap_fns_defined__
/* The length; the bytes stay as they are. */
static inline void vl_api_string_t_hton(vl_api_string_t *text)
{
    text->length = htobe32(text->length);
}
static inline void vl_api_string_t_ntoh(vl_api_string_t *text)
{
    text->length = be32toh(text->length);
}
#endif

/* ---- sizes */

/** Bytes of a message with `count` elements behind its fixed part; the largest uword when that is
 * more than a uword can say, so that no count, however wrong, gives a small size. */
static inline uword vapi_size_with_tail(uword fixed, uword count, uword element)
{
    uword size;
    if (__builtin_mul_overflow(count, element, &size) || __builtin_add_overflow(size, fixed, &size))
        return ~(uword)0;
    return size;
}

/** As vapi_msg_alloc(), for a message with a tail; NULL also when there are more than `most` elements:
 * as many as its count field can say. */
static inline void *vapi_alloc_tail(vapi_ctx_t ctx, size_t fixed, size_t count, size_t element,
                                    u64 most)
{
    return count > most ? NULL : vapi_msg_alloc(ctx, vapi_size_with_tail(fixed, count, element));
}

/* ---- requests */

/** The first step of a request that takes `places` among the outstanding ones: looks for room
 * (non-blocking mode: VAPI_EAGAIN when there is none; blocking mode: dispatches until there is), takes
 * the producer lock, makes the context. On VAPI_OK vapi_request_end() must follow. */
static inline vapi_error_e vapi_request_begin(vapi_ctx_t ctx, size_t places, u32 *context)
{
    /* VAPI never uses the last place in non-blocking mode. */
    size_t most = vapi_get_max_request_count(ctx) + (vapi_is_nonblocking(ctx) ? 0 : 1);
    for (;;) {
        vapi_error_e rv = vapi_producer_lock(ctx);
        if (rv != VAPI_OK)
            return rv;
        size_t taken = vapi_get_request_count(ctx);
        if (taken + places <= most) {
            *context = vapi_gen_req_context(ctx);
            return VAPI_OK;
        }
        rv = vapi_producer_unlock(ctx);
        if (rv != VAPI_OK)
            return rv;
        if (vapi_is_nonblocking(ctx))
            return VAPI_EAGAIN;
        /* Only where several threads, or callbacks, send: the others wait for their own answer. */
        if (taken == 0)
            return VAPI_EINVAL;
        rv = vapi_dispatch_sent(ctx);
        if (rv != VAPI_OK)
            return rv;
    }
}

/** The last step: gives the lock back and, when the request is out and the mode is blocking, dispatches
 * until it is answered and its callback has returned. `sent`: how sending went. */
static inline vapi_error_e vapi_request_end(vapi_ctx_t ctx, vapi_error_e sent)
{
    if (sent == VAPI_OK && !vapi_is_nonblocking(ctx))
        return vapi_dispatch_locked(ctx);
    vapi_error_e rv = vapi_producer_unlock(ctx);
    return sent != VAPI_OK ? sent : rv;
}

/** Sends `msg` (in network order) and a control ping with the same context behind it, whose reply ends
 * a dump. Both or neither; on any error `msg` is still the caller's. VAPI_EAGAIN also when there is no
 * memory for the ping. */
VAPI_API vapi_error_e vapi_send_with_control_ping(vapi_ctx_t ctx, void *msg, u32 context);

#ifdef __cplusplus
}
#endif

#endif
