/* SPDX-License-Identifier: Apache-2.0
 *
 * The embedded peer: plays VPP's side of the binary API for many clients at once, over the unix
 * socket, memfd segments and the classic pair of files under /dev/shm. One C thread serves all; it
 * never enters Python.
 *
 * Caveats
 *   - Not part of libvapiclient: nothing here is exported with the vapi_ prefix.
 *   - fork: a child must not use an inherited peer, not even to free it.
 *   - Where VPP would crash, abort or hang on bad input, the peer refuses and lives on; where VPP
 *     would answer another client, it stays silent: a client_index must belong to the connection
 *     (socket) or to the segment (shared memory) that the message came by.
 *
 * Threads: peer_alloc(), peer_add_*() and peer_start() belong to one thread; after peer_start() every
 * other function may be called by any thread, until peer_free(), which must be the last.
 * Errors: 0 or a count, else a negative errno; peer_error() has a sentence for setup functions.
 * Units: *_ns nanoseconds, *_bytes bytes. Client ids, request tokens: opaque, never reused.
 */
#ifndef VAPI_CORE_PEER_H
#define VAPI_CORE_PEER_H

#include <vapi/vapi_types.h>

typedef struct peer peer_t;

/** Every client / every client that asked for interface events: instead of a client id. */
#define PEER_ALL_CLIENTS UINT64_MAX
#define PEER_SUBSCRIBERS (UINT64_MAX - 1)

typedef struct {
    const char *socket_path; /* at most 107 bytes; NULL: no socket, hence no memfd clients */
    const char *shm_prefix; /* NULL: no classic segment; "x": /dev/shm/x-vpe-api; "": no prefix */
    const char *program; /* what show_version says; NULL: defaults */
    const char *version;
    const char *build_date;
    const char *build_directory;
    u64 idle_ns; /* goes on polling this long after work before it sleeps (100 us) */
    u64 keepalive_ns; /* between scans for dead shared-memory clients (10 s) */
    u64 root_bytes; /* classic root region (64 MiB) */
    u64 api_bytes; /* classic API region (16 MiB + 128 KiB) */
    u32 queue_length; /* classic input queue (1024) */
    u32 max_clients; /* more are refused (16384) */
    u64 client_backlog_bytes; /* unread replies of one client; beyond, it is dropped (64 MiB) */
    u64 frame_max_bytes; /* longest socket frame; a longer one closes its client (16 MiB) */
    u64 segment_max_bytes; /* largest memfd segment (1 GiB) */
    u32 handler_queue; /* requests that wait for peer_poll(); beyond, they are dropped (65536) */
    u64 handler_timeout_ns; /* a client's next request waits this long for a handler (10 s) */
    u8 block_when_full; /* 1: a full client queue stops the whole peer, as it stops VPP (0) */
} peer_options_t;

/** The tail of a message of variable size. */
typedef enum {
    PEER_TAIL_NONE = 0,
    PEER_TAIL_COUNTED, /* a count field before it, `tail_element_bytes` each */
    PEER_TAIL_STRING, /* u32 length, then bytes: the length is the last field of the fixed part */
} peer_tail_e;

/** A message as the peer must know it. Strings are copied. Sizes include the u16 id. */
typedef struct {
    const char *name_crc; /* "show_version_51077d14" */
    u32 fixed_bytes; /* the part of constant size */
    u32 tail_kind; /* peer_tail_e */
    u32 tail_count_offset; /* PEER_TAIL_COUNTED: where the count is, and how wide (1, 2, 4) */
    u32 tail_count_width;
    u32 tail_element_bytes;
    u32 context_offset; /* of the request: 6 as a rule; 0: it has none */
    const char *reply_name_crc; /* default reply; NULL: none */
    u32 reply_bytes; /* fixed part of the reply */
    u32 reply_context_offset; /* 2 as a rule, for which 0 stands */
} peer_message_t;

typedef struct {
    /* messages taken from clients and sent to them, by transport */
    u64 received_socket, received_memfd, received_classic;
    u64 sent_socket, sent_memfd, sent_classic;
    u64 clients_socket, clients_memfd, clients_classic; /* now */
    u64 clients_total; /* registrations ever */
    u64 ring_hits, ring_misses, ring_takeovers; /* replies and keepalives */
    u64 heap_used_bytes, heap_free_bytes, heap_blocks; /* all segments, now */
    u64 heap_replies, heap_failures; /* replies that missed the rings; that fitted nowhere */
    u64 blocked_ns; /* how long VPP's main thread would have been (or this one was) blocked */
    u64 blocked_count; /* how often a client's queue was found full */
    u64 reaped; /* dead shared-memory clients */
    u64 dropped_clients; /* beyond a bound, or broke the protocol */
    u64 dropped_messages; /* unknown id, too short, no such client, no memory */
    u64 bad_addresses; /* shared-memory addresses that lead nowhere */
    u64 keepalives_sent, keepalives_received;
    u64 locks_recovered; /* owner died */
    u64 handler_requests, handler_dropped, handler_timeouts;
    u64 recorded, record_dropped;
    u64 loops, sleeps; /* passes of the main loop; times it slept in epoll */
    u64 interfaces, routes; /* without local0, and without routes that nobody asked for */
    u64 restarts;
} peer_stats_t;

/** A request for a handler, or a recorded one. `bytes`: the body, u16 id first, as it came. */
typedef struct {
    u64 client_id;
    u64 token; /* for peer_done(); 0: recorded, nothing to be done */
    u32 msg_id;
    u32 context; /* as it came, not swapped */
    u32 length;
    u8 transport; /* peer_transport_e */
    u8 *bytes; /* owned by the caller until peer_release() */
} peer_request_t;

typedef enum {
    PEER_SOCKET = 0,
    PEER_MEMFD,
    PEER_CLASSIC,
} peer_transport_e;

typedef struct {
    u64 client_id;
    u32 pid; /* of the process that connected, 0: unknown */
    u8 transport; /* peer_transport_e */
    u8 wants_events; /* belongs to PEER_SUBSCRIBERS */
    char name[64];
} peer_client_info_t;

/* ---- setup -------------------------------------------------------------------------------- */

/** Fills in the defaults. The strings stay the caller's and must live until peer_alloc() returns. */
void peer_options_init(peer_options_t *options);

/** NULL: out of memory or -EINVAL options. Knows the 28 messages of memclnt, nothing else. */
peer_t *peer_alloc(const peer_options_t *options);

/** What went wrong last, "" if nothing did. Valid until the next call that fails. */
const char *peer_error(const peer_t *peer);

/**
 * The messages that follow get consecutive ids, in the order they are added; get_first_msg_id knows
 * `name_crc` ("interface_b7f4b1a4"), api_versions says `version` of it. -EBUSY once started.
 */
int peer_add_module(peer_t *peer, const char *name_crc, u32 major, u32 minor, u32 patch);

/**
 * Adds a message and returns its id (> 0); one that is known already keeps its id. Messages that
 * the peer implements in C get their handler, all others their default reply.
 * -EINVAL: name, sizes; -EBUSY once started; -ENOSPC: no more ids.
 */
int peer_add_message(peer_t *peer, const peer_message_t *message);

/** Adds everything that is implemented in C: version, cli_inband, interfaces, routes, bridges. */
int peer_add_builtin(peer_t *peer);

/** The text that get_api_json answers; copied. May be called again while it runs. */
int peer_set_api_json(peer_t *peer, const char *text, size_t length);

/** The id of a name_crc, or of a name without CRC if only one has it; 0: unknown. */
u32 peer_msg_id(const peer_t *peer, const char *name);
/** name_crc of an id, NULL: unknown. Valid until peer_free(). */
const char *peer_msg_name(const peer_t *peer, u32 msg_id);

/**
 * Requests of this id go to peer_poll() (on) or back to what was before (off). Any time.
 */
int peer_set_handled(peer_t *peer, u32 msg_id, u8 on);

/* ---- life --------------------------------------------------------------------------------- */

/** Creates socket and regions (replacing what a dead peer left) and starts the thread. */
int peer_start(peer_t *peer);
/** Ends the thread, closes all clients, removes socket and files. Idempotent; waits for the thread. */
void peer_stop(peer_t *peer);
/** Stops if need be. NULL is allowed. */
void peer_free(peer_t *peer);
/** 1 while the thread serves. */
int peer_is_running(const peer_t *peer);

/* ---- handlers and events ------------------------------------------------------------------- */

/**
 * Takes up to `max` requests that wait for handlers; waits until there is one. Returns how many,
 * -ETIMEDOUT, or -ESHUTDOWN when the peer stopped and none is left.
 */
int peer_poll(peer_t *peer, peer_request_t *requests, u32 max, u64 timeout_ns);
/** Frees their bytes. */
void peer_release(peer_request_t *requests, u32 count);

/**
 * Sends `count` copies of one message (body, id first, network order) to a client, to
 * PEER_ALL_CLIENTS or PEER_SUBSCRIBERS. Queued for the peer's thread; messages and peer_done() of one
 * caller keep their order. Copies the bytes. -ENOMEM, -EINVAL, -ESHUTDOWN.
 */
int peer_send(peer_t *peer, u64 client_id, const u8 *bytes, u32 length, u32 count);

/** Many messages for one client in one crossing: lengths[i] bytes each, one after the other. */
int peer_send_many(peer_t *peer, u64 client_id, const u8 *bytes, const u32 *lengths, u32 count);

/**
 * The handler has sent everything that answers this request: the client's next one may go on.
 * Replies keep the order of requests through this, as VPP's do.
 */
int peer_done(peer_t *peer, u64 token);

/**
 * Instead of an answer and peer_done(): the peer answers this request by itself, as if nobody had
 * asked for it by peer_set_handled(). `request` as it came from peer_poll(); its bytes are copied.
 */
int peer_pass(peer_t *peer, const peer_request_t *request);

/** Ends a client as if it had gone. */
int peer_disconnect(peer_t *peer, u64 client_id);

/** Waits until all that was queued by peer_send() and so on before is carried out. */
int peer_flush(peer_t *peer, u64 timeout_ns);

/* ---- looking in ---------------------------------------------------------------------------- */

void peer_stats(const peer_t *peer, peer_stats_t *stats);
/** Up to `max` of the clients now; returns how many there are. */
int peer_clients(peer_t *peer, peer_client_info_t *clients, u32 max);
/** Waits until PEER_ALL_CLIENTS or PEER_SUBSCRIBERS is somebody; how many, or -ETIMEDOUT. */
int peer_await_clients(peer_t *peer, u64 target, u64 timeout_ns);
/** Keeps copies of the requests that come, up to `max_bytes` of them; 0 ends it. Off at first. */
int peer_record(peer_t *peer, u64 max_bytes);
/** Takes up to `max` recorded requests, oldest first; the caller peer_release()s them. */
int peer_recorded(peer_t *peer, peer_request_t *requests, u32 max);
/** The same, but waits until there is one; as peer_poll(). */
int peer_await_recorded(peer_t *peer, peer_request_t *requests, u32 max, u64 timeout_ns);

/* ---- faults, for tests --------------------------------------------------------------------- */

/** Serves nobody for that long, from its return on; UINT64_MAX: until called again; 0: resumes. */
int peer_fault_stall(peer_t *peer, u64 duration_ns);
/** Writes at most this many bytes at a time to sockets, one write a loop; 0: as many as fit. */
int peer_fault_trickle(peer_t *peer, u32 bytes);
/** Closes the socket that is written to when this many more bytes are out; 0: never. */
int peer_fault_close_after(peer_t *peer, u64 bytes);
/** The next `count` messages of this id are lost instead of sent; UINT32_MAX: all; 0: none. */
int peer_fault_drop(peer_t *peer, u32 msg_id, u32 count);
/** The next `count` shared-memory replies miss the rings. UINT32_MAX: all; 0: none. */
int peer_fault_miss(peer_t *peer, u32 count);
/** As VPP killed and started again: all clients lost, new socket, new regions, empty network. */
int peer_restart(peer_t *peer);

#endif
