/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

vapi_error_e error_set(error_rec_t *error, vapi_error_e code, int os_errno, const char *format, ...)
{
    if (error == NULL)
        return code;
    error->code = code;
    error->os_errno = os_errno;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return code;
}

error_rec_t *error_here(void)
{
    static _Thread_local error_rec_t record;
    return &record;
}

void error_clear(error_rec_t *error)
{
    error->code = VAPI_OK;
    error->os_errno = 0;
    error->text[0] = 0;
}

const char *error_code_name(vapi_error_e code)
{
    switch (code) {
    case VAPI_OK:
        return "VAPI_OK";
    case VAPI_EINVAL:
        return "VAPI_EINVAL";
    case VAPI_EAGAIN:
        return "VAPI_EAGAIN";
    case VAPI_ENOTSUP:
        return "VAPI_ENOTSUP";
    case VAPI_ENOMEM:
        return "VAPI_ENOMEM";
    case VAPI_ENORESP:
        return "VAPI_ENORESP";
    case VAPI_EMAP_FAIL:
        return "VAPI_EMAP_FAIL";
    case VAPI_ECON_FAIL:
        return "VAPI_ECON_FAIL";
    case VAPI_EINCOMPATIBLE:
        return "VAPI_EINCOMPATIBLE";
    case VAPI_MUTEX_FAILURE:
        return "VAPI_MUTEX_FAILURE";
    case VAPI_EUSER:
        return "VAPI_EUSER";
    case VAPI_ENOTSOCK:
        return "VAPI_ENOTSOCK";
    case VAPI_EACCES:
        return "VAPI_EACCES";
    case VAPI_ECONNRESET:
        return "VAPI_ECONNRESET";
    case VAPI_ESOCK_FAILURE:
        return "VAPI_ESOCK_FAILURE";
    }
    return "VAPI_UNKNOWN";
}

vapi_error_e error_from_errno(int negative_errno)
{
    switch (-negative_errno) {
    case 0:
        return VAPI_OK;
    case EAGAIN:
    case ETIMEDOUT:
    case EINTR:
    case ECANCELED:
        return VAPI_EAGAIN;
    case EINVAL:
    case EMSGSIZE:
        return VAPI_EINVAL;
    case ENOMEM:
        return VAPI_ENOMEM;
    case ENOTSOCK:
        return VAPI_ENOTSOCK;
    case EACCES:
    case EPERM:
        return VAPI_EACCES;
    case ECONNRESET:
    case EPIPE:
        return VAPI_ECONNRESET;
    case ENOTRECOVERABLE:
    case EDEADLK:
        return VAPI_MUTEX_FAILURE;
    case ENOENT:
    case ECONNREFUSED:
        return VAPI_ECON_FAIL;
    default:
        return VAPI_ESOCK_FAILURE;
    }
}
