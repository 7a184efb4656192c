/*
 * The floor for bench/join.py: the reads of one whole look at the machine, and nothing done to the answers.
 *
 *   join_floor every|once ROUNDS PID...
 *
 * every: one pagemap word and one kpagecount word for each present cell of each process.
 * once:  what the product asks the kernel: a pagemap word once for each page of a shared file, a kpagecount word
 *        once for each page.
 *
 * Both find the hugetlb VMAs of every PID by PROCMAP_QUERY, and read for each process with such VMAs its stat,
 * comm, smaps (as far as the last of them), PAGEMAP_SCAN, and its VMAs again. Prints CPU nanoseconds a round, user
 * and system together, then the cells and the words read. 2 MiB pages.
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
#define VMA_SHARED 0x08
#define PRESENT 0x08
#define PFN_MASK ((1ULL << 55) - 1)
#define RANGES 2048
#define SHIFT 21
#define MOST_VMAS 4096
#define MOST_FRAMES (1 << 22)
#define SLOT_BITS 17
#define SLOTS (1 << SLOT_BITS)

struct query {
	uint64_t size, flags, addr, start, end, vma_flags, page_size, offset, inode;
	uint32_t major, minor, name_size, build_id_size;
	uint64_t name_addr, build_id_addr;
};

struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, mask, anyof, returned;
};

/* Pages of shared files and PFNs met, by the look in which they were: nothing to clear between looks. */
static struct {
	uint64_t key;
	uint32_t look;
} known[SLOTS];
static uint32_t counted[MOST_FRAMES], look_number;
static struct query vmas[MOST_VMAS];
static uint64_t ranges[RANGES * 3], frames[MOST_FRAMES], cells, words;
static char text[1 << 16];
static int pool_fds[256], pool_count, count_fd, once, frame_count;

static int open_at(const char *pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void die(const char *what)
{
	fprintf(stderr, "join_floor: %s: %s\n", what, strerror(errno));
	exit(1);
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
				pool_fds[pool_count++] = open(path, O_RDONLY | O_CLOEXEC);
		}
	}
	if (dir)
		closedir(dir);
}

static void read_whole(const char *pid, const char *name)
{
	int fd = open_at(pid, name);

	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

/* smaps, as far as the first entry of a VMA that begins at or above `end`. */
static void read_smaps(const char *pid, uint64_t end)
{
	int fd = open_at(pid, "smaps");
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

/* The hugetlb VMAs of a process, with their names; how many. */
static int find(const char *pid)
{
	struct query q;
	uint64_t addr = 0;
	int count = 0, fd = open_at(pid, "maps");

	if (fd < 0)
		return 0;
	while (query_at(fd, COVERING_OR_NEXT | FILE_BACKED, addr, NULL, &q) == 0) {
		addr = q.end;
		if (q.page_size > 4096 && count < MOST_VMAS)
			query_at(fd, FILE_BACKED, q.start, text, &vmas[count++]);
	}
	close(fd);
	return count;
}

/* Whether a page of a shared file was met before in this look. */
static int met(const struct query *vma, uint64_t page)
{
	uint64_t key = (vma->inode << 24) + (vma->offset >> SHIFT) + page;
	uint64_t slot = key * 0x9E3779B97F4A7C15ULL >> (64 - SLOT_BITS);

	for (; known[slot].look == look_number; slot = (slot + 1) % SLOTS)
		if (known[slot].key == key)
			return 1;
	known[slot].key = key;
	known[slot].look = look_number;
	return 0;
}

static void read_cell(int fd, const struct query *vma, uint64_t page)
{
	uint64_t word, frame;

	cells++;
	if (once && (vma->vma_flags & VMA_SHARED) && met(vma, page))
		return;
	words++;
	if (pread(fd, &word, 8, ((vma->start >> 12) + (page << (SHIFT - 12))) * 8) != 8)
		return;
	frame = (word & PFN_MASK) >> (SHIFT - 12);
	if (frame >= MOST_FRAMES || frame_count >= MOST_FRAMES || (once && counted[frame] == look_number))
		return;
	counted[frame] = look_number;
	frames[frame_count++] = word & PFN_MASK;
}

static void look_at(int fd, const struct query *vma)
{
	struct scan arg = { .size = sizeof(arg), .start = vma->start, .end = vma->end, .vec = (uint64_t)ranges,
			    .vec_len = RANGES, .anyof = 0x18, .returned = 0x5a };
	int count = ioctl(fd, PAGEMAP_SCAN, &arg);

	for (int i = 0; i < count; i++)
		if (ranges[i * 3 + 2] & PRESENT)
			for (uint64_t at = ranges[i * 3]; at < ranges[i * 3 + 1]; at += 1 << SHIFT)
				read_cell(fd, vma, (at - vma->start) >> SHIFT);
}

static void stands(const char *pid, uint64_t start)
{
	struct query q;
	int fd = open_at(pid, "maps");

	query_at(fd, FILE_BACKED, start, NULL, &q);
	close(fd);
}

static void read_process(const char *pid)
{
	int fd, count = find(pid);

	if (!count)
		return;
	read_whole(pid, "stat");
	fd = open_at(pid, "pagemap");
	read_whole(pid, "comm");
	read_smaps(pid, vmas[count - 1].end);
	for (int i = 0; i < count; i++) {
		look_at(fd, &vmas[i]);
		stands(pid, vmas[i].start);
	}
	close(fd);
}

static void list_processes(void)
{
	DIR *dir = opendir("/proc");

	while (readdir(dir))
		;
	closedir(dir);
}

static void look(char **pids)
{
	uint64_t word;

	cells = words = frame_count = 0;
	look_number++;
	for (int i = 0; i < pool_count; i++)
		if (pread(pool_fds[i], text, 32, 0) < 0)
			die("a pool's counter");
	list_processes();
	for (; *pids; pids++)
		read_process(*pids);
	for (int i = 0; i < frame_count; i++)
		if (pread(count_fd, &word, 8, frames[i] * 8) != 8)
			die("kpagecount");
	words += frame_count;
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

int main(int argc, char **argv)
{
	uint64_t begin;
	int rounds;

	if (argc < 4) {
		fprintf(stderr, "usage: join_floor every|once ROUNDS PID...\n");
		return 2;
	}
	once = !strcmp(argv[1], "once");
	rounds = atoi(argv[2]);
	count_fd = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);
	open_pools("/sys/kernel/mm/hugepages");
	open_pools("/sys/devices/system/node/node0/hugepages");
	look(argv + 3);
	begin = cpu_ns();
	for (int i = 0; i < rounds; i++)
		look(argv + 3);
	printf("%llu %llu %llu\n", (unsigned long long)((cpu_ns() - begin) / rounds), (unsigned long long)cells,
	       (unsigned long long)words);
	return 0;
}
