/* SPDX-License-Identifier: Apache-2.0
 *
 * Both forms of the message table. Byte 0: even: as in shared memory; odd: as on the socket, with
 * the count in bytes 1 and 2. What was accepted must find itself and survive a round trip.
 */
#include <stdlib.h>
#include <string.h>

#include "byteorder.h"
#include "msg_table.h"

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void check_table(const msg_table_t *t)
{
    u32 count = 0;
    for (u32 id = 0; id <= msg_table_max_id(t); id++) {
        const char *name = msg_table_name(t, (u16)id);
        if (name == NULL)
            continue;
        count++;
        must(name[0] != 0 && strlen(name) <= MSG_NAME_MAX);
        must(msg_table_find(t, name) == id);
    }
    must(count == msg_table_count(t));
}

static void round_trip(const msg_table_t *t)
{
    size_t length = msg_table_serialized_bytes(t);
    u8 *bytes = malloc(length);
    msg_table_serialize(t, bytes);
    msg_table_t *other = msg_table_alloc();
    must(msg_table_parse_serialized(other, bytes, length, NULL) == VAPI_OK);
    check_table(other);
    must(msg_table_count(other) == msg_table_count(t));
    free(bytes);
    length = (size_t)msg_table_count(t) * MSG_TABLE_ENTRY_BYTES;
    bytes = malloc(length + 1);
    msg_table_write_entries(t, bytes);
    must(msg_table_parse_entries(other, bytes, length, msg_table_count(t), NULL) == VAPI_OK);
    must(msg_table_count(other) == msg_table_count(t));
    free(bytes);
    msg_table_free(other);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size < 3)
        return 0;
    error_rec_t error;
    error_clear(&error);
    msg_table_t *t = msg_table_alloc();
    vapi_error_e rv = (data[0] & 1) == 0 ? msg_table_parse_serialized(t, data + 1, size - 1, &error)
                                         : msg_table_parse_entries(t, data + 3, size - 3,
                                                                   load_be16(data + 1), &error);
    must((rv == VAPI_OK) == (error.text[0] == 0));
    check_table(t);
    if (rv == VAPI_OK)
        round_trip(t);
    msg_table_free(t);
    return 0;
}
