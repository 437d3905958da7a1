/* SPDX-License-Identifier: Apache-2.0
 *
 * Segments (the classic one, and a memfd segment for each socket that asked), their input queues, and
 * the clients registered in them: polling, keepalives, reaping. The peer's thread alone.
 */
#ifndef VAPI_CORE_PEER_SHM_H
#define VAPI_CORE_PEER_SHM_H

#include "peer_state.h"

/** Takes over a made segment's slot in the list; NULL: no memory (the segment stays the caller's). */
peer_segment_t *peer_segment_new(peer_t *p, u8 transport);
/** Its socket is gone: it stays while somebody is registered in it. */
void peer_segment_orphan(peer_t *p, peer_segment_t *s);
/** One registration less; the last one takes a memfd segment with it, as in VPP. */
void peer_segment_unregister(peer_t *p, peer_segment_t *s);
/** Frees them all; nobody may be registered any more. */
void peer_segments_clear(peer_t *p);

/** Heap statistics over all segments. */
void peer_segment_count_heap(peer_t *p, u64 used_delta, i32 blocks);
/** Frees a heap block that came back; false: it is none (counted). */
bool peer_segment_free_block(peer_t *p, peer_segment_t *s, void *block);

/** Its locks and wake-ups are the guard's from now on; for a segment that was just made. */
void peer_segment_guard(peer_t *p, peer_segment_t *s);
/** Drops a shared-memory client that broke the rules, and its socket. */
void peer_shm_drop(peer_t *p, peer_client_t *c);

/** Handles what waits in the input queues; true if there was anything. */
bool peer_segments_poll(peer_t *p);

/** memclnt_create, either version, from shared memory. */
void peer_shm_register(peer_t *p, const peer_call_t *call, bool v2);
/** memclnt_delete. */
void peer_shm_unregister(peer_t *p, const peer_call_t *call);
/** memclnt_keepalive_reply; its context is the client's index. */
void peer_shm_heard(peer_t *p, const peer_call_t *call);
/** What VPP does every 10 seconds. */
void peer_shm_scan(peer_t *p);

#endif
