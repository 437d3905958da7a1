/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection: what a vapi_ctx_t points to, and the steps that the public calls are made of.
 *
 * Locks, in the order in which they may be taken: receive_lock, send_lock. requests_lock (the
 * "producer lock" of generated code) comes before both. None is held while a callback runs or while
 * anything is waited for.
 *
 * Who receives: any number of threads may want messages. Messages that belong to a call or a pump go
 * to it, whoever takes them from the transport; the rest goes to whoever called vapi_recv() and its
 * kin, through the backlog if somebody else took it. One thread at a time sleeps in the transport,
 * the others wait for it to bring them something or to hand over its turn.
 *
 * Internal results are negative errno: -EAGAIN (the deadline), -EINTR (a signal or an interrupt),
 * -ECONNRESET, -ENOMEM.
 */
#ifndef VAPI_CORE_CONN_H
#define VAPI_CORE_CONN_H

#include <pthread.h>

#include "dispatch_turn.h"
#include "drainer.h"
#include "gather.h"
#include "handshake.h"
#include "msg_kind.h"
#include "registry.h"
#include "request.h"
#include "sockio.h"
#include "transport.h"

typedef enum {
    OFFER_REFUSED, /* not mine */
    OFFER_CONSUMED, /* read, give it back */
    OFFER_KEPT, /* mine: receiver->reply is to hold it */
} offer_t;

/** Somebody who waits for messages. Lives on the stack of the waiting thread or in a call's memory. */
typedef struct receiver receiver_t;
struct receiver {
    /** NULL: takes whatever nobody else wants. Called with the receive lock. */
    offer_t (*offer)(receiver_t *r, const msg_ref_t *ref);
    receiver_t *next;
    pthread_cond_t turn;
    bool waiting; /* in `turn` */
    bool gathers; /* reads a dump, and rather all of it than the next of it at once */
    bool done; /* has what it wanted */
    u32 progress; /* counts what it was given, for who wants more than one message */
    u32 seen; /* how much of it the one that waits knows of */
    msg_ref_t reply;
};

/** Contexts of requests that were given up: their answers are dropped. */
#define ABANDONED_MAX 64
typedef struct {
    u32 first, count;
} context_range_t;

struct vapi_ctx_s {
    /* fixed while connected */
    vapi_mode_e mode;
    bool handle_keepalives, keep_awake;
    u64 timeout_ns, spin_ns, backlog_limit, grace_ns;
    bool spools; /* what the reader of a dump is too slow for goes into a file */
    u32 collecting; /* dumps under way; relaxed */
    u64 uncollected_bytes; /* of dumps whose readers are slower than VPP; written with receive lock */
    transport_t *transport;
    char name[CLIENT_NAME_BYTES];
    char socket_path[SOCKIO_MAX_PATH + 1]; /* of the same VPP; "" when none is known or wanted */
    u16 id_keepalive, id_keepalive_reply, id_control_ping, id_control_ping_reply;
    u32 fork_generation;

    /* life */
    bool connected;
    bool closing;
    bool parting; /* nobody is inside any more, the transport is being let go of */
    u32 users; /* threads inside a call */
    pthread_mutex_t retired_lock; /* held while the transport becomes one of them */
    transport_t *retired[8]; /* closed, but with messages that the program still holds */
    u32 retired_count;

    pthread_mutex_t send_lock;

    pthread_mutex_t receive_lock;
    backlog_t backlog;
    receiver_t *receivers;
    receiver_t *sleeper; /* the one in the transport's sleep */
    gather_t gather;
    bool resting; /* the sleeper lets messages gather; read without the lock, too */
    context_range_t abandoned[ABANDONED_MAX];
    u32 abandoned_next;
    bool overflowed; /* an answer found the backlog full */
    bool fd_wanted, fd_ready;
    u64 nothing_until; /* ns: VPP is not woken before, by who does not wait; 0: something came */

    /* hints for the drain thread, relaxed */
    u32 activity; /* counts receives */
    u32 receiving; /* threads that wait for a message */
    bool vpp_dozes; /* the last answer took a bell; relaxed */
    bool in_dump; /* what was dispatched last is of a dump or stream that goes on; relaxed */
    u32 interrupts;
    bool interrupt_pending; /* nobody was sent home by it yet; receive lock */
    drainer_t drainer;

    pthread_mutex_t requests_lock;
    request_ring_t requests;
    u32 context_counter;
    dispatch_turn_t turn;

    u8 *kinds; /* msg_kind_t by VPP's number, vapi_ids_count of them */

    /* dispatch: by message description, as many as there were at the last connect */
    u32 described;
    u16 *vl_ids; /* description to VPP's number */
    vapi_msg_id_t *vapi_ids; /* VPP's number to description */
    u32 vapi_ids_count;
    struct {
        vapi_event_cb callback;
        void *ctx;
    } *event_callbacks;
    u32 event_callbacks_count; /* they may be set before the first connect */
    vapi_generic_event_cb generic_callback;
    void *generic_ctx;

    vapi_stats_t stats;
};

/* ---- conn.c: life */

/** Begins a call on a connected context: VAPI_OK, or VAPI_EINVAL with the reason in error_here().
 * End it with conn_leave(). */
vapi_error_e conn_enter(vapi_ctx_t ctx);
void conn_leave(vapi_ctx_t ctx);
/** Whether the calling thread is inside a callback of this context. */
bool conn_is_inside(const struct vapi_ctx_s *ctx);
/** Whether this is a forked child's copy, whose locks are not to be touched. */
bool conn_is_inherited(const vapi_ctx_t ctx);
/** Turns an internal result into a code, with the words for a lost connection. */
vapi_error_e conn_result(vapi_ctx_t ctx, int rv);
/** A run of `count` fresh contexts; without the top bit, consecutive modulo 2^31. */
u32 conn_new_contexts(vapi_ctx_t ctx, u32 count);
/** Whether a message with the context of a request answers it: the one that is expected (0: any), or,
 * as some of VPP's handlers have it, the reply of another. What else has the same bytes there is an
 * event. */
static inline bool conn_is_answer(const struct vapi_ctx_s *ctx, u16 id, u16 expected)
{
    return expected == 0 || id == expected ||
           (id < ctx->vapi_ids_count && ctx->kinds[id] == MSG_KIND_REPLY);
}

/** Gives a received or unsent message back, whatever it is. */
void conn_free(vapi_ctx_t ctx, void *body);

/** vapi_connect_options(); with `spools` (a socket), nothing is received but by who asks for it, except
 * into a file, while there is a dump. */
vapi_error_e conn_open(vapi_ctx_t ctx, const vapi_connect_options_t *options, bool spools);

/* ---- receive.c */

/** Takes up to `max` messages that nobody waits for specially, waiting for the first one. They are
 * borrowed: give each to conn_release() or conn_hold(). Count (> 0) or an error. */
int conn_receive(vapi_ctx_t ctx, msg_ref_t *refs, u32 max, deadline_t deadline);
/** Waits until conn_receive() would not have to. */
int conn_wait(vapi_ctx_t ctx, deadline_t deadline);
/** As conn_receive(), for messages that outlive the call. */
int conn_receive_held(vapi_ctx_t ctx, msg_ref_t *refs, u32 max, deadline_t deadline);
/** Ends the loan of a message from conn_receive(). */
void conn_release(vapi_ctx_t ctx, void *body);
/** Moves what waits in shared memory (or the socket) into private memory, or to who waits for it;
 * `max` messages at most. How many, or an error. Called by the drain thread and by senders. */
int conn_ingest(vapi_ctx_t ctx, u32 max);

void conn_add_receiver(vapi_ctx_t ctx, receiver_t *r);
void conn_remove_receiver(vapi_ctx_t ctx, receiver_t *r);
/** A receiver that nobody waits in goes on living in `bytes` of memory at `to`. */
void conn_move_receiver(vapi_ctx_t ctx, receiver_t *from, receiver_t *to, size_t bytes);
/** Receives on behalf of `r` until it is done (0), or an error; with `once`, only until
 * progress is not what it has seen. */
int conn_serve(vapi_ctx_t ctx, receiver_t *r, bool once, deadline_t deadline);
/** Answers with these contexts are to be dropped from now on. */
void conn_abandon(vapi_ctx_t ctx, u32 first, u32 count);
void conn_interrupt(vapi_ctx_t ctx);
/** Sets or clears what vapi_get_fd() shows. Receive lock. */
void conn_update_fd(vapi_ctx_t ctx);

/* ---- send.c */

/** Whether VPP would follow pointers in this message or lose its client by it; says so in
 * error_here(). */
bool conn_is_forbidden(vapi_ctx_t ctx, const void *bytes, u32 size);

/** Sends as transport->send does, waiting for room until the deadline. */
int conn_send(vapi_ctx_t ctx, void *const *bodies, u32 count, deadline_t deadline);
/** Sends copies; *sent in any case. Returns 0 when all went out. */
int conn_send_copies(vapi_ctx_t ctx, const out_batch_t *batch, u32 count, u32 *sent,
                     deadline_t deadline);
void *conn_alloc(vapi_ctx_t ctx, u32 size, deadline_t deadline);

/* ---- dispatch.c */

/** Room for the event callbacks of so many descriptions; false: out of memory. Requests lock, or
 * nobody else has the context. */
bool conn_make_room_for_callbacks(vapi_ctx_t ctx, u32 descriptions);

#endif
