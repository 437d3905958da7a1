/* SPDX-License-Identifier: Apache-2.0
 *
 * The peer's thread: what it serves, in which order, when it sleeps.
 */
#ifndef VAPI_CORE_PEER_LOOP_H
#define VAPI_CORE_PEER_LOOP_H

#include "peer_state.h"

/** Socket, classic segment, network: everything that clients see. 0, or -errno with peer->error. */
int peer_loop_open(peer_t *p);
/** Ends all clients and removes everything that peer_loop_open() made. */
void peer_loop_close(peer_t *p);
/** Both, with what VPP's restart changes. The peer's thread. */
void peer_loop_restart(peer_t *p);
/** The thread's body; `peer` is a peer_t. */
void *peer_loop_main(void *peer);

#endif
