/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests on their way to other threads: those that wait for a handler, and recorded ones. A bounded
 * queue with its own lock: put never waits, take may.
 */
#ifndef VAPI_CORE_PEER_INBOX_H
#define VAPI_CORE_PEER_INBOX_H

#include "peer_state.h"

int peer_inbox_init(peer_inbox_t *inbox);
void peer_inbox_fini(peer_inbox_t *inbox);
/** Copies the body. -ENOSPC: `max_requests` wait already, or max_bytes would be exceeded. */
int peer_inbox_put(peer_inbox_t *inbox, const peer_request_t *request, const u8 *body,
                   u32 max_requests);
/** As peer_poll(). */
int peer_inbox_take(peer_inbox_t *inbox, peer_request_t *requests, u32 max, deadline_t deadline);
void peer_inbox_set_max_bytes(peer_inbox_t *inbox, u64 max_bytes);
/** Empties it. */
void peer_inbox_clear(peer_inbox_t *inbox);
/** Nothing will come any more (or, open, it will again): wakes those who wait. */
void peer_inbox_close(peer_inbox_t *inbox, bool closed);

#endif
