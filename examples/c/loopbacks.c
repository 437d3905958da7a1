/* SPDX-License-Identifier: Apache-2.0
 *
 * Creates three loopbacks, lists all interfaces, and takes the loopbacks away.
 *
 * Prints: 3 loopbacks among [0-9]+ interfaces
 */
#include <vapi/interface.api.vapi.h>

#include "example.h"

DEFINE_VAPI_MSG_IDS_INTERFACE_API_JSON;

#define COUNT 3

typedef struct {
    u32 created[COUNT];
    int seen, interfaces;
} state_t;

static vapi_error_e on_create(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                              vapi_payload_create_loopback_reply *reply)
{
    (void)is_last;
    check(ctx, rv, "create_loopback");
    if (reply->retval != 0)
        fprintf(stderr, "create_loopback: VPP says %d\n", reply->retval);
    *(u32 *)callback_ctx = reply->sw_if_index;
    return VAPI_OK;
}

static vapi_error_e on_delete(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                              vapi_payload_delete_loopback_reply *reply)
{
    (void)callback_ctx;
    (void)is_last;
    check(ctx, rv, "delete_loopback");
    return reply->retval == 0 ? VAPI_OK : VAPI_EUSER;
}

static vapi_error_e on_interface(vapi_ctx_t ctx, void *callback_ctx, vapi_error_e rv, bool is_last,
                                 vapi_payload_sw_interface_details *details)
{
    state_t *state = callback_ctx;
    check(ctx, rv, "sw_interface_dump");
    if (is_last) /* the end of the list: there are no details */
        return VAPI_OK;
    state->interfaces++;
    for (int i = 0; i < COUNT; i++)
        if (state->created[i] == details->sw_if_index) {
            printf("%u %s\n", details->sw_if_index, (char *)details->interface_name);
            state->seen++;
        }
    return VAPI_OK;
}

int main(int argc, char **argv)
{
    vapi_ctx_t ctx = example_connect(argc, argv, VAPI_MODE_BLOCKING);
    state_t state = {0};
    for (int i = 0; i < COUNT; i++)
        check(ctx,
              vapi_create_loopback(ctx, vapi_alloc_create_loopback(ctx), on_create,
                                   &state.created[i]),
              "create_loopback");
    vapi_msg_sw_interface_dump *dump = vapi_alloc_sw_interface_dump(ctx, 0); /* no name filter */
    dump->payload.sw_if_index = ~0u;
    check(ctx, vapi_sw_interface_dump(ctx, dump, on_interface, &state), "sw_interface_dump");
    for (int i = 0; i < COUNT; i++) {
        vapi_msg_delete_loopback *delete_one = vapi_alloc_delete_loopback(ctx);
        delete_one->payload.sw_if_index = state.created[i];
        check(ctx, vapi_delete_loopback(ctx, delete_one, on_delete, NULL), "delete_loopback");
    }
    printf("%d loopbacks among %d interfaces\n", state.seen, state.interfaces);
    example_disconnect(ctx);
    return state.seen == COUNT ? 0 : 1;
}
