/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread that keeps a silent program from holding VPP up. While the program receives, it sleeps,
 * looking up now and then; when nobody has received for the grace period and messages wait, it moves
 * them into private memory. It also notices that VPP died, pushes out what a send left behind, and,
 * over shared memory, makes the descriptor of vapi_get_fd() readable.
 *
 * It runs no code of the program, takes no lock of Python's, and blocks all signals.
 */
#ifndef VAPI_CORE_DRAINER_H
#define VAPI_CORE_DRAINER_H

#include <pthread.h>

#include <vapi/vapi_common.h>

#include "error.h"

struct vapi_ctx_s;

typedef struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool running;
    bool stop;
    bool napping; /* in `wake` */
    bool long_nap; /* for long: somebody was receiving, and says when it stops */
    bool watching; /* sleeps in the transport */
} drainer_t;

vapi_error_e drainer_start(struct vapi_ctx_s *ctx, error_rec_t *error);
/** Ends the thread and waits for it: a few milliseconds. Idempotent. */
void drainer_stop(struct vapi_ctx_s *ctx);
/** Ends its nap: something changed that it should look at. Cheap when it does not nap. */
void drainer_wake(struct vapi_ctx_s *ctx);
/** A thread stopped receiving: ends a long nap. */
void drainer_attend(struct vapi_ctx_s *ctx);

#endif
