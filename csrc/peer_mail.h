/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands from other threads to the peer's thread: sending, ending a wait, disconnecting, restarting.
 * One queue, so that they keep their order. A big `count` is carried out in slices.
 */
#ifndef VAPI_CORE_PEER_MAIL_H
#define VAPI_CORE_PEER_MAIL_H

#include "peer_state.h"

int peer_mailbox_init(peer_mailbox_t *box);
void peer_mailbox_fini(peer_mailbox_t *box);
/** Carries out what is there; true if there was anything. The peer's thread. */
bool peer_mail_run(peer_t *p);
/** Wakes the peer's thread. Any thread. */
void peer_wake(peer_t *p);
/** No more mail is taken (or, open, it is again); those who wait in peer_flush() go on. */
void peer_mailbox_close(peer_mailbox_t *box, bool closed);

#endif
