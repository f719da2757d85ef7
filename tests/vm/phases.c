/*
 * Memory accesses with a known schedule.
 *
 * usage: phases AREA_MIB [OFFSET_MIB:SIZE_MIB:SECONDS ...]
 *
 * Maps AREA_MIB, writes all of it once, then writes one byte of every page of each hot segment over and
 * over, one segment after the other. Prints one line per phase, JSON, times of CLOCK_MONOTONIC
 * in ns and addresses in bytes:
 *   {"phase": 0, "start_ns": 1, "end_ns": 2, "start": 4096, "end": 8192, "passes": 3}
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024ULL * 1024ULL)

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

static void touch(volatile unsigned char *area, uint64_t bytes, uint64_t page_bytes)
{
	for (uint64_t at = 0; at < bytes; at += page_bytes)
		area[at]++;
}

static void report(int phase, uint64_t start_ns, unsigned char *area, uint64_t bytes,
		   unsigned long passes)
{
	printf("{\"phase\": %d, \"start_ns\": %llu, \"end_ns\": %llu, \"start\": %llu, "
	       "\"end\": %llu, \"passes\": %lu}\n",
	       phase, (unsigned long long)start_ns, (unsigned long long)now_ns(),
	       (unsigned long long)(uintptr_t)area, (unsigned long long)(uintptr_t)(area + bytes),
	       passes);
	fflush(stdout);
}

int main(int count, char **words)
{
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE), area_bytes, start_ns;
	unsigned char *area;

	if (count < 2 || (area_bytes = strtoull(words[1], NULL, 10) * MIB) == 0) {
		fprintf(stderr, "usage: phases AREA_MIB [OFFSET_MIB:SIZE_MIB:SECONDS ...]\n");
		return 2;
	}
	area = mmap(NULL, area_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	start_ns = now_ns();
	touch(area, area_bytes, page_bytes);
	report(0, start_ns, area, area_bytes, 1);

	for (int phase = 1; phase < count - 1; phase++) {
		unsigned long long offset_mib, size_mib;
		double seconds;
		unsigned long passes = 0;

		if (sscanf(words[phase + 1], "%llu:%llu:%lf", &offset_mib, &size_mib, &seconds) != 3 ||
		    size_mib == 0 || (offset_mib + size_mib) * MIB > area_bytes) {
			fprintf(stderr, "phases: bad segment %s\n", words[phase + 1]);
			return 2;
		}
		start_ns = now_ns();
		while (now_ns() - start_ns < (uint64_t)(seconds * 1e9)) {
			touch(area + offset_mib * MIB, size_mib * MIB, page_bytes);
			passes++;
		}
		report(phase, start_ns, area + offset_mib * MIB, size_mib * MIB, passes);
	}
	return 0;
}
