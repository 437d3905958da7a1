/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "check.h"
#include "error.h"

TEST(every_code_has_its_name)
{
    CHECK_STR(error_code_name(VAPI_OK), "VAPI_OK");
    CHECK_STR(error_code_name(VAPI_EINVAL), "VAPI_EINVAL");
    CHECK_STR(error_code_name(VAPI_EAGAIN), "VAPI_EAGAIN");
    CHECK_STR(error_code_name(VAPI_ENOTSUP), "VAPI_ENOTSUP");
    CHECK_STR(error_code_name(VAPI_ENOMEM), "VAPI_ENOMEM");
    CHECK_STR(error_code_name(VAPI_ENORESP), "VAPI_ENORESP");
    CHECK_STR(error_code_name(VAPI_EMAP_FAIL), "VAPI_EMAP_FAIL");
    CHECK_STR(error_code_name(VAPI_ECON_FAIL), "VAPI_ECON_FAIL");
    CHECK_STR(error_code_name(VAPI_EINCOMPATIBLE), "VAPI_EINCOMPATIBLE");
    CHECK_STR(error_code_name(VAPI_MUTEX_FAILURE), "VAPI_MUTEX_FAILURE");
    CHECK_STR(error_code_name(VAPI_EUSER), "VAPI_EUSER");
    CHECK_STR(error_code_name(VAPI_ENOTSOCK), "VAPI_ENOTSOCK");
    CHECK_STR(error_code_name(VAPI_EACCES), "VAPI_EACCES");
    CHECK_STR(error_code_name(VAPI_ECONNRESET), "VAPI_ECONNRESET");
    CHECK_STR(error_code_name(VAPI_ESOCK_FAILURE), "VAPI_ESOCK_FAILURE");
    CHECK_STR(error_code_name((vapi_error_e)99), "VAPI_UNKNOWN");
}

/* The values are part of VAPI's ABI. */
TEST(values_are_vapis)
{
    CHECK_EQ(VAPI_OK, 0);
    CHECK_EQ(VAPI_EINVAL, 1);
    CHECK_EQ(VAPI_EAGAIN, 2);
    CHECK_EQ(VAPI_ENORESP, 5);
    CHECK_EQ(VAPI_ECON_FAIL, 7);
    CHECK_EQ(VAPI_EUSER, 10);
    CHECK_EQ(VAPI_ENOTSOCK, 11);
    CHECK_EQ(VAPI_ECONNRESET, 13);
    CHECK_EQ(VAPI_ESOCK_FAILURE, 14);
}

TEST(errno_becomes_a_code)
{
    static const struct {
        int os_errno;
        vapi_error_e code;
    } rows[] = {
        {0, VAPI_OK},
        {EAGAIN, VAPI_EAGAIN},
        {ETIMEDOUT, VAPI_EAGAIN},
        {EINTR, VAPI_EAGAIN},
        {ECANCELED, VAPI_EAGAIN},
        {EINVAL, VAPI_EINVAL},
        {EMSGSIZE, VAPI_EINVAL},
        {ENOMEM, VAPI_ENOMEM},
        {ENOTSOCK, VAPI_ENOTSOCK},
        {EACCES, VAPI_EACCES},
        {EPERM, VAPI_EACCES},
        {ECONNRESET, VAPI_ECONNRESET},
        {EPIPE, VAPI_ECONNRESET},
        {ENOTRECOVERABLE, VAPI_MUTEX_FAILURE},
        {ENOENT, VAPI_ECON_FAIL},
        {ECONNREFUSED, VAPI_ECON_FAIL},
        {EIO, VAPI_ESOCK_FAILURE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_EQ(error_from_errno(-rows[i].os_errno), rows[i].code);
}

TEST(the_record_keeps_the_last_sentence)
{
    error_rec_t e;
    error_clear(&e);
    CHECK_EQ(e.code, VAPI_OK);
    CHECK_STR(e.text, "");
    CHECK_EQ(error_set(&e, VAPI_EINVAL, ENAMETOOLONG, "name of %d bytes", 64), VAPI_EINVAL);
    CHECK_EQ(e.code, VAPI_EINVAL);
    CHECK_EQ(e.os_errno, ENAMETOOLONG);
    CHECK_STR(e.text, "name of 64 bytes");
    error_clear(&e);
    CHECK_EQ(e.code, VAPI_OK);
    CHECK_EQ(e.os_errno, 0);
    CHECK_STR(e.text, "");
}

TEST(nobody_needs_to_listen)
{
    CHECK_EQ(error_set(NULL, VAPI_ENOMEM, 0, "%s", "unheard"), VAPI_ENOMEM);
}

TEST(long_sentences_are_cut)
{
    error_rec_t e;
    char name[1000];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = 0;
    error_set(&e, VAPI_EINVAL, 0, "%s", name);
    CHECK_EQ(strlen(e.text), sizeof e.text - 1);
}
