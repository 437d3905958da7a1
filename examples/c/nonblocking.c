/* SPDX-License-Identifier: Apache-2.0
 *
 * Many requests under way at once: sending never waits, and poll() tells when there is something to
 * dispatch.
 *
 * Prints: 1000 answers
 */
#include <poll.h>
#include <vapi/vpe.api.vapi.h>

#include "example.h"

DEFINE_VAPI_MSG_IDS_VPE_API_JSON;

static vapi_error_e on_version(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                               vapi_payload_show_version_reply *reply)
{
    (void)is_last;
    (void)reply;
    check(ctx, rv, "show_version");
    ++*(int *)callback_ctx;
    return VAPI_OK;
}

/** Waits for messages, and dispatches those that are there. */
static void dispatch(vapi_ctx_t ctx, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    poll(&p, 1, 1000);
    vapi_error_e rv = vapi_dispatch(ctx);
    if (rv != VAPI_EAGAIN)
        check(ctx, rv, "dispatch");
}

int main(int argc, char **argv)
{
    vapi_ctx_t ctx = example_connect(argc, argv, VAPI_MODE_NONBLOCKING);
    int fd, answers = 0;
    check(ctx, vapi_get_fd(ctx, &fd), "fd");
    for (int i = 0; i < 1000; i++) {
        vapi_msg_show_version *request;
        while ((request = vapi_alloc_show_version(ctx)) == NULL)
            dispatch(ctx, fd);
        vapi_error_e rv;
        /* No room for another outstanding request: the message is still ours. */
        while ((rv = vapi_show_version(ctx, request, on_version, &answers)) == VAPI_EAGAIN)
            dispatch(ctx, fd);
        check(ctx, rv, "show_version");
    }
    while (answers < 1000)
        dispatch(ctx, fd);
    printf("%d answers\n", answers);
    example_disconnect(ctx);
    return 0;
}
