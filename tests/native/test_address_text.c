/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "address_text.h"

/** Packs from memory that ends with the text, so that a sanitizer sees a look beyond it. */
static bool packs(const char *text, u32 count, u32 width, const u8 *wanted)
{
    size_t bytes = strlen(text);
    char *copy = malloc(bytes + (bytes == 0));
    u8 *out = malloc((size_t)count * width);
    CHECK(copy != NULL && out != NULL);
    memcpy(copy, text, bytes);
    bool packed = address_text_pack(copy, bytes, count, width, out);
    if (packed)
        CHECK_EQ(memcmp(out, wanted, (size_t)count * width), 0);
    free(copy);
    free(out);
    return packed;
}

TEST(what_is_usual)
{
    CHECK(
        packs("10.0.0.1\n255.255.255.0", 2, ADDRESS_TEXT_IP4, (const u8 *)"\12\0\0\1\377\377\377"));
    CHECK(packs("1:2::ff", 1, ADDRESS_TEXT_IP6, (const u8 *)"\0\1\0\2\0\0\0\0\0\0\0\0\0\0\0\377"));
    CHECK(packs("10.0.0.1\n::2", 2, ADDRESS_TEXT_ANY,
                (const u8 *)"\0\12\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0"
                            "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2"));
    CHECK(packs("10.0.0.0/8\n1.2.3.4\n::/128\n::1", 4, ADDRESS_TEXT_PREFIX,
                (const u8 *)"\0\12\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\10"
                            "\0\1\2\3\4\0\0\0\0\0\0\0\0\0\0\0\0\40"
                            "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\200"
                            "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\200"));
    CHECK(packs("::ffff:1.2.3.4", 1, ADDRESS_TEXT_IP6,
                (const u8 *)"\0\0\0\0\0\0\0\0\0\0\377\377\1\2\3\4"));
}

TEST(what_is_not)
{
    static const char *const addresses[] = {
        "",         "1",         "1.2.3",     "1.2.3.4.5",        "1.2.3.256",
        "1.2.3.",   ".1.2.3",    "01.2.3.4",  "1.2.3.00",         "1..2.3",
        " 1.2.3.4", "1.2.3.4 ",  "1.2.3.4/8", "-1.2.3.4",         "1.2.3.1000",
        "::1",      "1.2.3.4\n", "a.b.c.d",   "1.2.3.4\n5.6.7.8",
    };
    static const char *const prefixes[] = {
        "1.2.3.4/",
        "1.2.3.4/33",
        "1.2.3.4/-1",
        "1.2.3.4/0024",
        "1.2.3.4/8/8",
        "1.2.3.4/255.0.0.0",
        "::/129",
        "::/",
        ":/8",
        ":::/8",
        "1:2:3:4:5:6:7:8:9/8",
        "/8",
        "1:2:3:4:5:6:7:8%lo/64",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:00000/8",
    };
    for (u32 i = 0; i < sizeof addresses / sizeof *addresses; i++)
        CHECK(!packs(addresses[i], 1, ADDRESS_TEXT_IP4, NULL));
    for (u32 i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        CHECK(!packs(prefixes[i], 1, ADDRESS_TEXT_PREFIX, NULL));
    CHECK(!packs("1.2.3.4", 2, ADDRESS_TEXT_IP4, NULL));
    CHECK(!packs("1.2.3.4", 1, ADDRESS_TEXT_IP6, NULL));
}
