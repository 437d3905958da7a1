/* SPDX-License-Identifier: Apache-2.0
 *
 * Waking an idle VPP. Its main loop sleeps up to ten milliseconds, and a message in shared memory
 * does not wake it, but bytes on an API socket do. The bell is a frame that VPP drops without a word:
 * a control_ping of a client that cannot exist.
 *
 * The socket is registered as a client, so that it can be left properly (see handshake_part), and one
 * answer stays unread in it: should this process be killed, the kernel then tells VPP of a reset
 * connection, which VPP notices in every case.
 *
 * Any thread; ringing never blocks.
 */
#ifndef VAPI_CORE_BELL_H
#define VAPI_CORE_BELL_H

#include <pthread.h>

#include "deadline.h"
#include "error.h"
#include "msg_table.h"

typedef struct {
    pthread_mutex_t lock;
    int fd; /* -1: none */
    u32 left; /* bytes of the present frame that did not go out yet */
    u32 client_index_raw;
    bool registered;
    char path[108]; /* of the socket */
} bell_t;

/** No bell yet. */
void bell_init(bell_t *b);
/** Connects and registers; fills `table`. Errors with the reason; then there is no bell. */
vapi_error_e bell_open(bell_t *b, const char *path, const char *name, msg_table_t *table,
                       deadline_t deadline, error_rec_t *error);
/** Finds the socket that the process `server_pid` listens on, if it has one whose name says that it is
 * for the API, and opens it; otherwise there is no bell. */
void bell_find(bell_t *b, int server_pid, const char *name, msg_table_t *table,
               deadline_t deadline);
/** Leaves the answer to a ping unread. Nothing may be read from the socket after this. */
void bell_arm(bell_t *b, u16 id_control_ping);
/** false when there is no bell, or it could not be rung now. */
bool bell_ring(bell_t *b);
/** Whether the other side closed it: VPP is gone. */
bool bell_broken(bell_t *b);
/** Leaves and closes; with `part` false (a forked child, a VPP that is gone) closes only. */
void bell_close(bell_t *b, bool part);

#endif
