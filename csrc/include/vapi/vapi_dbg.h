/* SPDX-License-Identifier: Apache-2.0
 *
 * Diagnostics of generated headers and of vapi.hpp, for whoever looks for a mistake in a program. All
 * are off; define one as 1 before the first inclusion (or with -D):
 *
 *   VAPI_DEBUG            what generated code does, on stderr
 *   VAPI_DEBUG_CONNECT    accepted for VAPI's sake; vapi_error_text() says why connecting failed
 *   VAPI_DEBUG_ALLOC      likewise
 *   VAPI_CPP_DEBUG_LEAKS  ~Connection() reports messages that objects still hold, on stderr; the same
 *                         in all files of a program
 */
#ifndef VAPI_DBG_H
#define VAPI_DBG_H

#ifndef VAPI_DEBUG
#define VAPI_DEBUG 0
#endif
#ifndef VAPI_DEBUG_CONNECT
#define VAPI_DEBUG_CONNECT 0
#endif
#ifndef VAPI_DEBUG_ALLOC
#define VAPI_DEBUG_ALLOC 0
#endif
#ifndef VAPI_CPP_DEBUG_LEAKS
#define VAPI_CPP_DEBUG_LEAKS 0
#endif

#if VAPI_DEBUG
#include <stdio.h>
#define VAPI_LOG(kind, ...)                                                                        \
    do {                                                                                           \
        fprintf(stderr, "%s:%s:%d:%s(): ", kind, __FILE__, __LINE__, __func__);                    \
        fprintf(stderr, __VA_ARGS__);                                                              \
        fputc('\n', stderr);                                                                       \
    } while (0)
/** An event worth a line. Arguments as printf's. */
#define VAPI_DBG(...) VAPI_LOG("DBG", __VA_ARGS__)
/** A mistake, of the program or of the other side. */
#define VAPI_ERR(...) VAPI_LOG("ERR", __VA_ARGS__)
#else
#define VAPI_DBG(...) ((void)0)
#define VAPI_ERR(...) ((void)0)
#endif

#endif
