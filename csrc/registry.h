/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptions of messages that this program can dispatch: generated code registers them before
 * main() or when a library is loaded; they are never taken back. Any thread.
 */
#ifndef VAPI_CORE_REGISTRY_H
#define VAPI_CORE_REGISTRY_H

#include <vapi/vapi_internal.h>

u32 registry_count(void);
/** NULL for a number that is none. The description is the registrant's and stays. */
const vapi_message_desc_t *registry_get(vapi_msg_id_t id);

#endif
