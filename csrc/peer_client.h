/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is registered: two pools of slots, as client indexes of sockets and of shared memory are
 * numbered apart. The peer's thread alone; the lists' lock is taken inside.
 */
#ifndef VAPI_CORE_PEER_CLIENT_H
#define VAPI_CORE_PEER_CLIENT_H

#include "peer_state.h"

/** A new client in the lowest free slot; NULL: no memory, or max_clients. */
peer_client_t *peer_client_add(peer_t *p, u8 transport);
/** By the id that other threads use; NULL: gone. */
peer_client_t *peer_client_find(peer_t *p, u64 id);
/** By client_index as it stands in a message; NULL: none. */
peer_client_t *peer_client_of_index(peer_t *p, u32 index_raw);
/** To be removed before the next pass; nothing is sent to it any more. */
void peer_client_doom(peer_t *p, peer_client_t *c);
/** Removes those who are doomed. */
void peer_clients_bury(peer_t *p);
/** The lock of the lists, and what waits for a change of them. */
void peer_clients_init(peer_t *p);
void peer_clients_fini(peer_t *p);
/** Whether events for PEER_ALL_CLIENTS or PEER_SUBSCRIBERS go to it. */
bool peer_client_is_member(const peer_client_t *c, u64 target);
/** Adds it to PEER_SUBSCRIBERS, or takes it out. */
void peer_client_set_wants_events(peer_t *p, peer_client_t *c, bool wants);
/** Removes everybody. */
void peer_clients_clear(peer_t *p);
/** A name from the wire: always ends in NUL. */
void peer_client_set_name(peer_t *p, peer_client_t *c, const char name[64]);
/** Puts it on the list of those that have work left between messages. */
void peer_client_activate(peer_t *p, peer_client_t *c);
/** Whether a request of it must wait for an earlier one. */
static inline bool peer_client_is_busy(const peer_client_t *c)
{
    return c->dump.step != NULL || c->hold_token != 0 || c->passed_fd >= 0;
}
/** Ends the dump. */
void peer_client_end_dump(peer_client_t *c);
/** Bits of index_raw of shared-memory clients under the slot: the epoch. */
#define PEER_INDEX_EPOCH_BITS 8u
#define PEER_INDEX_SOCKET 0x80000000u

#endif
