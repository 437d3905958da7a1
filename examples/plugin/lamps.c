/* Two lamps, from C: ./lamps SOCKET */
#include <stdio.h>
#include <stdlib.h>
#include <vapi/batch.h>
#include <vapi/lamp.api.vapi.h>

DEFINE_VAPI_MSG_IDS_LAMP_API_JSON;

static void check(vapi_ctx_t ctx, vapi_error_e rv, const char *what)
{
    if (rv == VAPI_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, vapi_error_name(rv), vapi_error_text(ctx));
    exit(1);
}

static vapi_error_e on_clear(vapi_ctx_t ctx, void *arg, vapi_error_e rv, bool is_last,
                             vapi_payload_lamp_clear_reply *reply)
{
    return rv;
}

static vapi_error_e on_add(vapi_ctx_t ctx, void *arg, vapi_error_e rv, bool is_last,
                           vapi_payload_lamp_add_reply *reply)
{
    if (rv == VAPI_OK)
        *(u32 *)arg = reply->id;
    return rv;
}

static vapi_error_e on_switch(vapi_ctx_t ctx, void *arg, vapi_error_e rv, bool is_last,
                              vapi_payload_lamp_switch_reply *reply)
{
    if (rv == VAPI_OK)
        *(i32 *)arg = reply->retval;
    return rv;
}

static vapi_error_e on_want(vapi_ctx_t ctx, void *arg, vapi_error_e rv, bool is_last,
                            vapi_payload_want_lamp_events_reply *reply)
{
    return rv;
}

static vapi_error_e on_event(vapi_ctx_t ctx, void *arg, vapi_payload_lamp_event *event)
{
    vapi_msg_lamp_event *message = (vapi_msg_lamp_event *)event;
    printf("event: lamp %u has flags %u\n", message->payload.id, message->payload.flags);
    ++*(int *)arg;
    return VAPI_OK;
}

static vapi_error_e on_lamp(vapi_ctx_t ctx, void *arg, vapi_error_e rv, bool is_last,
                            vapi_payload_lamp_details *row)
{
    if (row == NULL) /* the end of the dump */
        return rv;
    const vapi_type_lamp *lamp = &row->lamp;
    if (lamp->kind == LAMP_KIND_RGB)
        printf("%s: #%02x%02x%02x\n", (const char *)lamp->name, lamp->light.rgb.red,
               lamp->light.rgb.green, lamp->light.rgb.blue);
    else
        printf("%s: %u K\n", (const char *)lamp->name, lamp->light.white.kelvin);
    return rv;
}

static vapi_error_e on_history(vapi_ctx_t ctx, void *arg, vapi_error_e rv, bool is_last,
                               vapi_payload_lamp_history_details *row)
{
    printf(" %u", row->id);
    return rv;
}

static vapi_error_e on_history_end(vapi_ctx_t ctx, void *arg, vapi_error_e rv, bool is_last,
                                   vapi_payload_lamp_history_get_reply *reply)
{
    printf("\n");
    return rv;
}

static i32 switch_lamps(vapi_ctx_t ctx, const u32 *ids, u8 n)
{
    i32 retval = 0;
    vapi_msg_lamp_switch *request = vapi_alloc_lamp_switch(ctx, n);
    request->payload.flags = LAMP_FLAG_ON;
    for (u8 i = 0; i < n; i++)
        request->payload.ids[i] = ids[i];
    check(ctx, vapi_lamp_switch(ctx, request, on_switch, &retval), "lamp_switch");
    return retval;
}

int main(int argc, char **argv)
{
    vapi_ctx_t ctx = NULL;
    u32 ids[2], missing = 99;
    int events = 0;
    check(ctx, vapi_ctx_alloc(&ctx), "alloc");
    check(ctx,
          vapi_connect_ex(ctx, "lamps", argv[argc - 1], 64, 128, VAPI_MODE_BLOCKING, true, true),
          "connect");
    check(ctx, vapi_lamp_clear(ctx, vapi_alloc_lamp_clear(ctx), on_clear, NULL), "lamp_clear");

    vapi_msg_lamp_add *add = vapi_alloc_lamp_add(ctx);
    vapi_type_lamp *lamp = &add->payload.lamp;
    snprintf((char *)lamp->name, sizeof lamp->name, "desk");
    lamp->light.white.kelvin = 2700;
    check(ctx, vapi_lamp_add(ctx, add, on_add, &ids[0]), "lamp_add");
    add = vapi_alloc_lamp_add(ctx);
    lamp = &add->payload.lamp;
    snprintf((char *)lamp->name, sizeof lamp->name, "disco");
    lamp->kind = LAMP_KIND_RGB;
    lamp->light.rgb = (vapi_type_lamp_rgb){.red = 255, .blue = 128};
    check(ctx, vapi_lamp_add(ctx, add, on_add, &ids[1]), "lamp_add");

    vapi_set_vapi_msg_lamp_event_event_cb(ctx, on_event, &events);
    vapi_msg_want_lamp_events *want = vapi_alloc_want_lamp_events(ctx);
    want->payload.enable = true;
    check(ctx, vapi_want_lamp_events(ctx, want, on_want, NULL), "want_lamp_events");
    switch_lamps(ctx, ids, 2);
    while (events < 2)
        check(ctx, vapi_dispatch_one(ctx), "event");

    check(ctx, vapi_lamp_dump(ctx, vapi_alloc_lamp_dump(ctx), on_lamp, NULL), "lamp_dump");
    printf("history:");
    check(ctx,
          vapi_lamp_history_get(ctx, vapi_alloc_lamp_history_get(ctx), on_history_end, NULL,
                                on_history, NULL),
          "lamp_history_get");
    printf("lamp 99: %d\n", switch_lamps(ctx, &missing, 1));
    vapi_disconnect(ctx);
    vapi_ctx_free(ctx);
    return 0;
}
