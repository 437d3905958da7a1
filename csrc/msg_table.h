/* SPDX-License-Identifier: Apache-2.0
 *
 * Which number a VPP gave to each message: name_crc ("show_version_51077d14") to id and back.
 *
 * Caller locks while adding; lookups are safe from any thread once filled. The table owns copies of
 * the names.
 */
#ifndef VAPI_CORE_MSG_TABLE_H
#define VAPI_CORE_MSG_TABLE_H

#include "error.h"

#define MSG_ID_NONE 0xffffu
/** Longest name_crc on the wire, without the NUL (a table entry on the socket has 64 bytes). */
#define MSG_NAME_MAX 63u

typedef struct msg_table msg_table_t;

/** NULL when out of memory. */
msg_table_t *msg_table_alloc(void);
/** NULL is allowed. */
void msg_table_free(msg_table_t *table);

/** Adds or replaces; -EINVAL for an empty or too long name, id 0 or above 65534; -ENOMEM. */
int msg_table_add(msg_table_t *table, const char *name_crc, size_t length, u32 id);
/** MSG_ID_NONE when VPP does not have it. */
u16 msg_table_find(const msg_table_t *table, const char *name_crc);
/** name_crc of a number, or NULL. Valid until the table is freed. */
const char *msg_table_name(const msg_table_t *table, u16 id);
u32 msg_table_count(const msg_table_t *table);
u16 msg_table_max_id(const msg_table_t *table);

/**
 * Fills from the form in shared memory: u32 count (big-endian), then count times {small-uint id,
 * small-uint length, bytes}. `bytes` may change under us: each byte is read once.
 * VAPI_EINCOMPATIBLE with the reason; the table is then incomplete: free it.
 */
vapi_error_e msg_table_parse_serialized(msg_table_t *table, const u8 *bytes, size_t length,
                                        error_rec_t *error);
/**
 * Fills from the form on the socket: count times {u16 id big-endian, char name[64]}.
 */
vapi_error_e msg_table_parse_entries(msg_table_t *table, const u8 *entries, size_t length,
                                     u32 count, error_rec_t *error);

/** Bytes of the serialized form. */
size_t msg_table_serialized_bytes(const msg_table_t *table);
/** Writes the serialized form; `out` has msg_table_serialized_bytes(). */
void msg_table_serialize(const msg_table_t *table, u8 *out);
/** Bytes of one entry on the socket. */
#define MSG_TABLE_ENTRY_BYTES 66u
/** Writes all entries; `out` has msg_table_count() * MSG_TABLE_ENTRY_BYTES. */
void msg_table_write_entries(const msg_table_t *table, u8 *out);

#endif
