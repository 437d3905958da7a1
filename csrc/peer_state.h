/* SPDX-License-Identifier: Apache-2.0
 *
 * The peer's inside: what its files share. Everything here belongs to the peer's thread, except where
 * a lock or an atomic is named. No file but the peer's own includes this.
 */
#ifndef VAPI_CORE_PEER_STATE_H
#define VAPI_CORE_PEER_STATE_H

#include "atomics.h"
#include "byteorder.h"
#include "deadline.h"
#include "msg_table.h"
#include "peer.h"
#include "peer_guard.h"
#include "peer_messages.h"
#include "region_make.h"

typedef struct peer_client peer_client_t;
typedef struct peer_segment peer_segment_t;
typedef struct peer_network peer_network_t;

/** Bytes that grow, with a part at the front that is done with. */
typedef struct {
    u8 *bytes;
    size_t start, end, size;
} peer_buffer_t;

/** A copy of a message: a request that waits its turn, or a reply that waits for room. */
typedef struct peer_letter {
    struct peer_letter *next;
    u32 length;
    u8 bytes[];
} peer_letter_t;

typedef struct {
    peer_letter_t *first, *last;
    u32 count;
    u64 bytes;
} peer_letters_t;

/**
 * A dump that goes on as its reader makes room. `step` sends up to `room` messages and returns true
 * when there is nothing left to send.
 */
typedef struct peer_dump {
    bool (*step)(peer_t *p, peer_client_t *c, struct peer_dump *d, u32 room);
    u32 context; /* raw */
    u64 cursor;
    u32 a, b; /* the dump's own */
    void *owned; /* freed at the end */
} peer_dump_t;

#define PEER_STAGED_MAX 256u

/** A registration: a socket connection, or a shared-memory client. */
struct peer_client {
    u64 id;
    u32 slot; /* in its pool */
    u8 transport; /* peer_transport_e */
    bool doomed; /* to be removed before the next pass */
    bool wants_events;
    bool dirty; /* on the list of those to be flushed */
    bool active; /* on the list of those with a dump, letters or deferred requests */
    u32 index_raw; /* client_index as it stands in this client's messages */
    u32 pid;
    u32 events_pid; /* raw */
    char name[64];

    peer_dump_t dump; /* step: NULL if none */
    u64 hold_token; /* of the request that a handler has, 0: none */
    deadline_t hold_until;
    peer_letters_t deferred; /* requests behind a dump or a handler (shared memory) */

    /* socket */
    int fd;
    peer_buffer_t in, out;
    u32 epoll_events;
    bool closing; /* after the output is written */
    int passed_fd; /* segment to be handed over once the reply was read, -1: none */
    deadline_t pass_after; /* no longer than until then */
    bool pass_armed; /* the reply is written: nothing may come between it and the descriptor */

    /* shared memory; of a socket: the segment that it asked for */
    peer_segment_t *segment;
    svm_queue_t queue;
    u64 staged[PEER_STAGED_MAX]; /* addresses to be added to the queue */
    u32 staged_count;
    u8 *open; /* body between begin and end, `open_letter` if private */
    peer_segment_t *open_home; /* what it was allocated in, if it is not private */
    peer_letter_t *open_letter;
    peer_letters_t letters; /* replies that found the queue full */
    bool stuck; /* counted in peer.stuck_clients */
    bool keepalive;
    u32 scans_unanswered;
    i32 scan_head;
    deadline_t heard_until;
};

/** Shared memory with an input queue of its own. */
struct peer_segment {
    api_segment_t shm;
    u8 transport;
    bool broken; /* its queue is beyond repair: nothing is read any more */
    deadline_t
        break_lock_at; /* its lock was held when looked at, and may be broken then; 0: it was free */
    u32 registrations;
    peer_client_t *owner; /* memfd: the socket it was made for, NULL when that is gone */
};

typedef struct {
    peer_client_t **at; /* by slot, NULL: free */
    u32 size;
    u32 *free_slots;
    u32 free_count;
    u32 used;
} peer_pool_t;

/** A request on its way through the peer. `body` is private memory with 256 zeros behind it. */
typedef struct {
    peer_client_t *client; /* who is to be answered; NULL: nobody */
    peer_client_t *connection; /* socket: the connection */
    peer_segment_t *segment; /* shared memory: where it came by */
    const u8 *body;
    u32 length;
    u32 context; /* raw */
    u16 id;
} peer_call_t;

typedef void (*peer_handler_t)(peer_t *p, const peer_call_t *call);

/** What is known about a message id. */
typedef struct {
    peer_message_t def; /* strings: name lives in the table, reply name in reply_name */
    char *reply_name;
    u16 reply_id;
    bool known;
    bool own; /* implemented in C */
    u8 handled; /* atomic: requests go to peer_poll() */
    peer_handler_t handler;
    u32 drops; /* fault: so many are lost when sent */
} peer_entry_t;

typedef struct {
    char name_crc[64];
    u32 version[3];
    u16 first_id;
} peer_module_t;

/** Requests for other threads: for handlers, or recorded. Own lock. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t ready;
    peer_request_t *ring;
    u32 size, head, count;
    u64 bytes, max_bytes;
    bool closed;
} peer_inbox_t;

typedef enum {
    PEER_MAIL_SEND,
    PEER_MAIL_DONE,
    PEER_MAIL_PASS,
    PEER_MAIL_DISCONNECT,
    PEER_MAIL_FLUSH,
    PEER_MAIL_DROP,
    PEER_MAIL_RESTART,
    PEER_MAIL_STALL,
} peer_mail_e;

/** A command from another thread. */
typedef struct peer_mail {
    struct peer_mail *next;
    peer_mail_e kind;
    u64 client_id; /* or token, or deadline */
    u64 token; /* PASS */
    u32 count;
    u32 messages; /* SEND: how many lie in bytes, each behind its u32 length */
    u32 length;
    u8 bytes[];
} peer_mail_t;

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t done;
    peer_mail_t *first, *last;
    u64 posted, carried_out; /* under the lock */
    u32 waiting; /* atomic: looked at without the lock */
    bool closed;
} peer_mailbox_t;

struct peer {
    u32 pid; /* of this process: asking the kernel each time would cost as much as an answer */
    peer_options_t options; /* strings are owned */
    error_rec_t error;
    msg_table_t *table;
    u8 *table_entries; /* for sockclnt_create_reply */
    u8 *table_serialized;
    u32 table_serialized_bytes;
    peer_entry_t *entries; /* by id */
    u32 entries_size;
    u32 next_id;
    u16 ids[PEER_MSG_COUNT];
    peer_module_t *modules;
    u32 module_count;

    pthread_t thread;
    peer_guard_t guard;
    bool started; /* peer_start succeeded and peer_stop did not run yet */
    u8 running; /* atomic */
    u8 stopping; /* atomic */

    int epoll_fd, wake_fd, listen_fd;
    dev_t listen_device;
    ino_t listen_inode;
    peer_pool_t sockets, shm_clients;
    pthread_mutex_t clients_lock; /* for peer_clients(): around changes of the pools */
    pthread_cond_t clients_changed; /* for peer_await_clients() */
    u64 next_serial;
    peer_client_t **dirty, **active; /* lists, room for every client */
    u32 dirty_count, active_count, lists_size;
    bool any_doomed;
    peer_segment_t **segments;
    u32 segment_count, segments_size;
    peer_segment_t *classic;
    region_paths_t paths;
    deadline_t next_scan;
    bool unasked; /* what is being sent answers no request: VPP allocates it elsewhere */
    u32 now_s; /* for garbage collection marks, once a pass */
    u8 *scratch; /* a request's private copy */
    size_t scratch_size;
    u32 stuck_clients;
    u64 stuck_since; /* ns, atomic; 0: nobody is stuck */
    u32 waiting_fds;

    peer_network_t *network;
    pthread_mutex_t json_lock;
    char *json;
    size_t json_length;

    peer_mailbox_t mailbox;
    peer_inbox_t handlers, record;
    u64 next_token;
    u8 recording; /* atomic */

    /* faults, atomic */
    u64 stall_until;
    u32 trickle_bytes;
    u64 close_after_bytes; /* 0: never */
    u32 forced_misses;

    peer_stats_t stats; /* written by the thread, read by anyone */
};

/** Statistics have one writer; readers may be anywhere. */
#define peer_count(p, field, n) store_relaxed(&(p)->stats.field, (p)->stats.field + (u64)(n))

/* ---- peer_buffer ---- */
/** Room for `bytes` behind the end; NULL: no memory. */
u8 *peer_buffer_reserve(peer_buffer_t *b, size_t bytes);
void peer_buffer_consume(peer_buffer_t *b, size_t bytes);
static inline size_t peer_buffer_length(const peer_buffer_t *b) { return b->end - b->start; }
void peer_letters_add(peer_letters_t *l, peer_letter_t *letter);
peer_letter_t *peer_letters_take(peer_letters_t *l);
peer_letter_t *peer_letter_copy(const u8 *bytes, u32 length);
void peer_letters_clear(peer_letters_t *l);

#endif
