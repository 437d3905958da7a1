/* SPDX-License-Identifier: Apache-2.0
 *
 * VAPI: the C client of VPP's binary API.
 *
 * What to know before the first call
 *  - A context (vapi_ctx_t) is one connection. A program may have many, to the same VPP or to
 *    several; nothing is shared between them but the descriptions of messages.
 *  - Threads: one thread may send while another receives or dispatches, or many may do either; each
 *    message is received by one of them. One thread at a time dispatches, and others wait for it or
 *    get VAPI_EAGAIN; a generated call in blocking mode returns when its own callback has, whichever
 *    thread that ran in. Connecting, disconnecting and freeing a context while
 *    another thread is inside a call on it is the caller's mistake.
 *  - fork(): a child must not use a connection of its parent; every call but vapi_ctx_free() answers
 *    VAPI_EINVAL there, and freeing it closes the child's copies only.
 *  - The library starts one small thread a connection. It sleeps, unless nobody has received for some
 *    milliseconds: then it moves what waits into private memory, so that VPP is never held up by a
 *    program that computes or waits for something else. (A process that is stopped as a whole, by
 *    SIGSTOP or a debugger, stops that thread too: do not do this to a shared-memory connection of a
 *    production VPP.)
 *  - Signals: a call goes on with what it waits for when a handler has run; vapi_stop_rx_thread() ends
 *    a wait.
 *  - Nothing is printed. After a failure vapi_error_text() (vapi/batch.h) says what happened.
 *  - Unless a description says otherwise, a function never waits, and may be called by any thread and
 *    from callbacks. Those that return an error answer VAPI_EINVAL when the context is NULL or not
 *    connected, or another argument makes no sense, and leave everything as it was when they fail.
 *  - Messages are in network byte order on the wire; the generated vapi_msg_X_hton/_ntoh swap them.
 */
#ifndef VAPI_H
#define VAPI_H

#include <string.h>
#include <vapi/vapi_common.h>
#include <vlibapi/api_types.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef VAPI_API
#define VAPI_API __attribute__((visibility("default")))
#endif

/** One connection to one VPP. */
typedef struct vapi_ctx_s *vapi_ctx_t;

/** How vapi_recv() waits. */
typedef enum {
    SVM_Q_WAIT = 0, /**< until a message comes or the connection is lost */
    SVM_Q_NOWAIT, /**< not at all */
    SVM_Q_TIMEDWAIT, /**< until a message comes, the connection is lost or the time is over */
} svm_q_conditional_wait_t;

/**
 * Memory for a message of `size` bytes, zeroed. Owner: the caller, until a successful vapi_send() or
 * vapi_msg_free(). Over shared memory it is a slot of the client's own arena, and in blocking mode
 * the call waits (up to the connection's timeout) for VPP to return one; NULL when none is free, the
 * size is 0 or too large, or the context is not connected.
 */
VAPI_API void *vapi_msg_alloc(vapi_ctx_t ctx, size_t size);

/** Gives back a message that was allocated and not sent, or received. NULL is allowed. Never blocks. */
VAPI_API void vapi_msg_free(vapi_ctx_t ctx, void *msg);

/** Makes a context; the caller frees it. VAPI_ENOMEM, VAPI_EINVAL for NULL. */
VAPI_API vapi_error_e vapi_ctx_alloc(vapi_ctx_t *result);

/**
 * Frees a context, disconnecting first if need be (waits as vapi_disconnect() does). Messages that
 * were received and not freed stay valid until vapi_msg_free() on them, which is still allowed with
 * the pointer of the freed context only through the C++ and Python bindings; C programs free first.
 */
VAPI_API void vapi_ctx_free(vapi_ctx_t ctx);

/** Whether the connected VPP knows this message with this layout (name and CRC). Never blocks. */
VAPI_API bool vapi_is_msg_available(vapi_ctx_t ctx, vapi_msg_id_t type);

/**
 * Connects over classic shared memory. Waits for VPP's answer, ten seconds at most.
 *
 * @param name  what VPP calls this client; 1 to 63 bytes
 * @param chroot_prefix  VPP's api-segment prefix ("" or NULL: none); "/dev/shm/<prefix>-vpe-api"
 * @param max_outstanding_requests  how many requests may wait for their response, > 0
 * @param response_queue_size  wanted size of the input queue, > 0; it is made large enough for the
 *        outstanding requests in any case
 * @param mode  whether the generated calls and vapi_send() wait
 * @param handle_keepalives  answer VPP's keepalives in vapi_recv() instead of returning them
 * @return VAPI_OK, VAPI_EINVAL, VAPI_EMAP_FAIL (no such region, or not VPP's), VAPI_EACCES,
 *         VAPI_ECON_FAIL (no answer), VAPI_EINCOMPATIBLE, VAPI_ENOMEM
 */
VAPI_API vapi_error_e vapi_connect(vapi_ctx_t ctx, const char *name, const char *chroot_prefix,
                                   int max_outstanding_requests, int response_queue_size,
                                   vapi_mode_e mode, bool handle_keepalives);

/**
 * As vapi_connect(), with use_uds over VPP's unix socket at `path` (NULL: /run/vpp/api.sock).
 * Further errors: VAPI_ENOTSOCK, VAPI_ECONNRESET.
 */
VAPI_API vapi_error_e vapi_connect_ex(vapi_ctx_t ctx, const char *name, const char *path,
                                      int max_outstanding_requests, int response_queue_size,
                                      vapi_mode_e mode, bool handle_keepalives, bool use_uds);

/** For code that runs inside VPP, which this library does not: always VAPI_ENOTSUP. */
VAPI_API vapi_error_e vapi_connect_from_vpp(vapi_ctx_t ctx, const char *name,
                                            int max_outstanding_requests, int response_queue_size,
                                            vapi_mode_e mode, bool handle_keepalives);

/**
 * Leaves VPP: drains what is still queued, waits for VPP's goodbye, two seconds at most, and releases
 * everything but messages that the program still holds. VAPI_EINVAL when not connected, VAPI_ENORESP
 * when VPP did not answer; the context is disconnected in both cases and may connect again. Threads
 * that wait inside a call are sent home first: VAPI_EAGAIN when one does not leave, the context is then
 * connected as before. Not from callbacks (VAPI_EINVAL).
 */
VAPI_API vapi_error_e vapi_disconnect(vapi_ctx_t ctx);
/** As vapi_connect_from_vpp(). */
VAPI_API vapi_error_e vapi_disconnect_from_vpp(vapi_ctx_t ctx);

/**
 * A descriptor that is readable while messages wait, on every transport; for poll, select, epoll
 * only: do not read from it. It stays the library's and the same until vapi_disconnect(). It may be
 * readable when a message has arrived in part. VAPI_EINVAL for a NULL `fd`.
 */
VAPI_API vapi_error_e vapi_get_fd(vapi_ctx_t ctx, int *fd);

/**
 * Sends a message from vapi_msg_alloc(). VAPI_OK: the library owns it now. Any error: it is still
 * the caller's. In blocking mode it waits for room, up to the connection's timeout (10 s). Over shared
 * memory the first request with many or long answers opens the socket that such requests go by: a
 * handshake with VPP, two seconds at most, in either mode.
 *
 * @return VAPI_OK, VAPI_EAGAIN (no room), VAPI_EINVAL (NULL, a message that was received or, over
 *         shared memory, made by another connection, or one that would harm VPP or the connection
 *         on this transport), VAPI_ENOMEM, VAPI_ECONNRESET (VPP is gone)
 */
VAPI_API vapi_error_e vapi_send(vapi_ctx_t ctx, void *msg);

/** Sends both, next to each other, or neither. Otherwise as vapi_send(). */
VAPI_API vapi_error_e vapi_send2(vapi_ctx_t ctx, void *msg1, void *msg2);

/**
 * Receives one message. The caller frees it with vapi_msg_free(), soon: over shared memory it may be
 * a slot of VPP's own rings, which VPP takes back after ten seconds (after many unreturned ones the
 * library hands out copies).
 *
 * @param time  seconds, with SVM_Q_TIMEDWAIT
 * @return VAPI_OK, VAPI_EAGAIN (nothing there, or the time is over), VAPI_EINVAL, VAPI_ECONNRESET
 */
VAPI_API vapi_error_e vapi_recv(vapi_ctx_t ctx, void **msg, size_t *msg_size,
                                svm_q_conditional_wait_t cond, u32 time);

/** Blocks until a message waits (VAPI_OK), the connection is lost (VAPI_ECONNRESET) or
 * vapi_stop_rx_thread() (VAPI_EAGAIN). */
VAPI_API vapi_error_e vapi_wait(vapi_ctx_t ctx);

/**
 * Receives and dispatches one message: a response goes to its request's callback, anything else to
 * its event callback or the generic one. Returns what the callback returned, or as vapi_recv();
 * VAPI_EINVAL for a message that is unknown or shorter than its type.
 *
 * @param wait_time  seconds, in non-blocking mode (0: not at all). Blocking mode waits for a message:
 *        for ever when no request is outstanding, else up to the connection's timeout (10 s)
 */
VAPI_API vapi_error_e vapi_dispatch_one_timedwait(vapi_ctx_t ctx, u32 wait_time);
/** As vapi_dispatch_one_timedwait() with 0. */
VAPI_API vapi_error_e vapi_dispatch_one(vapi_ctx_t ctx);

/** Dispatches until no request is outstanding, or something other than VAPI_OK comes up: what a callback
 * returned, or an error as above. Blocking mode waits for each message, up to the connection's timeout;
 * non-blocking mode answers VAPI_EAGAIN when none is there. */
VAPI_API vapi_error_e vapi_dispatch(vapi_ctx_t ctx);

/** Called with the start of the message, in host byte order; the memory is valid until it returns. */
typedef vapi_error_e (*vapi_event_cb)(vapi_ctx_t ctx, void *callback_ctx, void *payload);

/** Sets the callback for one message, in place of an earlier one; NULL: none. At any time, also before
 * connecting; it stays from one connection to the next. `callback_ctx` is the caller's, and handed to
 * the callback as it is. */
VAPI_API void vapi_set_event_cb(vapi_ctx_t ctx, vapi_msg_id_t id, vapi_event_cb callback,
                                void *callback_ctx);
/** A callback of it that is running goes on. */
VAPI_API void vapi_clear_event_cb(vapi_ctx_t ctx, vapi_msg_id_t id);

/** For messages that have no callback of their own: `msg` as in vapi_event_cb. */
typedef vapi_error_e (*vapi_generic_event_cb)(vapi_ctx_t ctx, void *callback_ctx, vapi_msg_id_t id,
                                              void *msg);
/** As vapi_set_event_cb(), for all of them. */
VAPI_API void vapi_set_generic_event_cb(vapi_ctx_t ctx, vapi_generic_event_cb callback,
                                        void *callback_ctx);
/** As vapi_clear_event_cb(). */
VAPI_API void vapi_clear_generic_event_cb(vapi_ctx_t ctx);

/** Makes every vapi_recv(), vapi_wait() and vapi_dispatch*() that waits return VAPI_EAGAIN now; and
 * the next one that would wait, if none does or a message came first. May be called from any thread. */
VAPI_API void vapi_stop_rx_thread(vapi_ctx_t ctx);

#ifdef __cplusplus
}
#endif

#endif
