/* SPDX-License-Identifier: Apache-2.0
 *
 * A fuzzer for machines without clang: links with any libFuzzer harness (LLVMFuzzerTestOneInput) and
 * takes libFuzzer's most common options, so that make and CI need not know which one they have.
 *
 *     fuzz_x [-max_total_time=S] [-runs=N] [-seed=N] [-max_len=N] [-timeout=S]
 *            [-artifact_prefix=PATH] [-keep=DIR] [corpus directory or file...]
 *
 * All corpus inputs run once, then mutations of them, until the time or the runs are over. With
 * gcc's -fsanitize-coverage=trace-pc in the code under test, an input that reaches code that none
 * before it reached becomes part of the corpus (in memory; also in DIR with -keep). An input that
 * crashes, or takes longer than -timeout, is written to PATHcrash-<hash> or PATHtimeout-<hash>; run
 * it again by naming it. Without a time and a number of runs, the inputs run once: a regression test.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

typedef struct {
    uint8_t *bytes;
    size_t size;
} input_t;

static input_t *corpus;
static size_t corpus_count, corpus_size;
static size_t max_len = 4096;
static unsigned timeout_s = 20;
static const char *artifact_prefix = "", *keep_dir;

static uint8_t *current; /* what runs now, for the artifact */
static size_t current_size;

/* ---- coverage ------------------------------------------------------------------------------- */

/* A bit for each hashed code address. Threads race for it; that loses a bit now and then. */
#define MAP_BITS (1u << 18)
static uint8_t seen[MAP_BITS / 8];
static volatile unsigned long found; /* bits set so far */

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    size_t bit = (pc * 0x9e3779b97f4a7c15ull) >> 46;
    if ((seen[bit / 8] & 1u << bit % 8) == 0) {
        seen[bit / 8] = (uint8_t)(seen[bit / 8] | 1u << bit % 8);
        found++;
    }
}

/* ---- randomness ----------------------------------------------------------------------------- */

static uint64_t random_state = 1;

static uint32_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16);
}

static size_t below(size_t n) { return n == 0 ? 0 : next_random() % n; }

/* ---- corpus --------------------------------------------------------------------------------- */

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static uint64_t hash_of(const uint8_t *bytes, size_t size)
{
    uint64_t h = 14695981039346656037ull;
    for (size_t i = 0; i < size; i++)
        h = (h ^ bytes[i]) * 1099511628211ull;
    return h;
}

static void corpus_add(const uint8_t *bytes, size_t size)
{
    if (corpus_count == corpus_size) {
        corpus_size = corpus_size != 0 ? corpus_size * 2 : 64;
        corpus = realloc(corpus, corpus_size * sizeof *corpus);
        if (corpus == NULL)
            die("realloc");
    }
    uint8_t *copy = malloc(size + 1);
    if (copy == NULL)
        die("malloc");
    memcpy(copy, bytes, size);
    corpus[corpus_count++] = (input_t){copy, size};
}

static void write_file(const char *path, const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0)
        return;
    while (size != 0) {
        ssize_t n = write(fd, bytes, size);
        if (n <= 0)
            break;
        bytes += n;
        size -= (size_t)n;
    }
    close(fd);
}

static void load(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        die(path);
    if (S_ISDIR(st.st_mode)) {
        struct dirent **entries;
        int n = scandir(path, &entries, NULL, alphasort);
        if (n < 0)
            die(path);
        for (int i = 0; i < n; i++) {
            char name[4096];
            if (entries[i]->d_name[0] != '.') {
                snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
                load(name);
            }
            free(entries[i]);
        }
        free(entries);
        return;
    }
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc((size_t)st.st_size + 1);
    if (f == NULL || bytes == NULL)
        die(path);
    corpus_add(bytes, fread(bytes, 1, (size_t)st.st_size, f));
    free(bytes);
    fclose(f);
}

/* ---- running -------------------------------------------------------------------------------- */

static void write_artifact(const char *kind)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s-%016llx", artifact_prefix, kind,
             (unsigned long long)hash_of(current, current_size));
    write_file(path, current, current_size);
    fprintf(stderr, "\ninput of %zu bytes written to %s\n", current_size, path);
}

static void on_death(void) { write_artifact("crash"); }

static void on_signal(int number)
{
    write_artifact(number == SIGALRM ? "timeout" : "crash");
    if (number == SIGALRM) {
        fprintf(stderr, "an input took more than %u s\n", timeout_s);
        abort();
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void run(const uint8_t *bytes, size_t size)
{
    /* An allocation of exactly this size: one byte too many is seen. */
    current = malloc(size != 0 ? size : 1);
    if (current == NULL)
        die("malloc");
    memcpy(current, bytes, size);
    current_size = size;
    alarm(timeout_s);
    LLVMFuzzerTestOneInput(current, size);
    free(current);
}

/* ---- mutation ------------------------------------------------------------------------------- */

static const uint32_t interesting[] = {
    0,        1,          2,          15,         16,         24,         25,        27,
    63,       64,         65,         127,        128,        255,        256,       4095,
    4096,     32767,      32768,      65534,      65535,      65536,      1u << 20,  1u << 24,
    1u << 30, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffff0, 0xfffffffe, 0xffffffff};

static void store_number(uint8_t *at, size_t width, uint32_t value, int big)
{
    for (size_t i = 0; i < width; i++) {
        size_t place = big ? width - 1 - i : i;
        at[place] = (uint8_t)(i < 4 ? value >> (8 * i) : 0);
    }
}

/** One change of the `size` bytes in `b`, which has room for max_len; returns the new size. */
static size_t mutate_once(uint8_t *b, size_t size)
{
    size_t at = below(size), n, from;
    static const size_t widths[] = {1, 2, 4, 8};
    switch (size == 0 ? 4 : below(10)) {
    case 0:
        b[at] = (uint8_t)(b[at] ^ 1u << below(8));
        return size;
    case 1:
        b[at] = (uint8_t)next_random();
        return size;
    case 2:
    case 3:
        n = widths[below(4)];
        if (size < n)
            return size;
        store_number(b + below(size - n + 1), n,
                     interesting[below(sizeof interesting / sizeof *interesting)], (int)below(2));
        return size;
    case 4: /* insert */
        n = 1 + below(below(4) == 0 ? 256 : 16);
        if (n > max_len - size)
            return size;
        memmove(b + at + n, b + at, size - at);
        for (size_t i = 0; i < n; i++)
            b[at + i] = below(2) != 0 ? (uint8_t)next_random() : 0;
        return size + n;
    case 5: /* remove */
        n = 1 + below(size - at);
        if (below(4) != 0 && n > 16)
            n = 1 + below(16);
        memmove(b + at, b + at + n, size - at - n);
        return size - n;
    case 6: /* copy within, over what is there */
        from = below(size);
        n = 1 + below(size - (from > at ? from : at));
        memmove(b + at, b + from, n);
        return size;
    case 7: /* repeat a part */
        n = 1 + below(size - at);
        if (n > max_len - size)
            return size;
        memmove(b + at + n, b + at, size - at);
        return size + n;
    case 8: /* insert a part of another input */
        if (corpus_count != 0) {
            const input_t *other = &corpus[below(corpus_count)];
            if (other->size != 0) {
                from = below(other->size);
                n = 1 + below(other->size - from);
                if (n > max_len - size)
                    return size;
                memmove(b + at + n, b + at, size - at);
                memcpy(b + at, other->bytes + from, n);
                return size + n;
            }
        }
        return size;
    default: { /* add to a number */
        n = widths[below(3)];
        if (size < n)
            return size;
        at = below(size - n + 1);
        int delta = (int)below(33) - 16;
        uint32_t value = 0;
        int big = (int)below(2);
        for (size_t i = 0; i < n; i++)
            value |= (uint32_t)b[at + (big ? n - 1 - i : i)] << (8 * i);
        store_number(b + at, n, value + (uint32_t)delta, big);
        return size;
    }
    }
}

static double seconds_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static unsigned long long number_after(const char *argument, const char *name)
{
    return strtoull(argument + strlen(name), NULL, 10);
}

int main(int argc, char **argv)
{
    unsigned long long total_time = 0, runs = 0, done = 0;
    random_state = (uint64_t)time(NULL) * 2654435761u + (uint64_t)getpid();
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (strncmp(a, "-max_total_time=", 16) == 0)
            total_time = number_after(a, "-max_total_time=");
        else if (strncmp(a, "-runs=", 6) == 0)
            runs = number_after(a, "-runs=");
        else if (strncmp(a, "-seed=", 6) == 0)
            random_state = number_after(a, "-seed=") + 1;
        else if (strncmp(a, "-max_len=", 9) == 0)
            max_len = (size_t)number_after(a, "-max_len=");
        else if (strncmp(a, "-timeout=", 9) == 0)
            timeout_s = (unsigned)number_after(a, "-timeout=");
        else if (strncmp(a, "-artifact_prefix=", 17) == 0)
            artifact_prefix = a + 17;
        else if (strncmp(a, "-keep=", 6) == 0)
            keep_dir = a + 6;
        else if (a[0] == '-')
            fprintf(stderr, "ignored: %s\n", a);
        else
            load(a);
    }
    unsigned long long seed = random_state;
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(on_death);
    else
        signal(SIGSEGV, on_signal);
    signal(SIGALRM, on_signal);
    signal(SIGABRT, on_signal);
    signal(SIGPIPE, SIG_IGN);

    double start = seconds_now();
    for (size_t i = 0; i < corpus_count; i++, done++)
        run(corpus[i].bytes, corpus[i].size < max_len ? corpus[i].size : max_len);
    size_t kept_before = corpus_count;
    if (corpus_count == 0)
        corpus_add((const uint8_t *)"", 0);
    uint8_t *b = malloc(max_len + 1);
    if (b == NULL)
        die("malloc");
    while ((total_time != 0 || runs != 0) && (runs == 0 || done < runs) &&
           (total_time == 0 || seconds_now() - start < (double)total_time)) {
        /* The newest inputs lead on more often than the oldest. */
        size_t which = below(2) != 0
                           ? below(corpus_count)
                           : corpus_count - 1 - below(corpus_count < 16 ? corpus_count : 16);
        size_t size = corpus[which].size < max_len ? corpus[which].size : max_len;
        memcpy(b, corpus[which].bytes, size);
        for (size_t n = (size_t)1 << below(5); n != 0; n--)
            size = mutate_once(b, size);
        unsigned long before = found;
        run(b, size);
        done++;
        if (found != before) {
            corpus_add(b, size);
            if (keep_dir != NULL) {
                char path[4096];
                snprintf(path, sizeof path, "%s/%016llx", keep_dir,
                         (unsigned long long)hash_of(b, size));
                write_file(path, b, size);
            }
        }
    }
    alarm(0);
    printf("%s: %llu runs in %.1f s, seed %llu, %lu places reached, corpus %zu + %zu\n", argv[0],
           done, seconds_now() - start, seed, found, kept_before, corpus_count - kept_before);
    free(b);
    for (size_t i = 0; i < corpus_count; i++)
        free(corpus[i].bytes);
    free(corpus);
    return 0;
}
