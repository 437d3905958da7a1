/* SPDX-License-Identifier: Apache-2.0
 *
 * From a request's bytes to whoever answers it: checks of id and length, whose turn it is, and then
 * the C handler, the queue to other threads, or the default reply. The peer's thread alone.
 */
#ifndef VAPI_CORE_PEER_DISPATCH_H
#define VAPI_CORE_PEER_DISPATCH_H

#include "peer_state.h"

/** A frame of a socket. */
void peer_dispatch_socket(peer_t *p, peer_client_t *connection, const u8 *body, u32 length);
/** A message of a segment, `body` a private copy with zeros behind; `left`: what VPP could read. */
void peer_dispatch_shm(peer_t *p, peer_segment_t *s, const u8 *body, u32 length, u64 left);

/** Goes on with dumps, letters and deferred requests; true if anything moved. */
bool peer_dispatch_active(peer_t *p);
/** The handler of this request is done. */
void peer_dispatch_done(peer_t *p, u64 token);
/** The handler of this request leaves it to the peer; zeros behind `body`, as of peer_call_t. */
void peer_dispatch_pass(peer_t *p, u64 client_id, u64 token, const u8 *body, u32 length);
/* Zeros behind private copies of requests: VPP reads on beyond a data_len that says less. */
#define PEER_SLACK_BYTES 256u

/** Connects ids with the handlers in C and with default replies; before the thread starts. */
void peer_dispatch_prepare(peer_t *p);
/** Whether a name_crc is implemented in C. */
bool peer_dispatch_is_own(const char *name_crc);
/** The name_crc of a message of the peer's own. */
const char *peer_dispatch_own_name(peer_msg_e msg);

#endif
