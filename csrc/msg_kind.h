/* SPDX-License-Identifier: Apache-2.0
 *
 * What a message's name says about sending it.
 */
#ifndef VAPI_CORE_MSG_KIND_H
#define VAPI_CORE_MSG_KIND_H

#include "msg_table.h"

typedef enum {
    MSG_KIND_PLAIN = 0, /* answered by one small message, or by none */
    MSG_KIND_REPLY, /* ends an answer; some of VPP's handlers send that of another request */
    MSG_KIND_LARGE, /* may be answered by any number of messages, or a very long one: dumps, gets */
    /* what it leads to comes later, when VPP is not handling a request: events, late answers */
    MSG_KIND_EVENTS,
    MSG_KIND_LIFE, /* a sign of life of the client that it names; not answered */
    MSG_KIND_GUARDED, /* what is in it decides whether VPP survives it: msg_is_deadly() */
    MSG_KIND_FORBIDDEN, /* not for programs: VPP would follow pointers in it, or lose its client */
} msg_kind_t;

/** The kind of a message by its name_crc. */
msg_kind_t msg_kind_of(const char *name_crc);
/** Whether VPP would not survive this message of kind GUARDED. */
bool msg_is_deadly(const void *bytes, u32 size);
/** Kinds by number, msg_table_max_id() + 1 of them; NULL when out of memory. The caller frees. */
u8 *msg_kinds_alloc(const msg_table_t *table);

#endif
