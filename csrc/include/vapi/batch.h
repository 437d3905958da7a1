/* SPDX-License-Identifier: Apache-2.0
 *
 * What bindings and fast programs use besides vapi.h: all options of a connection, errors in words,
 * the message table, timeouts in nanoseconds, and many messages a call.
 *
 * Conventions: `timeout_ns` counts from the call; 0 does not wait, UINT64_MAX waits for ever. Calls
 * that wait return VAPI_EAGAIN early when vapi_interrupt() is called, and those that receive may do so
 * when a signal arrives: the caller looks around and calls again. (Over shared memory the kernel does
 * not tell of a signal: who must notice one waits in slices.) Threads and errors as in vapi.h; what has
 * no timeout does not wait. Messages are wire bytes: network order, beginning with the u16 message
 * number.
 */
#ifndef VAPI_BATCH_H
#define VAPI_BATCH_H

#include <vapi/vapi.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    VAPI_TRANSPORT_SOCKET = 0, /**< unix socket: the safest, VPP survives everything */
    VAPI_TRANSPORT_MEMFD = 1, /**< a private segment that VPP hands over the socket: isolation */
    VAPI_TRANSPORT_SHM = 2, /**< the classic shared segment in /dev/shm: the fastest */
} vapi_transport_e;

/** VPP's usual socket. */
#define VAPI_DEFAULT_SOCKET "/run/vpp/api.sock"

typedef struct {
    const char *name; /**< of the client, 1 to 63 bytes */
    vapi_transport_e transport;
    /** SOCKET, MEMFD: path of the socket, NULL: VAPI_DEFAULT_SOCKET. SHM: prefix, NULL or "": none. */
    const char *address;
    /** SHM: the socket through which an idle VPP is woken; NULL: that of the process which serves
     * the region, if it can be found; "": none (an idle VPP then answers after up to 10 ms). */
    const char *bell_address;
    vapi_mode_e mode;
    bool handle_keepalives;
    u32 max_outstanding_requests; /**< > 0 */
    u32 response_queue_size; /**< > 0, the input queue has at least that many places */
    u64 timeout_ns; /**< for connecting, and for waits of calls that have no timeout of their own */
    u64 spin_ns; /**< how long a wait spins before it sleeps; UINT64_MAX: chosen for this machine */
    /** Most bytes that the drain thread keeps for a program that does not receive. Beyond it,
     * messages that nobody asked for are dropped and counted; if an answer would have to be dropped,
     * the connection is given up instead (VAPI_ECONNRESET): nothing is lost silently, and VPP never
     * waits. */
    u64 backlog_bytes;
    /** Over shared memory, requests that may have many or long answers (dumps, gets, get_api_json,
     * cli_inband) go over a socket to the same VPP, if one is known: VPP aborts when the answers of a
     * client that falls behind fill the heap of its segment, and hangs when a client is killed with
     * its queue full. true: they go through shared memory all the same, for who knows that they are
     * few, or accepts this for speed. */
    bool large_over_shm;
    /** Over shared memory, keep an idle VPP awake for a millisecond at a time while requests follow each
     * other closely, by a few dozen messages that mean nothing to it (docs/transports.md). */
    bool keep_awake;
    u64 grace_ns; /**< how long nobody may receive before the drain thread does */
} vapi_connect_options_t;

/** The defaults: socket, blocking, keepalives handled, 1024 requests, queue 8192, 10 s, 256 MiB,
 * VPP kept awake. */
VAPI_API void vapi_connect_options_init(vapi_connect_options_t *options);
/** Connects as the options say; strings are copied. Errors as vapi_connect_ex(). */
VAPI_API vapi_error_e vapi_connect_options(vapi_ctx_t ctx, const vapi_connect_options_t *options);
/**
 * Connects `side`, a context that is not connected, to the VPP of `ctx` by a socket of its own: for dumps
 * (vapi_collect()) that are read slowly. Nothing is received on it but by who asks: what is not read of a
 * dump waits in a file without a name (in TMPDIR, /var/tmp or /tmp; up to backlog_bytes of `ctx`), what
 * else is not read in VPP, so the program's memory does not grow, and answers on `ctx` do not queue up
 * behind it.
 * Order: VPP sees what is sent on both in any order; wait for answers where it matters. Do not ask for
 * events on it. vapi_disconnect() it as any other, before `ctx` or after.
 * VAPI_ENOTSUP: shared memory of which no socket is known, or large_over_shm, or another VPP has that
 * socket now. VAPI_ECONNRESET: VPP went away meanwhile. Other errors as vapi_connect_ex().
 */
VAPI_API vapi_error_e vapi_connect_beside(vapi_ctx_t ctx, vapi_ctx_t side, u64 timeout_ns);

/** The sentence for the last failure of a call on this context, "" if none; valid until the next
 * call on it from the same thread. */
VAPI_API const char *vapi_error_text(vapi_ctx_t ctx);
/** The errno behind it, 0 if the system was not the reason. */
VAPI_API int vapi_error_os_errno(vapi_ctx_t ctx);
/** "VAPI_EAGAIN" and so on. */
VAPI_API const char *vapi_error_name(vapi_error_e code);

/** Whether VPP is there: it looks, as far as the transport allows. NULL is not. */
VAPI_API bool vapi_is_connected(vapi_ctx_t ctx);
/** VAPI_TRANSPORT_SOCKET, too, when not connected. */
VAPI_API vapi_transport_e vapi_get_transport(vapi_ctx_t ctx);
/** VPP's process, 0 if unknown. */
VAPI_API int vapi_get_server_pid(vapi_ctx_t ctx);
/** The four bytes that requests carry as client_index, to be stored as they are. */
VAPI_API u32 vapi_client_index_raw(vapi_ctx_t ctx);

/** VPP's number for "name_crc8hex", 0xffff if it has none. */
VAPI_API u16 vapi_find_msg(vapi_ctx_t ctx, const char *name_crc);
/** Highest number; numbers up to it may be unused. */
VAPI_API u16 vapi_table_max_id(vapi_ctx_t ctx);
/** Messages in the table. */
VAPI_API u32 vapi_table_count(vapi_ctx_t ctx);
/** name_crc of a number, NULL if unused; valid until the context disconnects. */
VAPI_API const char *vapi_table_name(vapi_ctx_t ctx, u16 id);

/** Largest message that vapi_send_bytes() takes on this connection. */
VAPI_API size_t vapi_max_msg_size(vapi_ctx_t ctx);

/** Sends a copy of the bytes. Errors as vapi_send(); VAPI_EINVAL for a size of 0 or over the maximum. */
VAPI_API vapi_error_e vapi_send_bytes(vapi_ctx_t ctx, const void *bytes, size_t size,
                                      u64 timeout_ns);

/**
 * Sends copies of `count` messages that lie in `bytes`, message i at offsets[i] with sizes[i] bytes,
 * in this order. *sent: how many went out, also on VAPI_EAGAIN (call again with the rest) and errors.
 */
VAPI_API vapi_error_e vapi_send_many(vapi_ctx_t ctx, const void *bytes, const u32 *offsets,
                                     const u32 *sizes, u32 count, u32 *sent, u64 timeout_ns);

/** As vapi_msg_alloc(), waiting for a free buffer as long as the timeout says, in both modes. */
VAPI_API void *vapi_msg_alloc_until(vapi_ctx_t ctx, size_t size, u64 timeout_ns);

/** As vapi_send() and vapi_send2(), with a timeout. */
VAPI_API vapi_error_e vapi_send_until(vapi_ctx_t ctx, void *msg, u64 timeout_ns);
VAPI_API vapi_error_e vapi_send2_until(vapi_ctx_t ctx, void *msg1, void *msg2, u64 timeout_ns);

/**
 * Receives up to `max` messages: waits for the first one only. The caller frees each. *count is 0
 * unless VAPI_OK.
 */
VAPI_API vapi_error_e vapi_recv_many(vapi_ctx_t ctx, void **msgs, u32 *sizes, u32 max, u32 *count,
                                     u64 timeout_ns);
/** vapi_msg_free() on each. */
VAPI_API void vapi_free_many(vapi_ctx_t ctx, void *const *msgs, u32 count);

/** As vapi_dispatch_one_timedwait(), in nanoseconds, in both modes. */
VAPI_API vapi_error_e vapi_dispatch_one_until(vapi_ctx_t ctx, u64 timeout_ns);
/** As vapi_dispatch(), until the timeout (VAPI_EAGAIN). */
VAPI_API vapi_error_e vapi_dispatch_until(vapi_ctx_t ctx, u64 timeout_ns);
/** As vapi_wait(), until the timeout (VAPI_EAGAIN). */
VAPI_API vapi_error_e vapi_wait_until(vapi_ctx_t ctx, u64 timeout_ns);
/** Makes waiting calls on this context return VAPI_EAGAIN, as vapi_stop_rx_thread(). */
VAPI_API void vapi_interrupt(vapi_ctx_t ctx);

/** The callback of vapi_register_raw(): any message, as it came, in network order. */
typedef vapi_error_e (*vapi_raw_cb)(vapi_ctx_t ctx, void *callback_ctx, u16 vl_msg_id, void *msg,
                                    size_t size);
/** Receives one message and hands it to `callback`, whatever it is; frees it afterwards. For bindings
 * that keep the table of outstanding requests themselves. */
VAPI_API vapi_error_e vapi_dispatch_raw(vapi_ctx_t ctx, vapi_raw_cb callback, void *callback_ctx,
                                        u32 max, u64 timeout_ns);

typedef struct vapi_call_s vapi_call_t;

/**
 * One request and its answer. Stores client_index at offset 2 and a new context at offset 6 of a copy
 * of `bytes`, sends it and waits for the message that carries this context; what else arrives stays
 * for vapi_recv(). Many threads may call at once.
 *
 * @param reply_id  number of the expected reply, 0: any message with the context. The reply of another
 *         request (by its name, "..._reply") with this context is taken, too: a few of VPP's handlers
 *         send that, as for policer_input_v2.
 * @param context_offset  of the context in the reply: 2, but 6 for the few with a request's header
 * @param resume  *resume is NULL for a new call
 * @return VAPI_OK: *reply is the caller's to free. VAPI_EAGAIN: the timeout, a signal or
 *         vapi_interrupt(). *resume is then NULL when the request could not even be sent; else call
 *         again with the same `resume` to go on waiting (nothing is sent twice), or give up with
 *         vapi_call_cancel(): the answer, should it come later, is dropped.
 */
VAPI_API vapi_error_e vapi_call(vapi_ctx_t ctx, const void *bytes, size_t size, u16 reply_id,
                                u32 context_offset, void **reply, size_t *reply_size,
                                u64 timeout_ns, vapi_call_t **resume);
/** Gives a call up. NULL is allowed. */
VAPI_API void vapi_call_cancel(vapi_ctx_t ctx, vapi_call_t *call);

#define VAPI_ANSWER_BYTES 232
/** As vapi_call(), for callers to whom a call of C is dear: a short answer is copied, and there is nothing
 * to free. Zero it before its first call; one call at a time.
 *
 * @return above 0: the size of the answer, which is in answer->bytes. 0: a longer one is in answer->reply,
 *         answer->size bytes, the caller's to free. Below 0: minus a vapi_error_e; after -VAPI_EAGAIN go on
 *         as with `resume`, which is answer->resume. */
typedef struct {
    vapi_call_t *resume;
    void *reply;
    size_t size;
    u8 bytes[VAPI_ANSWER_BYTES];
} vapi_answer_t;
VAPI_API i32 vapi_call_answer(vapi_ctx_t ctx, const void *bytes, size_t size, u16 reply_id,
                              u32 context_offset, vapi_answer_t *answer, u64 timeout_ns);

/**
 * Many requests of the one-answer kind, `depth` of them in flight, matched by context. Fill the first
 * part, zero the second, and call vapi_pump() until it returns VAPI_OK: it returns VAPI_EAGAIN
 * whenever the timeout is over or a signal came, with the state as it is then.
 */
typedef struct vapi_pump_s {
    /* what to send: message i is at bytes + offsets[i] (or i * stride when offsets is NULL) and has
       sizes[i] (or stride) bytes; client_index and context are filled in on the way out */
    const u8 *bytes;
    const u32 *offsets;
    const u32 *sizes;
    u32 stride;
    u32 count;
    u32 depth; /* clipped to what the connection can have in flight, and to where VPP is fastest */
    u16 reply_id; /* as of vapi_call() */
    u16 context_offset; /* of the context in the reply, 2 */
    u16 retval_offset; /* of the i32 retval in the reply, 6; 0: none */
    bool stop_on_error; /* send no more after the first negative retval */
    i32 *retvals; /* count of them, the caller's; may be NULL */
    u8 *replies; /* count * reply_stride bytes, the caller's and zeroed, or NULL: the answer to message
                    i is copied to i * reply_stride, without what is beyond that size */
    u32 reply_stride;
    /* Not 0: VAPI_EAGAIN also when everything is sent and so many or fewer are unanswered. The caller
       can then prepare and begin another pump while VPP is at work, and come back to this one. */
    u32 ahead;
    const struct vapi_pump_s *before; /* the pump that this one follows so: both share `depth` */
    /* where it stands */
    u32 sent;
    u32 received;
    u32 failed; /* negative retvals */
    u32 lost; /* requests that VPP skipped; their retval is set to INT32_MIN */
    u32 first_context; /* of the message with index 0 */
    void *handle; /* the library's, while it is under way */
} vapi_pump_t;
/** VAPI_OK: all are answered or lost. Errors as vapi_send(); VAPI_EINVAL names what is wrong with the
 * first part. Sends and receives until the timeout. */
VAPI_API vapi_error_e vapi_pump(vapi_ctx_t ctx, vapi_pump_t *pump, u64 timeout_ns);
/** Gives a pump up before it returned VAPI_OK or an error: answers that still come are dropped. Must
 * be called before the memory of such a pump goes away. */
VAPI_API void vapi_pump_cancel(vapi_ctx_t ctx, vapi_pump_t *pump);

/**
 * One request with many answers: a dump (ended by the reply to a control ping with the same context) or
 * a stream (ended by its own reply). The answers are packed into memory of the caller, in two parts
 * each: the first `head_size` bytes behind each other in `heads`, so that each field of a fixed layout
 * is a column with a stride; what follows in `tails`. `whole` puts all of a message into `tails`, but
 * for what is beyond its end.
 *
 * Fill the first part, zero the rest, and call vapi_collect() until `ended`; `heads`, `tails`, `ends`
 * and their sizes may be other ones at each call. What comes between calls is kept in private memory,
 * bounded by backlog_bytes of the connection. One thread at a time.
 *
 * With `grows` it is all in one place in the end: heads, tails and ends are NULL and their sizes 0 at
 * first; the library allocates them with malloc(), makes them larger as it must, and counts on from one
 * call to the next. They are the caller's to free(), however it ends.
 */
typedef struct {
    /* what is asked for: a request, client_index and context of which are filled in */
    const void *request;
    u32 request_size;
    bool is_dump; /* a control ping is sent right behind it */
    u16 details_id, end_id; /* of the answers and of the message that ends them */
    u16 details_context_offset,
        end_context_offset; /* 2, but 6 for the few with a request's header */
    /* how the answers are taken apart */
    u32 head_size;
    u16 count_offset; /* of the big-endian count of elements of the tail, count_width bytes */
    u16 count_width; /* 0: the tail is the rest of the message */
    u32 element_size; /* of the tail; 0: there is none, what is beyond the head is ignored */
    bool whole; /* heads go into `tails`, too */
    /* where they go */
    u8 *heads; /* max * head_size bytes */
    u8 *tails; /* tails_size bytes */
    u32 *ends; /* max of them: where the tail of each answer ends in `tails` */
    u32 max, tails_size;
    u32 want; /* answers to wait for, unless the end or the timeout comes first */
    bool grows;
    /* what this call brought */
    u32 count; /* answers */
    u32 tails_used; /* bytes */
    u32 needed; /* not 0: the next tail alone has so many bytes, more than tails_size; with `grows` more
                   than there is memory for, or than 4 GiB with those before it */
    u32 bad_size; /* not 0: an answer of so many bytes is too short for its layout; it is left out */
    bool ended;
    void *end; /* the message that ended it, the caller's to free */
    u32 end_size;
    void *handle; /* the library's, while it is under way */
} vapi_collect_t;
/** VAPI_OK: count > 0, or ended, or needed, or bad_size. VAPI_EAGAIN: nothing came in time, a signal or
 * vapi_interrupt(): call again to go on, unless handle is NULL: then nothing was sent. Other errors
 * end it. */
VAPI_API vapi_error_e vapi_collect(vapi_ctx_t ctx, vapi_collect_t *collect, u64 timeout_ns);
/** Gives it up before its end: answers that still come are dropped. Also when it has ended, where it
 * does nothing. */
VAPI_API void vapi_collect_cancel(vapi_ctx_t ctx, vapi_collect_t *collect);

typedef struct {
    u64 sent; /**< messages */
    u64 received;
    u64 backlogged; /**< moved to private memory by the drain thread or a waiting call */
    u64 dropped; /**< unasked messages beyond the backlog's bound */
    u64 late; /**< answers to calls that had been given up */
    u64 queue_full; /**< times a send found no room */
    u64 bells; /**< times an idle VPP was woken */
    u64 roused; /**< messages that kept VPP awake */
    u64 returned; /**< messages of VPP's heap that were sent back to be freed */
    u64 keepalives; /**< answered */
    u64 bad; /**< messages refused: pointer outside of the region, impossible length, unknown number */
    u64 copied; /**< received messages that were copied, as too many were held */
    u64 backlog_bytes; /**< now */
    u64 held; /**< received messages that the program has not freed, now */
} vapi_stats_t;
/** Since the connection began; each number is whole, together they are not of one instant. */
VAPI_API void vapi_get_stats(vapi_ctx_t ctx, vapi_stats_t *stats);

#ifdef __cplusplus
}
#endif

#endif
