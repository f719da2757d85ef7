/*
 * A program that allocates and frees memory by a schedule, and uses what it has.
 *
 * usage: breathing SECONDS TOUCH SKEW MIB [MIB ...]
 *
 * For SECONDS each it holds MIB, one size after the other; the last one for ever. It allocates in
 * pieces of 1 MiB and writes every page; it frees pieces drawn at random, so that what it leaves
 * behind is scattered. While it holds a size it writes TOUCH times its number of pages per second,
 * the page drawn as u^SKEW of all it has, u uniform (1: all alike, larger: the first are hot). One
 * JSON line per size, when its time is over; what it lacks is what the kernel refused:
 *   {"second": 2.0, "asked_mib": 10, "held_mib": 10, "touched": 256, "late_us": 1200}
 * late_us is how much longer allocating, freeing and writing took than there was time.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024UL * 1024UL)
#define PAGE_BYTES 4096UL
#define PAGES_PER_PIECE (MIB / PAGE_BYTES)
#define MOST_PIECES 65536UL

static unsigned char *pieces[MOST_PIECES];
static size_t held;
static uint64_t state = 88172645463325252ULL;

static uint64_t draw(void) /* xorshift64 (Marsaglia 2003) */
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static double uniform(void)
{
	return (double)(draw() >> 11) / 9007199254740992.0;
}

static int64_t now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static int grow(void)
{
	unsigned char *piece;

	piece = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (piece == MAP_FAILED)
		return -1;
	for (size_t at = 0; at < MIB; at += PAGE_BYTES)
		*(uint64_t *)(piece + at) = draw();
	pieces[held++] = piece;
	return 0;
}

static void shrink(void)
{
	size_t place = draw() % held;

	munmap(pieces[place], MIB);
	pieces[place] = pieces[--held];
}

static void touch(double skew)
{
	size_t page = (size_t)(pow(uniform(), skew) * (double)(held * PAGES_PER_PIECE));

	pieces[page / PAGES_PER_PIECE][page % PAGES_PER_PIECE * PAGE_BYTES]++;
}

static void hold(size_t asked, double seconds, double touches, double skew, int64_t begin)
{
	int64_t end = begin + (int64_t)(seconds * 1e6), left;
	size_t wanted, done;

	while (held > asked)
		shrink();
	while (held < asked && held < MOST_PIECES)
		if (grow() != 0)
			break;
	wanted = (size_t)(touches * seconds * (double)(held * PAGES_PER_PIECE));
	for (done = 0; done < wanted; done++)
		touch(skew);
	left = end - now_us();
	if (left > 0)
		usleep((useconds_t)left);
	printf("{\"second\": %.3f, \"asked_mib\": %zu, \"held_mib\": %zu, \"touched\": %zu, "
	       "\"late_us\": %lld}\n", (double)end / 1e6, asked, held, done,
	       (long long)(left < 0 ? -left : 0));
	fflush(stdout);
}

int main(int count, char **words)
{
	if (count < 5) {
		fprintf(stderr, "usage: breathing SECONDS TOUCH SKEW MIB [MIB ...]\n");
		return 2;
	}
	for (int place = 4;; place += place + 1 < count)
		hold(strtoul(words[place], NULL, 10), atof(words[1]), atof(words[2]), atof(words[3]),
		     now_us());
}
