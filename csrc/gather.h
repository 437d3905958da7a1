/* SPDX-License-Identifier: Apache-2.0
 *
 * When the reader of a long dump over a socket should rest. VPP writes each message of a dump by itself,
 * which costs it more than to make the message, as long as the socket has room; what it makes while the
 * socket is full goes out in pieces of 4096 bytes. A reader that is quicker than VPP keeps it at single
 * messages. One that lets the socket fill up, and then reads until single messages come again, gets the
 * same dump in two thirds of the time (100,000 routes: 0.20 s and 0.14 s), and sleeps meanwhile.
 *
 * That VPP takes a short send for a whole one is no danger here: Linux takes 4096 bytes whole or not at all
 * where a socket's buffer is twice as large, and it is 208 KB unless somebody changed it.
 */
#ifndef VAPI_CORE_GATHER_H
#define VAPI_CORE_GATHER_H

#include "private_msg.h" /* msg_ref_t */

/** Of one connection; receive lock. Zeroed: nothing was read yet. */
typedef struct {
    u64 stream; /* number and context of the last message */
    u32 count; /* messages of that stream one after the other */
    u64 since; /* ns: when it was found to be a long one; 0: not yet */
    u64 rest_ns; /* how long to rest before the next read, 0: not at all */
} gather_t;

/** After a read of `count` messages up to `last`: whether they are of a long dump. */
bool gather_see(gather_t *g, const msg_ref_t *last, u32 count);
/** That read brought so little that VPP writes single messages. `now`: ns. */
void gather_trickled(gather_t *g, u64 now);

#endif
