/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of addresses and prefixes to wire bytes, very many at once: for columns of `client.bulk`.
 */
#ifndef VAPI_CORE_ADDRESS_TEXT_H
#define VAPI_CORE_ADDRESS_TEXT_H

#include <stddef.h>

#include <vapi/vapi_types.h>

/** Of the wire forms: an IPv4 and an IPv6 address, one with its family before it, and that with the
 * length of a prefix behind it. */
enum {
    ADDRESS_TEXT_IP4 = 4,
    ADDRESS_TEXT_IP6 = 16,
    ADDRESS_TEXT_ANY = 17,
    ADDRESS_TEXT_PREFIX = 18
};

/**
 * Packs `count` texts, each ended by a newline, the last by the end of the `bytes`, into count * width
 * bytes: "10.0.0.1", "2001:db8::1", for prefixes with "/24" or without (all bits). Returns whether there
 * are exactly so many and all are such; otherwise `out` may have been written to.
 */
bool address_text_pack(const char *text, size_t bytes, u32 count, u32 width, u8 *out);

#endif
