/* SPDX-License-Identifier: Apache-2.0
 *
 * The variable string of VPP's API, under the name and at the path where VAPI programs look for it.
 */
#ifndef VLIBAPI_API_TYPES_H
#define VLIBAPI_API_TYPES_H

#include <vapi/vapi_types.h>

typedef struct __attribute__((__packed__)) {
    u32 length; /**< bytes that follow, without a NUL */
    u8 buf[0];
} vl_api_string_t;

#endif
