/* SPDX-License-Identifier: Apache-2.0
 *
 * Every ordering guarantee of the core in one place. Memory that VPP writes is read with these.
 *
 * load_acquire(p): what the writer stored before its matching store_release is visible after it.
 * store_release(p, v): all earlier stores of this thread are visible to whoever acquires v.
 * load_relaxed / store_relaxed: the value alone, no order; one access, never torn or repeated.
 * cpu_relax(): tells the core that this is a spin loop.
 */
#ifndef VAPI_CORE_ATOMICS_H
#define VAPI_CORE_ATOMICS_H

#define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define fetch_add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define fetch_add_acq_rel(p, v) __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
#define exchange_acq_rel(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

#endif
