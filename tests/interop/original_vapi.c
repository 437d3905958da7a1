/* SPDX-License-Identifier: Apache-2.0
 *
 * A client that is compiled with VPP's own VAPI, headers and library: original_vapi SOCKET.
 * Prints a line for each thing that worked; what failed goes to standard error, with exit code 1.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <vapi/vapi.h>

#include <vapi/interface.api.vapi.h>
#include <vapi/memclnt.api.vapi.h>
#include <vapi/vpe.api.vapi.h>

DEFINE_VAPI_MSG_IDS_MEMCLNT_API_JSON;
DEFINE_VAPI_MSG_IDS_VPE_API_JSON;
DEFINE_VAPI_MSG_IDS_INTERFACE_API_JSON;

static unsigned events;

static void check(vapi_error_e rv, const char *what)
{
    if (rv != VAPI_OK) {
        fprintf(stderr, "%s: %d\n", what, (int)rv);
        exit(1);
    }
}

static vapi_error_e on_version(vapi_ctx_t ctx, void *caller, vapi_error_e rv, bool is_last,
                               vapi_payload_show_version_reply *reply)
{
    check(rv, "show_version_reply");
    printf("version %d %s %s %d\n", reply->retval, (char *)reply->program, (char *)reply->version,
           is_last);
    return VAPI_OK;
}

static vapi_error_e on_ping(vapi_ctx_t ctx, void *caller, vapi_error_e rv, bool is_last,
                            vapi_payload_control_ping_reply *reply)
{
    check(rv, "control_ping_reply");
    printf("ping %d %u\n", reply->retval, reply->vpe_pid);
    return VAPI_OK;
}

static vapi_error_e on_interface(vapi_ctx_t ctx, void *caller, vapi_error_e rv, bool is_last,
                                 vapi_payload_sw_interface_details *reply)
{
    check(rv, "sw_interface_details");
    if (is_last)
        printf("interfaces end\n");
    else
        printf("interface %u %s\n", reply->sw_if_index, (char *)reply->interface_name);
    return VAPI_OK;
}

static vapi_error_e on_wanted(vapi_ctx_t ctx, void *caller, vapi_error_e rv, bool is_last,
                              vapi_payload_want_interface_events_reply *reply)
{
    check(rv, "want_interface_events_reply");
    printf("wanted %d\n", reply->retval);
    return VAPI_OK;
}

static vapi_error_e on_flags(vapi_ctx_t ctx, void *caller, vapi_error_e rv, bool is_last,
                             vapi_payload_sw_interface_set_flags_reply *reply)
{
    check(rv, "sw_interface_set_flags_reply");
    printf("flags %d\n", reply->retval);
    return VAPI_OK;
}

static vapi_error_e on_event(vapi_ctx_t ctx, void *caller, vapi_payload_sw_interface_event *event)
{
    printf("event %u %u\n", event->sw_if_index, (unsigned)event->flags);
    events++;
    return VAPI_OK;
}

int main(int argc, char **argv)
{
    vapi_ctx_t ctx;
    if (argc != 2)
        return 2;
    check(vapi_ctx_alloc(&ctx), "vapi_ctx_alloc");
    check(vapi_connect_ex(ctx, "original", argv[1], 64, 32, VAPI_MODE_BLOCKING, true, true),
          "vapi_connect_ex");
    check(vapi_show_version(ctx, vapi_alloc_show_version(ctx), on_version, NULL), "show_version");
    check(vapi_control_ping(ctx, vapi_alloc_control_ping(ctx), on_ping, NULL), "control_ping");

    vapi_msg_sw_interface_dump *dump = vapi_alloc_sw_interface_dump(ctx, 0);
    dump->payload.sw_if_index = ~0u;
    check(vapi_sw_interface_dump(ctx, dump, on_interface, NULL), "sw_interface_dump");

    vapi_set_vapi_msg_sw_interface_event_event_cb(ctx, on_event, NULL);
    vapi_msg_want_interface_events *want = vapi_alloc_want_interface_events(ctx);
    want->payload.enable_disable = 1;
    check(vapi_want_interface_events(ctx, want, on_wanted, NULL), "want_interface_events");
    vapi_msg_sw_interface_set_flags *flags = vapi_alloc_sw_interface_set_flags(ctx);
    flags->payload.sw_if_index = 0;
    flags->payload.flags = IF_STATUS_API_FLAG_ADMIN_UP;
    check(vapi_sw_interface_set_flags(ctx, flags, on_flags, NULL), "sw_interface_set_flags");
    /* VAPI's own wait is short, and one that ends without a message leaves its buffer in disorder. */
    struct pollfd ready = {.events = POLLIN};
    check(vapi_get_fd(ctx, &ready.fd), "vapi_get_fd");
    while (events == 0) {
        if (poll(&ready, 1, 10000) != 1)
            check(VAPI_ENORESP, "no event within 10 s");
        check(vapi_dispatch_one(ctx), "vapi_dispatch_one");
    }
    check(vapi_disconnect(ctx), "vapi_disconnect");
    vapi_ctx_free(ctx);
    return 0;
}
