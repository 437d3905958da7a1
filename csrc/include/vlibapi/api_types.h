/* SPDX-License-Identifier: Apache-2.0
 *
 * The variable string of VPP's API, under the name and at the path where VAPI programs look for it.
 */
#ifndef included_api_types_h
#define included_api_types_h

#include <string.h>
#include <vapi/vapi_types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct __attribute__((__packed__)) {
    u32 length; /**< bytes that follow, without a NUL */
    u8 buf[0];
} vl_api_string_t;

/*
 * VPP's helpers for it, for programs that link VPP's libvlibapi and libvppinfra besides (they deal in
 * VPP's vectors, or swap the length): this library does not contain them.
 */
int vl_api_c_string_to_api_string(const char *text, vl_api_string_t *to);
int vl_api_vec_to_api_string(const u8 *vector, vl_api_string_t *to);
u32 vl_api_string_len(vl_api_string_t *text);
u8 *vl_api_from_api_to_new_vec(void *message, vl_api_string_t *text);
char *vl_api_from_api_to_new_c_string(vl_api_string_t *text);

#ifdef __cplusplus
}
#endif

#endif
