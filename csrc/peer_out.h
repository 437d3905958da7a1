/* SPDX-License-Identifier: Apache-2.0
 *
 * How messages leave the peer, whatever the transport: begin gives a body to fill in, end sends it.
 * A handler does the one right after the other, for one client at a time.
 *
 * A socket's messages collect in its buffer, a shared-memory client's addresses in `staged`; both go
 * out at the end of a pass or when they are many. What a full queue does not take waits in private
 * memory (`letters`); a client whose unread replies exceed client_backlog_bytes is dropped.
 */
#ifndef VAPI_CORE_PEER_OUT_H
#define VAPI_CORE_PEER_OUT_H

#include "peer_state.h"

/** A cleared body of `bytes`; NULL: it cannot be sent (counted, the client may be doomed). */
void *peer_out_begin(peer_t *p, peer_client_t *c, u32 bytes);
void peer_out_end(peer_t *p, peer_client_t *c);
/** A body that is complete. */
void peer_out_copy(peer_t *p, peer_client_t *c, const u8 *body, u32 bytes);

/** begin for a reply: id and context are filled in, of call->client; NULL: nobody is to be answered. */
void *peer_reply_begin(peer_t *p, const peer_call_t *call, peer_msg_e msg, u32 bytes);
/** A reply that has nothing but retval. */
void peer_reply_retval(peer_t *p, const peer_call_t *call, peer_msg_e msg, i32 retval);

/** How many messages a dump may send now. */
u32 peer_out_room(const peer_client_t *c);
/** Writes what can be written to this client; true if anything moved. */
bool peer_out_flush(peer_t *p, peer_client_t *c);
/** Flushes the clients that were written to. */
void peer_out_flush_dirty(peer_t *p);
/** Drops everything that is on its way to it. */
void peer_out_forget(peer_t *p, peer_client_t *c);
/** Begins and ends the time in which this client would have blocked VPP. */
void peer_out_set_stuck(peer_t *p, peer_client_t *c, bool stuck);
/** Wants the socket's events to be what its state needs. */
void peer_socket_update_events(peer_t *p, peer_client_t *c);

#endif
