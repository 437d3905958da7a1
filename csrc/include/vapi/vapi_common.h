/* SPDX-License-Identifier: Apache-2.0
 *
 * Error codes, modes and message ids of the VAPI client library. Names and values are VAPI's.
 */
#ifndef VAPI_COMMON_H
#define VAPI_COMMON_H

#include <vapi/vapi_types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    VAPI_OK = 0, /**< success */
    VAPI_EINVAL, /**< an argument is wrong, or the context is not connected */
    VAPI_EAGAIN, /**< cannot be done now without waiting; nothing happened */
    VAPI_ENOTSUP, /**< not supported in this mode or on this transport */
    VAPI_ENOMEM, /**< out of memory */
    VAPI_ENORESP, /**< VPP answered a later request: this one has no response */
    VAPI_EMAP_FAIL, /**< the shared memory cannot be opened or mapped, or is not VPP's */
    VAPI_ECON_FAIL, /**< connecting or registering failed */
    VAPI_EINCOMPATIBLE, /**< VPP lacks control_ping with the layout that is known here */
    VAPI_MUTEX_FAILURE, /**< a mutex is beyond repair */
    VAPI_EUSER, /**< never returned by the library: for callbacks, to break dispatch */
    VAPI_ENOTSOCK, /**< the path is not a socket */
    VAPI_EACCES, /**< no permission */
    VAPI_ECONNRESET, /**< VPP is gone */
    VAPI_ESOCK_FAILURE, /**< any other failure of the socket; errno says which */
} vapi_error_e;

typedef enum {
    VAPI_MODE_BLOCKING = 1, /**< operations return when they are complete */
    VAPI_MODE_NONBLOCKING = 2, /**< operations never wait: VAPI_EAGAIN */
} vapi_mode_e;

/** Index of a message description in this program; VPP's own number is looked up at connect. */
typedef unsigned int vapi_msg_id_t;

#define VAPI_INVALID_MSG_ID ((vapi_msg_id_t)(~0))

#ifdef __cplusplus
}
#endif

#endif
