/*
 * The floor for bench/agent.py: the system calls that the agent makes, and nothing else.
 *
 *   floor full PID ROUNDS           a first look: files opened, VMA found, smaps read, every huge page read
 *   floor tick PID ROUNDS CELLS     a steady tick that reads CELLS cells again
 *   floor discover ROUNDS PID...    the hugetlb VMAs of each process
 *
 * Prints CPU nanoseconds a round, user and system together. 2 MiB pages, one hugetlb VMA, all of it present.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PROCMAP_QUERY 0xC0686611UL
#define PAGEMAP_SCAN 0xC0606610UL
#define COVERING_OR_NEXT 0x10
#define FILE_BACKED 0x20
#define PFN_MASK ((1ULL << 55) - 1)
#define RANGES 2048
#define HUGE_PAGE (2ULL << 20)
#define TICKS_A_ROUND 10
#define WATCHED_EVERY 5

struct query {
	uint64_t size, flags, addr, start, end, vma_flags, page_size, offset, inode;
	uint32_t major, minor, name_size, build_id_size;
	uint64_t name_addr, build_id_addr;
};

struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, mask, anyof, returned;
};

static uint64_t ranges[RANGES * 3];
static uint64_t entries[1 << 16];
static char text[1 << 16];
static int pool_fds[256], pool_count, count_fd;

static int must_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		fprintf(stderr, "floor: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return fd;
}

static int open_of(const char *pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	return must_open(path);
}

static void open_pools(const char *directory)
{
	static const char *const names[] = { "nr_hugepages", "free_hugepages", "resv_hugepages",
					     "surplus_hugepages" };
	DIR *dir = opendir(directory);
	struct dirent *entry;
	char path[512];

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "hugepages-", 10))
			continue;
		for (int i = 0; i < 4; i++) {
			snprintf(path, sizeof(path), "%s/%s/%s", directory, entry->d_name, names[i]);
			if (access(path, R_OK) == 0)
				pool_fds[pool_count++] = must_open(path);
		}
	}
	if (dir)
		closedir(dir);
}

static void read_pools(void)
{
	for (int i = 0; i < pool_count; i++)
		if (pread(pool_fds[i], text, 32, 0) < 0)
			exit(1);
}

static void read_whole(const char *pid, const char *name)
{
	int fd = open_of(pid, name);

	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

/* smaps, as far as the first entry of a VMA that begins at or above `end`. */
static void read_smaps(const char *pid, uint64_t end)
{
	int fd = open_of(pid, "smaps");
	ssize_t got;

	while ((got = read(fd, text, sizeof(text) - 1)) > 0) {
		char *line = text;

		text[got] = 0;
		while (line) {
			char *dash;
			uint64_t start = strtoull(line, &dash, 16);

			if (dash != line && *dash == '-' && start >= end) {
				close(fd);
				return;
			}
			line = strchr(line, '\n');
			line = line ? line + 1 : NULL;
		}
	}
	close(fd);
}

static int query_at(int fd, uint64_t flags, uint64_t addr, char *name, struct query *q)
{
	memset(q, 0, sizeof(*q));
	q->size = sizeof(*q);
	q->flags = flags;
	q->addr = addr;
	q->name_size = name ? 4096 : 0;
	q->name_addr = (uint64_t)name;
	return ioctl(fd, PROCMAP_QUERY, q);
}

/* The first hugetlb VMA of a process, and its name. */
static struct query find(const char *pid)
{
	struct query q, found = { 0 };
	uint64_t addr = 0;
	int fd = open_of(pid, "maps");

	while (query_at(fd, COVERING_OR_NEXT | FILE_BACKED, addr, NULL, &q) == 0) {
		addr = q.end;
		if (q.page_size > 4096)
			query_at(fd, FILE_BACKED, q.start, text, &found);
	}
	close(fd);
	return found;
}

static void stands(const char *pid, uint64_t start)
{
	struct query q;
	int fd = open_of(pid, "maps");

	query_at(fd, FILE_BACKED, start, NULL, &q);
	close(fd);
}

static void scan(int fd, uint64_t start, uint64_t end)
{
	struct scan arg = { .size = sizeof(arg), .start = start, .end = end, .vec = (uint64_t)ranges,
			    .vec_len = RANGES, .anyof = 0x18, .returned = 0x5a };

	if (ioctl(fd, PAGEMAP_SCAN, &arg) < 0)
		exit(1);
}

static void read_cells(int fd, uint64_t start, int first, int count)
{
	for (int i = 0; i < count; i++)
		if (pread(fd, &entries[i], 8, ((start + (first + i) * HUGE_PAGE) >> 12) * 8) != 8)
			exit(1);
	for (int i = 0; i < count; i++) {
		uint64_t word, at = (entries[i] & PFN_MASK) * 8;

		if (pread(count_fd, &word, 8, at) != 8)
			exit(1);
	}
}

static void list_processes(void)
{
	DIR *dir = opendir("/proc");

	while (readdir(dir))
		;
	closedir(dir);
}

static void full(const char *pid)
{
	struct query vma;
	int fd;

	read_pools();
	list_processes();
	vma = find(pid);
	read_whole(pid, "stat");
	fd = open_of(pid, "pagemap");
	read_whole(pid, "comm");
	read_smaps(pid, vma.end);
	scan(fd, vma.start, vma.end);
	read_cells(fd, vma.start, 0, (vma.end - vma.start) / HUGE_PAGE);
	stands(pid, vma.start);
	close(fd);
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void tick(const char *pid, int fd, const struct query *vma, int number, int first, int cells)
{
	read_pools();
	if (number % TICKS_A_ROUND == 0)
		list_processes();
	if (number % WATCHED_EVERY == 0 || number % TICKS_A_ROUND == 0) {
		find(pid);
		read_whole(pid, "stat");
		read_whole(pid, "comm");
	}
	scan(fd, vma->start, vma->end);
	read_cells(fd, vma->start, first, cells);
}

int main(int argc, char **argv)
{
	uint64_t begin, spent;
	int rounds;

	if (argc < 4) {
		fprintf(stderr, "usage: floor full|tick PID ROUNDS [CELLS] | floor discover ROUNDS PID...\n");
		return 2;
	}
	count_fd = must_open("/proc/kpagecount");
	open_pools("/sys/kernel/mm/hugepages");
	open_pools("/sys/devices/system/node/node0/hugepages");
	if (!strcmp(argv[1], "discover")) {
		rounds = atoi(argv[2]);
		begin = cpu_ns();
		for (int i = 0; i < rounds; i++)
			for (int p = 3; p < argc; p++)
				find(argv[p]);
	} else if (!strcmp(argv[1], "full")) {
		rounds = atoi(argv[3]);
		begin = cpu_ns();
		for (int i = 0; i < rounds; i++)
			full(argv[2]);
	} else {
		struct query vma = find(argv[2]);
		int fd = open_of(argv[2], "pagemap"), cells = atoi(argv[4]);
		int all = (vma.end - vma.start) / HUGE_PAGE;

		rounds = atoi(argv[3]);
		begin = cpu_ns();
		for (int i = 0; i < rounds; i++)
			tick(argv[2], fd, &vma, i, i * cells % (all - cells + 1), cells);
	}
	spent = cpu_ns() - begin;
	printf("%llu\n", (unsigned long long)(spent / rounds));
	return 0;
}
