/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages in private memory: copies of what arrived, and what is sent over the socket. Laid out as
 * everywhere, a msgbuf header right before the body, so that a body's address is all one needs; the
 * header's q leads back to the block.
 */
#ifndef VAPI_CORE_PRIVATE_MSG_H
#define VAPI_CORE_PRIVATE_MSG_H

#include "shm_layout.h"

typedef struct private_msg {
    struct private_msg *next; /* while it waits in a backlog */
    u64 size; /* of the body */
    msgbuf_t header;
} private_msg_t;

/** A received message: where its body is. Zero-copy where it can be. */
typedef struct {
    void *body;
    u32 size; /* bytes */
} msg_ref_t;

static inline msgbuf_t *msgbuf_of(const void *body)
{
    return (msgbuf_t *)((uintptr_t)body - sizeof(msgbuf_t));
}

/** Zeroed body; NULL when out of memory. Free with private_msg_free(). Any thread. */
void *private_msg_alloc(u32 size);
/** A copy of `body`; NULL when out of memory. */
void *private_msg_copy(const void *body, u32 size);
void private_msg_free(void *body);
private_msg_t *private_msg_of(void *body);
/** Whether the body of a message lies in a block of its own. */
bool private_msg_is(const void *body);

/** First in, first out, with a count of the memory. Caller locks. Zeroed memory is an empty one. */
typedef struct {
    private_msg_t *first;
    private_msg_t *last;
    u64 bytes;
    u64 count;
} backlog_t;

void backlog_push(backlog_t *b, void *private_body);
/** false when empty. */
bool backlog_pop(backlog_t *b, msg_ref_t *out);
void backlog_clear(backlog_t *b);

#endif
