/* SPDX-License-Identifier: Apache-2.0 */
#include "private_msg.h"

#include <stdlib.h>
#include <string.h>

#include "byteorder.h"

static void *make(u32 size, bool zero)
{
    size_t bytes = sizeof(private_msg_t) + size;
    private_msg_t *m = zero ? calloc(1, bytes) : malloc(bytes);
    if (m == NULL)
        return NULL;
    m->next = NULL;
    m->size = size;
    m->header = (msgbuf_t){.q = (u64)(uintptr_t)m, .data_len = htobe32(size)};
    return m->header.data;
}

void *private_msg_alloc(u32 size) { return make(size, true); }

void *private_msg_copy(const void *body, u32 size)
{
    void *copy = make(size, false);
    if (copy != NULL)
        memcpy(copy, body, size);
    return copy;
}

private_msg_t *private_msg_of(void *body)
{
    return (private_msg_t *)((u8 *)body - sizeof(private_msg_t));
}

bool private_msg_is(const void *body)
{
    return msgbuf_of(body)->q == (u64)(uintptr_t)private_msg_of((void *)(uintptr_t)body);
}

void private_msg_free(void *body) { free(private_msg_of(body)); }

void backlog_push(backlog_t *b, void *body)
{
    private_msg_t *m = private_msg_of(body);
    m->next = NULL;
    if (b->last != NULL)
        b->last->next = m;
    else
        b->first = m;
    b->last = m;
    b->bytes += sizeof *m + m->size;
    b->count++;
}

bool backlog_pop(backlog_t *b, msg_ref_t *out)
{
    private_msg_t *m = b->first;
    if (m == NULL)
        return false;
    b->first = m->next;
    if (b->first == NULL)
        b->last = NULL;
    b->bytes -= sizeof *m + m->size;
    b->count--;
    *out = (msg_ref_t){.body = m->header.data, .size = (u32)m->size};
    return true;
}

void backlog_clear(backlog_t *b)
{
    msg_ref_t ref;
    while (backlog_pop(b, &ref))
        private_msg_free(ref.body);
}
