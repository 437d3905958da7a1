/* SPDX-License-Identifier: Apache-2.0
 *
 * The message id variables of memclnt and vlib, which VAPI's library defines so that programs need not,
 * and with them the registration of these messages.
 *
 * The two headers are generated, from VPP 26.06: `make -C csrc bindings`.
 */
#include <vapi/memclnt.api.vapi.h>
#include <vapi/vlib.api.vapi.h>

/* Weak: a program linked statically may define them itself, for example with headers of another VPP. */
#define vapi_msg_id_t VAPI_API __attribute__((weak)) vapi_msg_id_t

DEFINE_VAPI_MSG_IDS_MEMCLNT_API_JSON
DEFINE_VAPI_MSG_IDS_VLIB_API_JSON
