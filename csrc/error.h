/* SPDX-License-Identifier: Apache-2.0
 *
 * What went wrong, in words: one record a connection (or a call that has none yet). Functions that
 * know the details fill the record and return its code; nothing is ever printed.
 */
#ifndef VAPI_CORE_ERROR_H
#define VAPI_CORE_ERROR_H

#include <vapi/vapi_common.h>

typedef struct {
    vapi_error_e code;
    int os_errno; /* the system's reason, 0 if it has none */
    char text[256]; /* one sentence, names and values in it, no newline */
} error_rec_t;

/** Fills the record (NULL: nobody listens) and returns `code`. */
vapi_error_e error_set(error_rec_t *error, vapi_error_e code, int os_errno, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void error_clear(error_rec_t *error);
/** The calling thread's record: what vapi_error_text() reads. */
error_rec_t *error_here(void);
/** "VAPI_EAGAIN" and so on; "VAPI_UNKNOWN" for a number that is none. */
const char *error_code_name(vapi_error_e code);
/** The one place where the core's negative errno values become a vapi_error_e. */
vapi_error_e error_from_errno(int negative_errno);

#endif
