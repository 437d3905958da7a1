/* SPDX-License-Identifier: Apache-2.0
 *
 * What a connection asks of whatever carries its bytes. The socket and the two kinds of shared memory
 * implement this table; nothing above asks which one it has.
 *
 * Locks: the connection holds its send lock around `alloc`, `send`, `send_copies`, `flush`, `leave`,
 * its receive lock around `take`, `hold`, `buffered`. Everything else is called without either, from
 * any thread. Only `sleep` waits, and only until its deadline.
 *
 * Received messages: `take` lends, and then either `release` gives back at once, or `hold` turns it
 * into one that the program may keep until `free_held`.
 *
 * Errors are negative errno: -EAGAIN nothing now, -ECONNRESET VPP is gone, -EBADMSG it sends what no
 * VPP sends (the connection is then lost too); `lost` has the words.
 */
#ifndef VAPI_CORE_TRANSPORT_H
#define VAPI_CORE_TRANSPORT_H

#include <vapi/batch.h>

#include <string.h>

#include "deadline.h"
#include "error.h"
#include "msg_table.h"
#include "private_msg.h"

typedef struct transport transport_t;

/** Messages to be copied out: message i is at bytes + offsets[i] (i * stride without offsets) and has
 * sizes[i] (stride) bytes. With `patch`, client_index goes to offset 2 and first_context + i to 6. */
typedef struct {
    const u8 *bytes;
    const u32 *offsets;
    const u32 *sizes;
    u32 stride;
    bool patch;
    u32 client_index_raw;
    u32 first_context;
} out_batch_t;

/** The bit that tells contexts of requests from those of events. */
#define CONTEXT_BIT 0x80000000u

static inline u32 out_size(const out_batch_t *b, u32 i)
{
    return b->sizes != NULL ? b->sizes[i] : b->stride;
}

static inline const u8 *out_bytes(const out_batch_t *b, u32 i)
{
    return b->bytes + (b->offsets != NULL ? b->offsets[i] : (size_t)i * b->stride);
}

static inline void out_copy(const out_batch_t *b, u32 i, u8 *to)
{
    memcpy(to, out_bytes(b, i), out_size(b, i));
    if (b->patch) {
        u32 context = (b->first_context + i) | CONTEXT_BIT;
        memcpy(to + 2, &b->client_index_raw, sizeof b->client_index_raw);
        memcpy(to + 6, &context, sizeof context);
    }
}

typedef struct {
    /** A zeroed body of `size` bytes to send, NULL when there is no room now. */
    void *(*alloc)(transport_t *t, u32 size);
    /** Whether this is what alloc() made, as far as it shows: others are never to reach VPP, which
     * follows any address. */
    bool (*made)(transport_t *t, const void *body);
    /** Gives back what was allocated and not sent. */
    void (*unsend)(transport_t *t, void *body);
    /** Sends as many as there is room for, or with `all` all or none; how many (>= 0), or an error.
     * What was sent is no longer the caller's. */
    int (*send)(transport_t *t, void *const *bodies, u32 count, bool all);
    /** Sends copies of messages first .. first + count - 1 of the batch, as many as there is room for. */
    int (*send_copies)(transport_t *t, const out_batch_t *batch, u32 first, u32 count);
    /** Pushes out what an earlier send left behind. 0: nothing left, -EAGAIN: some is. */
    int (*flush)(transport_t *t);
    /** Up to `max` messages that are there now; 0 when there is none. */
    int (*take)(transport_t *t, msg_ref_t *refs, u32 max);
    void (*release)(transport_t *t, void *body);
    /** Keeps a taken message; may move it. NULL when out of memory (it is then released). */
    void *(*hold)(transport_t *t, void *body, u32 size);
    void (*free_held)(transport_t *t, void *body);
    /** Whether the address lies in memory of this transport, so that free_held() must be called for
     * it; other messages are private or an rx_buffer's. */
    bool (*owns)(transport_t *t, const void *body);
    /** How many messages the program has, received or unsent, that close() must leave mapped. What was
     * not sent by then is not to be written to any more. */
    u32 (*held)(transport_t *t);
    /** Whether VPP is done with everything that was sent. Send lock. */
    bool (*is_quiet)(transport_t *t);
    /** Whether take() would probably find something; a hint, no system call where possible. */
    bool (*waiting)(transport_t *t);
    /** Whether messages wait that the descriptor does not show by itself. Receive lock. */
    bool (*buffered)(transport_t *t);
    /** Whether the last read brought so little that VPP writes messages one by one (gather.h). Receive lock. */
    bool (*trickles)(transport_t *t);
    /** Sleeps until the deadline or poke(), whatever comes. Only where it trickles. */
    void (*rest)(transport_t *t, deadline_t deadline);
    /** Sleeps until a message may be there, or room where send() found none (`for_room`), or poke():
     * 0; a signal: -EINTR (the socket only); the deadline: -ETIMEDOUT. Wakes an idle VPP first. */
    int (*sleep)(transport_t *t, bool for_room, deadline_t deadline);
    /** Wakes a VPP that has not looked at what was sent; false when there is no need or no way. With
     * `roused` (and the send lock) also gives it something to do that keeps it awake for a while, if
     * requests that follow each other closely keep finding it asleep (rouse.h), and says so there. */
    bool (*wake)(transport_t *t, bool *roused);
    /** Ends one sleep of each thread that is in one. */
    void (*poke)(transport_t *t);
    /** 0, or -ECONNRESET once VPP is known to be gone; looks, at most every few milliseconds. */
    int (*alive)(transport_t *t);
    /** The same, and looks in any case. */
    int (*look)(transport_t *t);
    /** How many messages of the other side may wait unread without anyone being held up. */
    u32 (*capacity)(transport_t *t);
    /** Messages that wait in shared memory now. */
    u32 (*backlog)(transport_t *t);
    /** From now on `fd` must tell of messages. Not before: for each message that it sends, VPP would pay for
     * a descriptor that nobody looks at. Receive lock. 0 or an error. */
    int (*show)(transport_t *t);
    /** The connection is made: what the transport wants to do with VPP's control_ping. */
    void (*settle)(transport_t *t, u16 id_control_ping);
    /** Says goodbye; the answer is waited for with take() and sleep(). 0 or an error. */
    int (*leave)(transport_t *t);
    /** Whether a message (just taken) is the answer to leave(). */
    bool (*is_goodbye)(transport_t *t, const void *body, u32 size);
    /** In a forked child: from now on close() lets nothing go that is shared with VPP. */
    void (*disown)(transport_t *t);
    /** After goodbye (or without, `clean` false): lets go of everything but held messages. */
    void (*close)(transport_t *t, bool clean);
    /** Frees the rest, held messages included. */
    void (*destroy)(transport_t *t);
} transport_ops_t;

struct transport {
    const transport_ops_t *ops;
    vapi_transport_e kind;
    msg_table_t *table;
    u32 client_index_raw;
    u32 other_index_raw; /* a second one that events may carry; relaxed */
    bool sees_events; /* what VPP sends outside of requests arrives here, too */
    int server_pid;
    int fd; /* after show(), readable when messages wait or `ready_fd` is set: an epoll descriptor */
    int ready_fd; /* eventfd in it, for messages that no descriptor of the kernel stands for */
    u32 max_msg_size;
    u32 window_bytes; /* of requests in flight beyond which VPP gets slower, 0: there is none */
    char socket_path[108]; /* of the same VPP, "" when there is or is known none */
    error_rec_t lost; /* why: transport_lose() writes, transport_lost() reads */
    u32 lost_state; /* 0: not written; 1: being written; 2: can be read */
    vapi_stats_t *stats; /* the connection's; fields are updated with relaxed atomics */
};

#define STAT_ADD(t, field, n) ((void)__atomic_fetch_add(&(t)->stats->field, (n), __ATOMIC_RELAXED))

/** What every kind needs for connecting. */
typedef struct {
    const char *name;
    const char *address;
    const char *bell_address;
    u32 queue_size;
    bool keepalive;
    deadline_t deadline;
    vapi_stats_t *stats;
} transport_options_t;

vapi_error_e transport_socket_connect(transport_t **t, const transport_options_t *options,
                                      error_rec_t *error);
/** Before it is used: what nobody reads may be moved into a file. false: out of memory. */
bool transport_socket_use_spool(transport_t *t);
/** Moves what its reader is too slow for, up to `limit` bytes in all; false when there is nothing to be moved
 * now. Waits for a few milliseconds at most, no lock is needed. */
bool transport_socket_spool(transport_t *t, u64 limit);
vapi_error_e transport_memfd_connect(transport_t **t, const transport_options_t *options,
                                     error_rec_t *error);
vapi_error_e transport_classic_connect(transport_t **t, const transport_options_t *options,
                                       error_rec_t *error);

/** Notes why the connection is lost. The first of several threads is heard; each returns when the
 * words can be read. Returns -ECONNRESET. */
int transport_lose(transport_t *t, const error_rec_t *why);
/** The words, for any thread that has seen that the connection is lost; empty when nobody noted why. */
const error_rec_t *transport_lost(transport_t *t);

/** Makes fd and ready_fd. */
vapi_error_e transport_open_fds(transport_t *t, error_rec_t *error);
void transport_close_fds(transport_t *t);
/** Makes fd readable, and not any more. */
void transport_set_ready(transport_t *t);
void transport_clear_ready(transport_t *t);
/** Adds a descriptor whose readiness counts. */
int transport_watch_fd(transport_t *t, int fd);
/** Adds a descriptor of which only its end counts: what comes there is not read by anybody. */
int transport_watch_hangup(transport_t *t, int fd);

#endif
