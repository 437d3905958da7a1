/* SPDX-License-Identifier: Apache-2.0
 *
 * The integer types that VAPI programs expect from VPP's own headers.
 */
#ifndef VAPI_TYPES_H
#define VAPI_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;
typedef double f64;
typedef float f32;
/** As wide as a pointer. */
typedef uintptr_t uword;
typedef intptr_t word;

#endif
