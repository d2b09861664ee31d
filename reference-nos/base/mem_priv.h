/* SPDX-License-Identifier: Apache-2.0
 *
 * What a memory context asks of the build: patterns in debug builds, and the
 * manual poisoning of the address sanitizer.
 */
#ifndef NOS_BASE_MEM_PRIV_H
#define NOS_BASE_MEM_PRIV_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEM_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(MEM_ASAN)
#define MEM_ASAN 1
#endif

#ifdef MEM_ASAN
#include <sanitizer/asan_interface.h>
#define MEM_HIDE(bytes, size) __asan_poison_memory_region((bytes), (size))
#define MEM_SHOW(bytes, size) __asan_unpoison_memory_region((bytes), (size))
#else
#define MEM_HIDE(bytes, size) ((void)(bytes), (void)(size))
#define MEM_SHOW(bytes, size) ((void)(bytes), (void)(size))
#endif

#if defined(MEM_ASAN) || !defined(__OPTIMIZE__)
enum { MEM_PATTERNS = 1 };
#else
enum { MEM_PATTERNS = 0 };
#endif

#define MEM_FRESH_BYTE 0xa5
#define MEM_FREED_BYTE 0xdd

#endif
