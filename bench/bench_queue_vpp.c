/* SPDX-License-Identifier: Apache-2.0
 *
 * The same as bench_queue.c, of the libsvm of an installed VPP: bench_queue.py compiles it against that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <vppinfra/clib.h>

#include <svm/queue.h>

static f64 now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (f64)t.tv_sec + (f64)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    u64 pairs = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000000;
    void *memory = aligned_alloc(64, 1 << 16);
    if (memory == NULL)
        return 1;
    svm_queue_t *q = svm_queue_init(memory, 1024, sizeof(u64));
    f64 started = now();
    u64 out = 0;
    for (u64 i = 0; i < pairs; i++) {
        if (svm_queue_add(q, (u8 *)&i, 1) != 0 ||
            svm_queue_sub(q, (u8 *)&out, SVM_Q_NOWAIT, 0) != 0 || out != i)
            return 1;
    }
    printf("libsvm add + sub: %.1f million pairs/s\n", (f64)pairs * 1e-6 / (now() - started));
    free(memory);
    return 0;
}
