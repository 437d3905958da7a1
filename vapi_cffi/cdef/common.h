/* Mirrors csrc/include/vapi/vapi_common.h. "..." lets the C compiler fill in and check the values. */
typedef enum {
    VAPI_OK = ...,
    VAPI_EINVAL = ...,
    VAPI_EAGAIN = ...,
    VAPI_ENOTSUP = ...,
    VAPI_ENOMEM = ...,
    VAPI_ENORESP = ...,
    VAPI_EMAP_FAIL = ...,
    VAPI_ECON_FAIL = ...,
    VAPI_EINCOMPATIBLE = ...,
    VAPI_MUTEX_FAILURE = ...,
    VAPI_EUSER = ...,
    VAPI_ENOTSOCK = ...,
    VAPI_EACCES = ...,
    VAPI_ECONNRESET = ...,
    VAPI_ESOCK_FAILURE = ...,
    ...
} vapi_error_e;

typedef enum {
    VAPI_MODE_BLOCKING = ...,
    VAPI_MODE_NONBLOCKING = ...,
    ...
} vapi_mode_e;
