/* SPDX-License-Identifier: Apache-2.0
 *
 * One request in blocking mode: the callback has been called when the call returns.
 *
 * Prints: vpe \S+
 */
#include <vapi/vpe.api.vapi.h>

#include "example.h"

DEFINE_VAPI_MSG_IDS_VPE_API_JSON;

static vapi_error_e on_version(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                               vapi_payload_show_version_reply *reply)
{
    (void)callback_ctx;
    (void)is_last; /* a request has one answer */
    check(ctx, rv, "show_version");
    printf("%s %s, built %s\n", (char *)reply->program, (char *)reply->version,
           (char *)reply->build_date);
    return VAPI_OK;
}

int main(int argc, char **argv)
{
    vapi_ctx_t ctx = example_connect(argc, argv, VAPI_MODE_BLOCKING);
    vapi_msg_show_version *request = vapi_alloc_show_version(ctx);
    if (request == NULL)
        check(ctx, VAPI_ENOMEM, "show_version");
    /* The request is the library's from here on: there is nothing to free. */
    check(ctx, vapi_show_version(ctx, request, on_version, NULL), "show_version");
    example_disconnect(ctx);
    return 0;
}
