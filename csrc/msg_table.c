/* SPDX-License-Identifier: Apache-2.0 */
#include "msg_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "byteorder.h"

/* Names live in an array indexed by id; the hash holds ids, open addressing, at most half full. */
struct msg_table {
    char **names; /* by id, max_id + 1 entries; NULL: unused number */
    u32 names_size;
    u16 *slots; /* ids, 0: free */
    u32 slots_size; /* a power of two */
    u32 count;
    u16 max_id;
};

#define FIRST_SLOTS 256u
#define ID_LIMIT 0xfffeu

/* What the short forms of the serialized integers begin at. */
#define SMALL_2_BASE 128u
#define SMALL_4_BASE (128u + 16384u)

static u32 hash_name(const char *name, size_t length)
{
    u32 h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        h = (h ^ (u8)name[i]) * 16777619u;
    return h;
}

msg_table_t *msg_table_alloc(void)
{
    msg_table_t *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->slots_size = FIRST_SLOTS;
    t->slots = calloc(t->slots_size, sizeof *t->slots);
    if (t->slots == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

void msg_table_free(msg_table_t *t)
{
    if (t == NULL)
        return;
    for (u32 i = 0; i < t->names_size; i++)
        free(t->names[i]);
    free(t->names);
    free(t->slots);
    free(t);
}

/** The slot that holds the name, or the free one where it belongs. */
static u32 find_slot(const msg_table_t *t, const char *name, size_t length)
{
    u32 i = hash_name(name, length) & (t->slots_size - 1);
    while (t->slots[i] != 0) {
        const char *have = t->names[t->slots[i]];
        if (strlen(have) == length && memcmp(have, name, length) == 0)
            break;
        i = (i + 1) & (t->slots_size - 1);
    }
    return i;
}

static int grow_slots(msg_table_t *t)
{
    u32 size = t->slots_size * 2;
    u16 *slots = calloc(size, sizeof *slots);
    if (slots == NULL)
        return -ENOMEM;
    free(t->slots);
    t->slots = slots;
    t->slots_size = size;
    for (u32 id = 1; id < t->names_size; id++)
        if (t->names[id] != NULL)
            t->slots[find_slot(t, t->names[id], strlen(t->names[id]))] = (u16)id;
    return 0;
}

static int grow_names(msg_table_t *t, u32 id)
{
    if (id < t->names_size)
        return 0;
    u32 size = t->names_size == 0 ? FIRST_SLOTS : t->names_size;
    while (size <= id)
        size *= 2;
    char **names = realloc(t->names, size * sizeof *names);
    if (names == NULL)
        return -ENOMEM;
    memset(names + t->names_size, 0, (size - t->names_size) * sizeof *names);
    t->names = names;
    t->names_size = size;
    return 0;
}

/**
 * Takes an id's name out again, for tables that contradict themselves. Names behind it that could
 * not have its slot move up; nothing is rebuilt, as whoever made the table may have made many of them.
 */
static void forget(msg_table_t *t, u32 id)
{
    u32 mask = t->slots_size - 1;
    u32 hole = find_slot(t, t->names[id], strlen(t->names[id]));
    free(t->names[id]);
    t->names[id] = NULL;
    t->count--;
    for (u32 i = (hole + 1) & mask; t->slots[i] != 0; i = (i + 1) & mask) {
        const char *name = t->names[t->slots[i]];
        u32 home = hash_name(name, strlen(name)) & mask;
        /* Whether the way from its home to i passes the hole. */
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            t->slots[hole] = t->slots[i];
            hole = i;
        }
    }
    t->slots[hole] = 0;
}

int msg_table_add(msg_table_t *t, const char *name, size_t length, u32 id)
{
    if (length == 0 || length > MSG_NAME_MAX || id == 0 || id > ID_LIMIT)
        return -EINVAL;
    if (memchr(name, 0, length) != NULL)
        return -EINVAL;
    if (grow_names(t, id) != 0 || (t->count * 2 >= t->slots_size && grow_slots(t) != 0))
        return -ENOMEM;
    u32 slot = find_slot(t, name, length);
    if (t->slots[slot] == id)
        return 0;
    char *copy = malloc(length + 1);
    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, name, length);
    copy[length] = 0;
    if (t->slots[slot] != 0)
        forget(t, t->slots[slot]);
    if (t->names[id] != NULL)
        forget(t, id);
    t->names[id] = copy;
    t->slots[find_slot(t, copy, length)] = (u16)id;
    t->count++;
    if (id > t->max_id)
        t->max_id = (u16)id;
    return 0;
}

u16 msg_table_find(const msg_table_t *t, const char *name)
{
    u16 id = t->slots[find_slot(t, name, strlen(name))];
    return id == 0 ? MSG_ID_NONE : id;
}

const char *msg_table_name(const msg_table_t *t, u16 id)
{
    return id < t->names_size ? t->names[id] : NULL;
}

u32 msg_table_count(const msg_table_t *t) { return t->count; }
u16 msg_table_max_id(const msg_table_t *t) { return t->max_id; }

/** Reads one "small" integer; false at the end of the bytes. */
static bool read_small(const u8 **at, const u8 *end, u64 *value)
{
    const u8 *p = *at;
    size_t left = (size_t)(end - p);
    if (left < 1)
        return false;
    u8 first = *(const volatile u8 *)p;
    u8 bytes[8] = {first};
    size_t length = first & 1 ? 1 : (first & 3) == 2 ? 2 : (first & 7) == 4 ? 4 : 9;
    if (left < length)
        return false;
    if (length < 9)
        memcpy(bytes + 1, p + 1, length - 1);
    else
        memcpy(bytes, p + 1, 8);
    u64 raw = le64toh(load_raw64(bytes));
    *value = length == 1   ? raw >> 1
             : length == 2 ? (raw >> 2) + SMALL_2_BASE
             : length == 4 ? (raw >> 3) + SMALL_4_BASE
                           : raw;
    *at = p + length;
    return true;
}

vapi_error_e msg_table_parse_serialized(msg_table_t *t, const u8 *bytes, size_t length,
                                        error_rec_t *error)
{
    const u8 *at = bytes, *end = bytes + length;
    if (length < 4)
        return error_set(error, VAPI_EINCOMPATIBLE, 0, "message table: %zu bytes are too few",
                         length);
    u32 count = load_be32(at);
    at += 4;
    for (u32 i = 0; i < count; i++) {
        u64 id, name_length;
        char name[MSG_NAME_MAX + 1];
        if (!read_small(&at, end, &id) || !read_small(&at, end, &name_length) ||
            name_length > (size_t)(end - at))
            return error_set(error, VAPI_EINCOMPATIBLE, 0, "message table: ends in entry %u of %u",
                             i, count);
        if (id > ID_LIMIT || name_length > MSG_NAME_MAX)
            return error_set(error, VAPI_EINCOMPATIBLE, 0,
                             "message table: entry %u has number %llu and a name of %llu bytes", i,
                             (unsigned long long)id, (unsigned long long)name_length);
        memcpy(name, at, name_length);
        at += name_length;
        int rv = msg_table_add(t, name, name_length, (u32)id);
        if (rv == -ENOMEM)
            return error_set(error, VAPI_ENOMEM, 0, "message table: out of memory");
        if (rv != 0)
            return error_set(error, VAPI_EINCOMPATIBLE, 0,
                             "message table: entry %u (number %llu) is not a message", i,
                             (unsigned long long)id);
    }
    return VAPI_OK;
}

vapi_error_e msg_table_parse_entries(msg_table_t *t, const u8 *entries, size_t length, u32 count,
                                     error_rec_t *error)
{
    if ((u64)count * MSG_TABLE_ENTRY_BYTES > length)
        return error_set(error, VAPI_EINCOMPATIBLE, 0,
                         "message table: %u entries do not fit into %zu bytes", count, length);
    for (u32 i = 0; i < count; i++, entries += MSG_TABLE_ENTRY_BYTES) {
        size_t name_length = strnlen((const char *)entries + 2, MSG_TABLE_ENTRY_BYTES - 2);
        int rv = msg_table_add(t, (const char *)entries + 2, name_length, load_be16(entries));
        if (rv == -ENOMEM)
            return error_set(error, VAPI_ENOMEM, 0, "message table: out of memory");
        if (rv != 0)
            return error_set(error, VAPI_EINCOMPATIBLE, 0,
                             "message table: entry %u (number %u, %zu bytes) is not a message", i,
                             load_be16(entries), name_length);
    }
    return VAPI_OK;
}

static size_t small_bytes(u32 value)
{
    return value < SMALL_2_BASE ? 1 : value < SMALL_4_BASE ? 2 : 4;
}

static u8 *write_small(u8 *at, u32 value)
{
    u8 bytes[4];
    size_t length = small_bytes(value);
    u32 raw = length == 1   ? value << 1 | 1
              : length == 2 ? (value - SMALL_2_BASE) << 2 | 2
                            : (value - SMALL_4_BASE) << 3 | 4;
    store_raw32(bytes, htole32(raw));
    memcpy(at, bytes, length);
    return at + length;
}

size_t msg_table_serialized_bytes(const msg_table_t *t)
{
    size_t bytes = 4;
    for (u32 id = 1; id < t->names_size; id++) {
        if (t->names[id] == NULL)
            continue;
        u32 length = (u32)strlen(t->names[id]);
        bytes += small_bytes(id) + small_bytes(length) + length;
    }
    return bytes;
}

void msg_table_serialize(const msg_table_t *t, u8 *out)
{
    store_be32(out, t->count);
    out += 4;
    for (u32 id = 1; id < t->names_size; id++) {
        if (t->names[id] == NULL)
            continue;
        u32 length = (u32)strlen(t->names[id]);
        out = write_small(write_small(out, id), length);
        memcpy(out, t->names[id], length);
        out += length;
    }
}

void msg_table_write_entries(const msg_table_t *t, u8 *out)
{
    for (u32 id = 1; id < t->names_size; id++) {
        if (t->names[id] == NULL)
            continue;
        memset(out, 0, MSG_TABLE_ENTRY_BYTES);
        store_be16(out, (u16)id);
        memcpy(out + 2, t->names[id], strlen(t->names[id]));
        out += MSG_TABLE_ENTRY_BYTES;
    }
}
