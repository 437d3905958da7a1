/* SPDX-License-Identifier: Apache-2.0
 *
 * The ping that ends a dump. In the library and not in a generated header, as VPP has moved the message
 * from file to file.
 */
#include <vapi/vapi_generated.h>

#include "byteorder.h"
#include "conn.h"

vapi_error_e vapi_send_with_control_ping(vapi_ctx_t ctx, void *msg, u32 context)
{
    vapi_type_msg_header2_t *ping = vapi_msg_alloc(ctx, sizeof *ping);
    if (ping == NULL)
        return vapi_is_connected(ctx) ? VAPI_EAGAIN : VAPI_EINVAL;
    ping->_vl_msg_id = htobe16(ctx->id_control_ping);
    ping->client_index = vapi_client_index_raw(ctx);
    ping->context = context;
    vapi_error_e rv = vapi_send2(ctx, msg, ping);
    if (rv != VAPI_OK)
        vapi_msg_free(ctx, ping);
    return rv;
}
