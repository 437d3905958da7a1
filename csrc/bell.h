/* SPDX-License-Identifier: Apache-2.0
 *
 * Waking an idle VPP. Its main loop sleeps up to ten milliseconds, and a message in shared memory
 * does not wake it, but a byte on an API socket does. The bell is a frame that VPP drops without a
 * word: a control_ping of a client that cannot exist.
 *
 * Any thread; ringing never blocks.
 */
#ifndef VAPI_CORE_BELL_H
#define VAPI_CORE_BELL_H

#include <pthread.h>

#include "deadline.h"
#include "error.h"

typedef struct {
    pthread_mutex_t lock;
    int fd; /* -1: none */
    u32 left; /* bytes of the last frame that did not go out */
} bell_t;

void bell_init(bell_t *b, int fd);
/** Connects to the socket that the process `server_pid` listens on, if it has one whose name says
 * that it is for the API; the bell then has none otherwise. */
void bell_find(bell_t *b, int server_pid, deadline_t deadline);
/** false when there is no bell, or it could not be rung now. */
bool bell_ring(bell_t *b);
/** Whether the other side closed it: VPP is gone. */
bool bell_broken(bell_t *b);
/** Closes the descriptor. */
void bell_close(bell_t *b);

#endif
