/* SPDX-License-Identifier: Apache-2.0
 *
 * svm_queue: add and sub of one 8-byte element, one thread, as many pairs as the argument says.
 * bench_queue.py times it; `make -C tests/native bench-queue` builds it and prints a rate.
 */
#include <stdio.h>
#include <stdlib.h>

#include "svm_queue.h"

int main(int argc, char **argv)
{
    u64 pairs = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000000;
    svm_queue_t q;
    void *memory = aligned_alloc(64, 1 << 16);
    if (memory == NULL || svm_queue_init(&q, memory, 1024, sizeof(u64), 1) != 0)
        return 1;
    u64 started = now_ns(), out = 0;
    for (u64 i = 0; i < pairs; i++) {
        if (svm_queue_add(&q, &i, DEADLINE_NOW) != 0 || svm_queue_sub(&q, &out, DEADLINE_NOW) != 0 ||
            out != i)
            return 1;
    }
    printf("svm_queue add + sub: %.1f million pairs/s\n",
           (double)pairs * 1e3 / (double)(now_ns() - started));
    free(memory);
    return 0;
}
