/*
 * Memory accesses with a known schedule, on a known memory node.
 *
 * usage: accesses [-n] AREA_MIB NODE [OFFSET_MIB:SIZE_MIB:SECONDS ...]
 *
 * Maps AREA_MIB of 4 KiB pages on memory node NODE (-1: anywhere; the pages may be migrated away
 * later), writes all of it once, prints where it lies, and waits for a line on its standard input.
 * Then it writes one byte of every page of each segment over and over, one segment after the
 * other; a segment of size 0 is idle time. It stays until its input is closed. With -n it neither
 * waits nor stays, and its input does not matter. One JSON line for the area and for each finished
 * segment, times of CLOCK_MONOTONIC in ns, addresses in bytes:
 *   {"start_ns": 1, "end_ns": 2, "start": 4096, "end": 8192, "passes": 3}
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024ULL * 1024ULL)
#define PAGE_BYTES 4096ULL
#define PREFERRED 1 /* MPOL_PREFERRED: unlike MPOL_BIND it does not hold pages back later */

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

static void touch(volatile unsigned char *area, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += PAGE_BYTES)
		area[at]++;
}

static void report(uint64_t start_ns, unsigned char *area, uint64_t bytes, unsigned long passes)
{
	printf("{\"start_ns\": %llu, \"end_ns\": %llu, \"start\": %llu, \"end\": %llu, "
	       "\"passes\": %lu}\n",
	       (unsigned long long)start_ns, (unsigned long long)now_ns(),
	       (unsigned long long)(uintptr_t)area, (unsigned long long)(uintptr_t)(area + bytes),
	       passes);
	fflush(stdout);
}

static unsigned char *map(uint64_t bytes, int node)
{
	unsigned char *area;
	unsigned long nodes = node < 0 ? 0 : 1UL << node;

	area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || madvise(area, bytes, MADV_NOHUGEPAGE) != 0)
		return NULL;
	if (node >= 0 && syscall(SYS_mbind, area, bytes, PREFERRED, &nodes, 8 * sizeof(nodes), 0) != 0)
		return NULL;
	return area;
}

static void run(unsigned char *area, uint64_t bytes, double seconds)
{
	uint64_t start_ns = now_ns(), long_ns = (uint64_t)(seconds * 1e9);
	struct timespec pause = {.tv_sec = 0, .tv_nsec = 10000000};
	unsigned long passes = 0;

	while (now_ns() - start_ns < long_ns) {
		if (bytes == 0) {
			nanosleep(&pause, NULL);
			continue;
		}
		touch(area, bytes);
		passes++;
	}
	report(start_ns, area, bytes, passes);
}

int main(int count, char **words)
{
	uint64_t area_bytes, start_ns;
	unsigned char *area;
	int waits = 1;

	if (count > 1 && strcmp(words[1], "-n") == 0) {
		waits = 0;
		words++;
		count--;
	}
	if (count < 3 || (area_bytes = strtoull(words[1], NULL, 10) * MIB) == 0) {
		fprintf(stderr, "usage: accesses [-n] AREA_MIB NODE [OFFSET_MIB:SIZE_MIB:SECONDS ...]\n");
		return 2;
	}
	area = map(area_bytes, atoi(words[2]));
	if (area == NULL) {
		perror("accesses: no memory");
		return 1;
	}
	start_ns = now_ns();
	touch(area, area_bytes);
	report(start_ns, area, area_bytes, 1);
	if (waits && getchar() == EOF)
		return 0;
	for (int segment = 3; segment < count; segment++) {
		unsigned long long offset_mib, size_mib;
		double seconds;

		if (sscanf(words[segment], "%llu:%llu:%lf", &offset_mib, &size_mib, &seconds) != 3 ||
		    (offset_mib + size_mib) * MIB > area_bytes) {
			fprintf(stderr, "accesses: bad segment %s\n", words[segment]);
			return 2;
		}
		run(area + offset_mib * MIB, size_mib * MIB, seconds);
	}
	while (waits && getchar() != EOF)
		;
	return 0;
}
