/* SPDX-License-Identifier: Apache-2.0
 *
 * Two contexts, each used by a thread of its own. They share nothing, and may be of different VPPs.
 *
 * Prints: 200 answers
 */
#include <pthread.h>
#include <vapi/vpe.api.vapi.h>

#include "example.h"

DEFINE_VAPI_MSG_IDS_VPE_API_JSON;

typedef struct {
    vapi_ctx_t ctx;
    int answers;
} worker_t;

static vapi_error_e on_version(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                               vapi_payload_show_version_reply *reply)
{
    (void)is_last;
    (void)reply;
    check(ctx, rv, "show_version");
    ++*(int *)callback_ctx;
    return VAPI_OK;
}

static void *work(void *argument)
{
    worker_t *w = argument;
    for (int i = 0; i < 100; i++)
        check(w->ctx,
              vapi_show_version(w->ctx, vapi_alloc_show_version(w->ctx), on_version, &w->answers),
              "show_version");
    return NULL;
}

int main(int argc, char **argv)
{
    worker_t workers[2] = {{0}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        workers[i].ctx = example_connect(argc, argv, VAPI_MODE_BLOCKING);
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
            return 1;
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        example_disconnect(workers[i].ctx);
    }
    printf("%d answers\n", workers[0].answers + workers[1].answers);
    return 0;
}
