/* SPDX-License-Identifier: Apache-2.0
 *
 * What generated code calls. Programs have no need of it.
 *
 * None of it waits but vapi_dispatch_sent() and vapi_dispatch_locked(). What takes a context may be
 * called by any thread; what takes the number of a description needs none, and answers a wrong number
 * with NULL, 0, -1 or false.
 */
#ifndef VAPI_INTERNAL_H
#define VAPI_INTERNAL_H

#include <endian.h>
#include <string.h>
#include <vapi/vapi.h>

/* With -std=c11 and the like, glibc's endian.h keeps these back. */
#ifndef htobe16
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define htobe16(x) __builtin_bswap16(x)
#define htobe32(x) __builtin_bswap32(x)
#define htobe64(x) __builtin_bswap64(x)
#else
#define htobe16(x) ((u16)(x))
#define htobe32(x) ((u32)(x))
#define htobe64(x) ((u64)(x))
#endif
#define be16toh(x) htobe16(x)
#define be32toh(x) htobe32(x)
#define be64toh(x) htobe64(x)
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct vapi_ctx_s;

/** How replies, details and most events begin. */
typedef struct __attribute__((__packed__)) {
    u16 _vl_msg_id;
    u32 context;
} vapi_type_msg_header1_t;

/** How requests begin. */
typedef struct __attribute__((__packed__)) {
    u16 _vl_msg_id;
    u32 client_index;
    u32 context;
} vapi_type_msg_header2_t;

/* client_index and context travel as they are: only the number is swapped. */
static inline void vapi_type_msg_header1_t_hton(vapi_type_msg_header1_t *h)
{
    h->_vl_msg_id = htobe16(h->_vl_msg_id);
}

static inline void vapi_type_msg_header1_t_ntoh(vapi_type_msg_header1_t *h)
{
    h->_vl_msg_id = be16toh(h->_vl_msg_id);
}

static inline void vapi_type_msg_header2_t_hton(vapi_type_msg_header2_t *h)
{
    h->_vl_msg_id = htobe16(h->_vl_msg_id);
}

static inline void vapi_type_msg_header2_t_ntoh(vapi_type_msg_header2_t *h)
{
    h->_vl_msg_id = be16toh(h->_vl_msg_id);
}

typedef vapi_error_e (*vapi_cb_t)(struct vapi_ctx_s *ctx, void *callback_ctx, vapi_error_e rv,
                                  bool is_last, void *payload);
typedef void (*generic_swap_fn_t)(void *payload);
/** 0 when `buf_size` bytes hold the whole message (whose counts are in host order), else -1. */
typedef int (*verify_msg_size_fn_t)(void *msg, uword buf_size);

/** One message: what generated code registers. It stays the registrant's, for ever. */
typedef struct {
    const char *name;
    size_t name_len;
    const char *name_with_crc;
    size_t name_with_crc_len;
    bool has_context;
    unsigned int context_offset; /**< from the message's start */
    unsigned int payload_offset; /**< ~0: there is nothing behind the header */
    verify_msg_size_fn_t verify_msg_size;
    generic_swap_fn_t swap_to_be; /**< whole message */
    generic_swap_fn_t swap_to_host;
    vapi_msg_id_t id; /**< filled in by vapi_register_msg() */
    /** As verify_msg_size, but for a message as it came, in network order: called before anything
     * is swapped, so that a count that lies is never followed. NULL: code of VPP's own generator. */
    verify_msg_size_fn_t verify_wire_size;
} vapi_message_desc_t;

/** Registers a description; the same name and CRC gets the same number. VAPI_INVALID_MSG_ID when out
 * of memory. Contexts that are connected already learn of it when they connect again. */
VAPI_API vapi_msg_id_t vapi_register_msg(vapi_message_desc_t *msg);
/** VPP's number, in host order; UINT16_MAX when VPP does not have the message. */
VAPI_API u16 vapi_lookup_vl_msg_id(vapi_ctx_t ctx, vapi_msg_id_t id);
/** The description's number, VAPI_INVALID_MSG_ID when this program has none. */
VAPI_API vapi_msg_id_t vapi_lookup_vapi_msg_id_t(vapi_ctx_t ctx, u16 vl_msg_id);
/** What requests carry as client_index, as it is. */
VAPI_API int vapi_get_client_index(vapi_ctx_t ctx);
VAPI_API bool vapi_is_nonblocking(vapi_ctx_t ctx);
/** How many requests are outstanding: a hint where several threads send, exact under the producer lock. */
VAPI_API bool vapi_requests_empty(vapi_ctx_t ctx);
VAPI_API bool vapi_requests_full(vapi_ctx_t ctx);
VAPI_API size_t vapi_get_request_count(vapi_ctx_t ctx);
/** One less than the size given at connect, as VAPI has it. */
VAPI_API size_t vapi_get_max_request_count(vapi_ctx_t ctx);
/** A new context: the top bit tells responses from events. */
VAPI_API u32 vapi_gen_req_context(vapi_ctx_t ctx);

enum vapi_request_type {
    VAPI_REQUEST_REG = 0, /**< one response */
    VAPI_REQUEST_DUMP = 1, /**< details until the control ping's reply */
    VAPI_REQUEST_STREAM = 2, /**< details (response_id) until any other message */
};

/** Notes an outstanding request; the caller holds the producer lock and has looked for room. Without
 * room the callback is called at once, with VAPI_EAGAIN. */
VAPI_API void vapi_store_request(vapi_ctx_t ctx, u32 context, vapi_msg_id_t response_id,
                                 enum vapi_request_type type, vapi_cb_t callback,
                                 void *callback_ctx);
/** Bytes from the message's start; -1: it has no payload. */
VAPI_API int vapi_get_payload_offset(vapi_msg_id_t id);
/** What the description has for a whole message. */
VAPI_API generic_swap_fn_t vapi_get_swap_to_host_func(vapi_msg_id_t id);
VAPI_API generic_swap_fn_t vapi_get_swap_to_be_func(vapi_msg_id_t id);
/** Makes a received message ready to be read: `size` bytes in network order are checked to be a whole
 * message of this type, then swapped. false: they are not, or the type is unknown; never trust them. */
VAPI_API bool vapi_msg_to_host(vapi_msg_id_t id, void *msg, size_t size);
/** Bytes from the message's start to its context; meaningless without one. */
VAPI_API size_t vapi_get_context_offset(vapi_msg_id_t id);
VAPI_API bool vapi_msg_is_with_context(vapi_msg_id_t id);
/** Descriptions in this program. */
VAPI_API size_t vapi_get_message_count(void);
/** Without the CRC; the registrant's. */
VAPI_API const char *vapi_get_msg_name(vapi_msg_id_t id);

/** Dispatches until all requests that are outstanding now have been answered and their callbacks have
 * returned, in this thread or in others that dispatch. Waits up to the connection's timeout for each
 * message; otherwise as vapi_dispatch(). */
VAPI_API vapi_error_e vapi_dispatch_sent(vapi_ctx_t ctx);
/** The same for a caller that holds the producer lock, which it gives back: whoever dispatches what the
 * caller has stored under the lock finds it waiting, and leaves to it what the callbacks return. */
VAPI_API vapi_error_e vapi_dispatch_locked(vapi_ctx_t ctx);
/** Makes sending and vapi_store_request() one step. Not recursive, not held while callbacks run.
 * VAPI_MUTEX_FAILURE: the mutex is broken. */
VAPI_API vapi_error_e vapi_producer_lock(vapi_ctx_t ctx);
VAPI_API vapi_error_e vapi_producer_unlock(vapi_ctx_t ctx);

#ifdef __cplusplus
}
#endif

#endif
