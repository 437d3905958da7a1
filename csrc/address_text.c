/* SPDX-License-Identifier: Apache-2.0 */
#include "address_text.h"

#include <arpa/inet.h>
#include <string.h>

#define LONGEST_IP6 45u

/** A decimal number of one to three digits; moves *at behind it. False for none, or one above `most`. */
static bool number(const char **at, const char *end, u32 most, u32 *value)
{
    const char *p = *at;
    u32 n = 0;
    while (p < end && *p >= '0' && *p <= '9' && p - *at < 3)
        n = 10 * n + (u32)(*p++ - '0');
    bool found = p != *at && n <= most;
    *value = n;
    *at = p;
    return found;
}

/** As inet_pton() has it: four numbers, none with a zero before it. */
static bool ip4(const char **at, const char *end, u8 *out)
{
    for (u32 i = 0; i < 4; i++) {
        u32 value;
        if (i != 0 && (*at == end || *(*at)++ != '.'))
            return false;
        const char *first = *at;
        if (!number(at, end, 255, &value) || (*first == '0' && *at - first > 1))
            return false;
        out[i] = (u8)value;
    }
    return true;
}

static bool ip6(const char **at, const char *end, u8 *out)
{
    char copy[LONGEST_IP6 + 1];
    const char *slash = memchr(*at, '/', (size_t)(end - *at));
    size_t length = (size_t)((slash != NULL ? slash : end) - *at);
    if (length > LONGEST_IP6 || memchr(*at, 0, length) != NULL)
        return false;
    memcpy(copy, *at, length);
    copy[length] = 0;
    *at += length;
    return inet_pton(AF_INET6, copy, out) == 1;
}

static bool pack(const char *at, const char *end, u32 width, u8 *out)
{
    u32 bits = 0;
    bool is_ip6 = width == ADDRESS_TEXT_IP6 ||
                  (width > ADDRESS_TEXT_IP6 && memchr(at, ':', (size_t)(end - at)) != NULL);
    if (width > ADDRESS_TEXT_IP6) {
        memset(out, 0, width);
        *out++ = is_ip6;
    }
    if (!(is_ip6 ? ip6(&at, end, out) : ip4(&at, end, out)))
        return false;
    if (width == ADDRESS_TEXT_PREFIX) {
        bits = is_ip6 ? 128 : 32;
        if (at != end && (*at++ != '/' || !number(&at, end, bits, &bits)))
            return false;
        out[ADDRESS_TEXT_IP6] = (u8)bits;
    }
    return at == end;
}

bool address_text_pack(const char *text, size_t bytes, u32 count, u32 width, u8 *out)
{
    const char *end = text + bytes;
    for (u32 i = 0; i < count; i++, out += width) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        if ((stop == NULL) != (i + 1 == count))
            return false;
        stop = stop != NULL ? stop : end;
        if (!pack(text, stop, width, out))
            return false;
        text = stop < end ? stop + 1 : end;
    }
    return true;
}
