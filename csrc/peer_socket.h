/* SPDX-License-Identifier: Apache-2.0
 *
 * The api socket: listening, accepting, cutting the byte stream into frames, handing over segments.
 * The peer's thread alone.
 */
#ifndef VAPI_CORE_PEER_SOCKET_H
#define VAPI_CORE_PEER_SOCKET_H

#include "peer_state.h"

/** What an epoll event belongs to, where it is not a client's id. */
#define PEER_EVENT_LISTEN 0u
#define PEER_EVENT_WAKE 1u

/** Binds with mode 0660, in place of a socket that is there already. 0 or -errno. */
int peer_socket_listen(peer_t *p);
/** Closes the listener and removes its path if it is still ours. */
void peer_socket_unlisten(peer_t *p);
void peer_socket_accept(peer_t *p);
/** What epoll said about a client. */
void peer_socket_event(peer_t *p, u64 client_id, u32 events);
/** Goes on with frames that were read already; true if there were any. */
bool peer_socket_resume(peer_t *p, peer_client_t *c);
/** Hands the segment over when the reply has been read; true when that is done. */
bool peer_socket_pass_fd(peer_t *p, peer_client_t *c);

#endif
