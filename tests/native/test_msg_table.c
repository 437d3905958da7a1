/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "byteorder.h"
#include "msg_table.h"

static void add(msg_table_t *t, const char *name, u32 id)
{
    CHECK_EQ(msg_table_add(t, name, strlen(name), id), 0);
}

TEST(an_empty_table)
{
    msg_table_t *t = msg_table_alloc();
    CHECK(t != NULL);
    CHECK_EQ(msg_table_count(t), 0);
    CHECK_EQ(msg_table_max_id(t), 0);
    CHECK_EQ(msg_table_find(t, "show_version_51077d14"), MSG_ID_NONE);
    CHECK_EQ(msg_table_find(t, ""), MSG_ID_NONE);
    CHECK(msg_table_name(t, 0) == NULL);
    CHECK(msg_table_name(t, 1) == NULL);
    CHECK(msg_table_name(t, 0xffff) == NULL);
    CHECK_EQ(msg_table_serialized_bytes(t), 4);
    msg_table_free(t);
    msg_table_free(NULL);
}

TEST(found_by_name_and_by_number)
{
    msg_table_t *t = msg_table_alloc();
    add(t, "show_version_51077d14", 955);
    add(t, "control_ping_51077d14", 23);
    CHECK_EQ(msg_table_find(t, "show_version_51077d14"), 955);
    CHECK_EQ(msg_table_find(t, "control_ping_51077d14"), 23);
    CHECK_EQ(msg_table_find(t, "control_ping_51077d15"), MSG_ID_NONE);
    CHECK_EQ(msg_table_find(t, "control_ping_51077d1"), MSG_ID_NONE);
    CHECK_EQ(msg_table_find(t, "control_ping_51077d14x"), MSG_ID_NONE);
    CHECK_STR(msg_table_name(t, 955), "show_version_51077d14");
    CHECK(msg_table_name(t, 24) == NULL);
    CHECK_EQ(msg_table_count(t), 2);
    CHECK_EQ(msg_table_max_id(t), 955);
    msg_table_free(t);
}

TEST(refused_names_and_numbers)
{
    msg_table_t *t = msg_table_alloc();
    char name[65];
    memset(name, 'n', sizeof name);
    CHECK_EQ(msg_table_add(t, "", 0, 1), -EINVAL);
    CHECK_EQ(msg_table_add(t, name, 64, 1), -EINVAL);
    CHECK_EQ(msg_table_add(t, "a\0b", 3, 1), -EINVAL);
    CHECK_EQ(msg_table_add(t, "a", 1, 0), -EINVAL);
    CHECK_EQ(msg_table_add(t, "a", 1, 65535), -EINVAL);
    CHECK_EQ(msg_table_add(t, "a", 1, UINT32_MAX), -EINVAL);
    CHECK_EQ(msg_table_count(t), 0);
    CHECK_EQ(msg_table_add(t, name, 63, 65534), 0);
    CHECK_EQ(msg_table_max_id(t), 65534);
    name[63] = 0;
    CHECK_EQ(msg_table_find(t, name), 65534);
    msg_table_free(t);
}

TEST(adding_again_replaces)
{
    msg_table_t *t = msg_table_alloc();
    add(t, "a", 1);
    add(t, "a", 1);
    CHECK_EQ(msg_table_count(t), 1);
    add(t, "a", 2);
    CHECK_EQ(msg_table_count(t), 1);
    CHECK_EQ(msg_table_find(t, "a"), 2);
    CHECK(msg_table_name(t, 1) == NULL);
    add(t, "b", 2);
    CHECK_EQ(msg_table_count(t), 1);
    CHECK_EQ(msg_table_find(t, "a"), MSG_ID_NONE);
    CHECK_EQ(msg_table_find(t, "b"), 2);
    add(t, "a", 1);
    add(t, "b", 1); /* both the name's old number and the number's old name go */
    CHECK_EQ(msg_table_count(t), 1);
    CHECK_EQ(msg_table_find(t, "a"), MSG_ID_NONE);
    CHECK_EQ(msg_table_find(t, "b"), 1);
    CHECK(msg_table_name(t, 2) == NULL);
    msg_table_free(t);
}

static size_t name_of(char *out, u32 i)
{
    return (size_t)snprintf(out, 64, "message_number_%u_%08x", i, i * 2654435761u);
}

static void check_same(const msg_table_t *a, const msg_table_t *b)
{
    CHECK_EQ(msg_table_count(a), msg_table_count(b));
    /* Replaced numbers may have been higher. */
    CHECK(msg_table_max_id(b) <= msg_table_max_id(a));
    CHECK(msg_table_name(b, msg_table_max_id(b)) != NULL || msg_table_count(b) == 0);
    for (u32 id = 0; id <= 0xffff; id++) {
        const char *name = msg_table_name(a, (u16)id), *other = msg_table_name(b, (u16)id);
        CHECK_EQ(name != NULL, other != NULL);
        if (name != NULL) {
            CHECK_STR(name, other);
            CHECK_EQ(msg_table_find(b, name), id);
        }
    }
}

static void check_round_trips(const msg_table_t *t)
{
    error_rec_t error;
    size_t length = msg_table_serialized_bytes(t);
    u8 *bytes = malloc(length);
    msg_table_serialize(t, bytes);
    msg_table_t *other = msg_table_alloc();
    CHECK_EQ(msg_table_parse_serialized(other, bytes, length, &error), VAPI_OK);
    check_same(t, other);
    msg_table_free(other);
    free(bytes);

    length = msg_table_count(t) * MSG_TABLE_ENTRY_BYTES;
    bytes = malloc(length + 1);
    msg_table_write_entries(t, bytes);
    other = msg_table_alloc();
    CHECK_EQ(msg_table_parse_entries(other, bytes, length, msg_table_count(t), &error), VAPI_OK);
    check_same(t, other);
    msg_table_free(other);
    free(bytes);
}

TEST(all_numbers_there_are)
{
    msg_table_t *t = msg_table_alloc();
    char name[64];
    /* Odd numbers up, even ones down: growth while ids jump. */
    for (u32 i = 1; i <= 65534; i += 2)
        CHECK_EQ(msg_table_add(t, name, name_of(name, i), i), 0);
    for (u32 i = 65534; i >= 2; i -= 2)
        CHECK_EQ(msg_table_add(t, name, name_of(name, i), i), 0);
    CHECK_EQ(msg_table_count(t), 65534);
    CHECK_EQ(msg_table_max_id(t), 65534);
    check_round_trips(t);
    msg_table_free(t);
}

TEST(random_tables_round_trip)
{
    u32 seed = 12345;
    for (u32 round = 0; round < 30; round++) {
        msg_table_t *t = msg_table_alloc();
        for (u32 i = 0; i < round * 40; i++) {
            char name[64];
            seed = seed * 1664525 + 1013904223;
            CHECK_EQ(msg_table_add(t, name, name_of(name, seed >> 24), (seed >> 8) % 65534 + 1), 0);
        }
        check_round_trips(t);
        msg_table_free(t);
    }
}

/* A hash full of replacements still finds everything. */
TEST(replacing_at_random_agrees_with_a_plain_list)
{
    enum { IDS = 40, NAMES = 60 };
    msg_table_t *t = msg_table_alloc();
    int name_at[IDS + 1];
    u32 seed = 99;
    for (int i = 0; i <= IDS; i++)
        name_at[i] = -1;
    for (int round = 0; round < 20000; round++) {
        char name[64];
        seed = seed * 1664525 + 1013904223;
        int which = (int)((seed >> 8) % NAMES);
        u32 id = (seed >> 20) % IDS + 1;
        CHECK_EQ(msg_table_add(t, name, name_of(name, (u32)which), id), 0);
        for (int i = 1; i <= IDS; i++)
            if (name_at[i] == which)
                name_at[i] = -1;
        name_at[id] = which;
        u32 count = 0;
        for (int i = 1; i <= IDS; i++)
            count += name_at[i] >= 0;
        CHECK_EQ(msg_table_count(t), count);
        if (round % 50 != 0)
            continue;
        for (int n = 0; n < NAMES; n++) {
            u16 expected = MSG_ID_NONE;
            for (int i = 1; i <= IDS; i++)
                if (name_at[i] == n)
                    expected = (u16)i;
            name_of(name, (u32)n);
            CHECK_EQ(msg_table_find(t, name), expected);
        }
    }
    msg_table_free(t);
}

TEST(the_serialized_form_is_vpps)
{
    msg_table_t *t = msg_table_alloc();
    add(t, "ab", 5); /* 1 byte: 5 << 1 | 1 */
    add(t, "c", 128 + 3); /* 2 bytes: 3 << 2 | 2 */
    add(t, "d", 128 + 16384 + 9); /* 4 bytes: 9 << 3 | 4 */
    static const u8 expected[] = {0, 0, 0, 3, 11, 5, 'a', 'b', 14, 0, 3, 'c', 76, 0, 0, 0, 3, 'd'};
    u8 out[sizeof expected];
    CHECK_EQ(msg_table_serialized_bytes(t), sizeof expected);
    msg_table_serialize(t, out);
    CHECK_MEM(out, expected, sizeof expected);
    msg_table_free(t);
}

static vapi_error_e parse(const u8 *bytes, size_t length, msg_table_t **t, error_rec_t *error)
{
    /* Memory of exactly this size, so that a sanitizer sees one byte too many. */
    u8 *copy = malloc(length != 0 ? length : 1);
    memcpy(copy, bytes, length);
    *t = msg_table_alloc();
    vapi_error_e rv = msg_table_parse_serialized(*t, copy, length, error);
    free(copy);
    return rv;
}

#define PARSE(result, ...)                                                                         \
    do {                                                                                           \
        static const u8 bytes_[] = {__VA_ARGS__};                                                  \
        msg_table_t *t_;                                                                           \
        error_rec_t error_;                                                                        \
        error_clear(&error_);                                                                      \
        CHECK_EQ(parse(bytes_, sizeof bytes_, &t_, &error_), result);                              \
        CHECK((error_.text[0] != 0) == ((result) != VAPI_OK));                                     \
        msg_table_free(t_);                                                                        \
    } while (0)

TEST(lying_serialized_tables)
{
    PARSE(VAPI_OK, 0, 0, 0, 0);
    PARSE(VAPI_OK, 0, 0, 0, 0, 1, 2, 3); /* what follows is nobody's business */
    PARSE(VAPI_OK, 0, 0, 0, 1, 3, 3, 'a');
    PARSE(VAPI_OK, 0, 0, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 3, 'a'); /* id in 9 bytes */
    PARSE(VAPI_EINCOMPATIBLE, 0, 0, 0);
    PARSE(VAPI_EINCOMPATIBLE, 0, 0, 0, 1);
    PARSE(VAPI_EINCOMPATIBLE, 0, 0, 0, 2, 3, 3, 'a');
    PARSE(VAPI_EINCOMPATIBLE, 255, 255, 255, 255, 3, 3, 'a');
    PARSE(VAPI_EINCOMPATIBLE, 0, 0, 0, 1, 1, 3, 'a'); /* number 0 */
    PARSE(VAPI_EINCOMPATIBLE, 0, 0, 0, 1, 3, 1); /* no name */
    PARSE(VAPI_EINCOMPATIBLE, 0, 0, 0, 1, 3, 3, 0); /* a NUL in the name */
    PARSE(VAPI_EINCOMPATIBLE, 0, 0, 0, 1, 3, 255, 'a'); /* 127 bytes, 1 there */
    PARSE(VAPI_EINCOMPATIBLE, 0, 0, 0, 1, 3, 0, 255, 255, 255, 255, 255, 255, 255, 255, 'a');
    PARSE(VAPI_EINCOMPATIBLE, 0, 0, 0, 1, 0, 255, 255, 255, 255, 255, 255, 255, 255, 3, 'a');
    PARSE(VAPI_EINCOMPATIBLE, 0, 0, 0, 1, 0, 255, 255, 0, 0, 0, 0, 0, 0, 3, 'a'); /* id 65535 */
}

TEST(an_error_names_the_entry)
{
    static const u8 bytes[] = {0, 0, 0, 2, 3, 3, 'a', 5, 9, 'b'};
    msg_table_t *t;
    error_rec_t error;
    CHECK_EQ(parse(bytes, sizeof bytes, &t, &error), VAPI_EINCOMPATIBLE);
    CHECK_HAS(error.text, "entry 1 of 2");
    msg_table_free(t);
}

TEST(a_table_truncated_at_every_byte)
{
    msg_table_t *t = msg_table_alloc(), *other;
    error_rec_t error;
    char name[64];
    static const u32 ids[] = {1, 127, 128, 16511, 16512, 65534};
    for (u32 i = 0; i < sizeof ids / sizeof *ids; i++)
        CHECK_EQ(msg_table_add(t, name, name_of(name, i), ids[i]), 0);
    size_t length = msg_table_serialized_bytes(t);
    u8 *bytes = malloc(length);
    msg_table_serialize(t, bytes);
    for (size_t n = 0; n < length; n++) {
        CHECK_EQ(parse(bytes, n, &other, &error), VAPI_EINCOMPATIBLE);
        CHECK(msg_table_count(other) < msg_table_count(t));
        msg_table_free(other);
    }
    CHECK_EQ(parse(bytes, length, &other, &error), VAPI_OK);
    check_same(t, other);
    msg_table_free(other);
    free(bytes);
    msg_table_free(t);
}

TEST(entries_of_the_socket)
{
    u8 entries[3 * MSG_TABLE_ENTRY_BYTES] = {0};
    error_rec_t error;
    store_be16(entries, 955);
    memcpy(entries + 2, "show_version_51077d14", 21);
    store_be16(entries + 66, 1);
    memset(entries + 68, 'n', 63);
    store_be16(entries + 132, 65534);
    memcpy(entries + 134, "x", 1);
    msg_table_t *t = msg_table_alloc();
    CHECK_EQ(msg_table_parse_entries(t, entries, sizeof entries, 3, &error), VAPI_OK);
    CHECK_EQ(msg_table_find(t, "show_version_51077d14"), 955);
    CHECK_EQ(strlen(msg_table_name(t, 1)), 63);
    CHECK_EQ(msg_table_find(t, "x"), 65534);
    msg_table_free(t);

    for (u32 n = 0; n < sizeof entries; n++) {
        t = msg_table_alloc();
        CHECK_EQ(msg_table_parse_entries(t, entries, n, 3, &error), VAPI_EINCOMPATIBLE);
        msg_table_free(t);
    }
    t = msg_table_alloc();
    CHECK_EQ(msg_table_parse_entries(t, entries, sizeof entries, UINT32_MAX, &error),
             VAPI_EINCOMPATIBLE);
    CHECK_HAS(error.text, "4294967295 entries");
    memset(entries + 68, 'n', 64); /* not terminated */
    CHECK_EQ(msg_table_parse_entries(t, entries, sizeof entries, 3, &error), VAPI_EINCOMPATIBLE);
    CHECK_HAS(error.text, "entry 1");
    entries[68] = 0; /* empty */
    CHECK_EQ(msg_table_parse_entries(t, entries, sizeof entries, 3, &error), VAPI_EINCOMPATIBLE);
    msg_table_free(t);
}

/* Whoever serves a table that contradicts itself must not be able to keep a client busy. */
TEST(a_table_of_contradictions_takes_no_time)
{
    enum { COUNT = 300000 };
    static u8 bytes[4 + COUNT * 8];
    store_be32(bytes, COUNT);
    u8 *at = bytes + 4;
    for (u32 i = 0; i < COUNT; i++) {
        u32 id = 30000 + i % 30000;
        store_raw32(at, htole32((id - 16512) << 3 | 4));
        at[4] = 3 << 1 | 1;
        at[5] = (u8)('a' + i % 26);
        at[6] = (u8)('a' + i / 26 % 26);
        at[7] = (u8)('a' + i / 26 / 26 % 26);
        at += 8;
    }
    msg_table_t *t = msg_table_alloc();
    error_rec_t error;
    clock_t start = clock(); /* of this process: others work on this machine, too */
    (void)msg_table_parse_serialized(t, bytes, sizeof bytes, &error);
    CHECK(clock() - start < 5 * CLOCKS_PER_SEC);
    msg_table_free(t);
}
