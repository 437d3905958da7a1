/* SPDX-License-Identifier: Apache-2.0
 *
 * Cuts a byte stream into frames without copying them: bytes are read into chunks, messages point
 * into their chunk and keep it alive. A chunk is shared by the messages in it: holding one small
 * message keeps at most a chunk of memory.
 *
 * Caller locks, but for rx_buffer_release(), which any thread may call.
 */
#ifndef VAPI_CORE_RX_BUFFER_H
#define VAPI_CORE_RX_BUFFER_H

#include "private_msg.h"

/** Longest body that is believed; VPP's largest (get_api_json) has a few megabytes. */
#define RX_LARGEST_BODY (256u << 20)

typedef struct rx_chunk rx_chunk_t;

typedef struct {
    rx_chunk_t *chunk; /* being filled */
    rx_chunk_t *spare; /* an empty one, to save allocations */
    u32 parsed; /* bytes of chunk that were handed out */
    u32 filled; /* bytes of chunk that were read */
} rx_buffer_t;

/** Room to read into: at least one byte, more when a long frame is under way; NULL: out of memory. */
u8 *rx_buffer_room(rx_buffer_t *rx, u32 *bytes);
/** `bytes` were read into the room. */
void rx_buffer_filled(rx_buffer_t *rx, u32 bytes);
/** The next whole frame: 1; none yet: 0; -EBADMSG: a length beyond RX_LARGEST_BODY. */
int rx_buffer_next(rx_buffer_t *rx, msg_ref_t *ref);
/** Whether rx_buffer_next() would return one. */
bool rx_buffer_has_frame(const rx_buffer_t *rx);
/** Gives a message back. */
void rx_buffer_release(void *body);
/** Whether a message came from an rx_buffer (and is not a private block). */
bool rx_buffer_owns(const void *body);
/** Drops everything that was not handed out. */
void rx_buffer_clear(rx_buffer_t *rx);

#endif
