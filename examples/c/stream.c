/* SPDX-License-Identifier: Apache-2.0
 *
 * A request with a list in it and a list as its answer: details to one callback, then the reply to
 * another. It is of the plugin in tests/capi/demo.api.
 *
 * Prints: 3 items, last 300
 */
#include <vapi/demo.api.vapi.h>

#include "example.h"

DEFINE_VAPI_MSG_IDS_DEMO_API_JSON;

typedef struct {
    u32 items, last;
} state_t;

static vapi_error_e on_item(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                            vapi_payload_demo_pick_details *details)
{
    state_t *state = callback_ctx;
    (void)is_last; /* never: the reply comes last */
    check(ctx, rv, "demo_pick_details");
    state->items++;
    state->last = details->wanted;
    return VAPI_OK;
}

static vapi_error_e on_reply(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                             vapi_payload_demo_pick_get_reply *reply)
{
    state_t *state = callback_ctx;
    (void)is_last;
    check(ctx, rv, "demo_pick_get");
    printf("%u items, last %u\n", reply->count, state->last);
    return VAPI_OK;
}

int main(int argc, char **argv)
{
    vapi_ctx_t ctx = example_connect(argc, argv, VAPI_MODE_BLOCKING);
    state_t state = {0};
    vapi_msg_demo_pick_get *request = vapi_alloc_demo_pick_get(ctx, 3);
    for (u32 i = 0; i < 3; i++)
        request->payload.wanted[i] = 100 * (i + 1);
    check(ctx, vapi_demo_pick_get(ctx, request, on_reply, &state, on_item, &state),
          "demo_pick_get");
    example_disconnect(ctx);
    return state.items == 3 ? 0 : 1;
}
