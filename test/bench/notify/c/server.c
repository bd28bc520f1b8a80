/*
 * server.c: notifications in C, for comparison. It mounts a file of 64 MiB at argv[1], and then does what stdin says, a line "what count" at a
 * time, and answers with the nanoseconds that it took.
 */
#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILE_INO = 2, FILE_SIZE = 64 << 20, HOUR = 3600 };

static struct fuse_session *se;
static char *block; /* 1 MiB of data */
static int file;    /* FILE_SIZE of data */

static struct stat attributes(fuse_ino_t ino)
{
	struct stat st = {.st_ino = ino};

	st.st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
	st.st_nlink = 1;
	st.st_size = ino == FUSE_ROOT_ID ? 0 : FILE_SIZE;
	return st;
}

static void do_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {.ino = FILE_INO, .attr_timeout = HOUR, .entry_timeout = HOUR};

	(void)parent;
	(void)name;
	e.attr = attributes(FILE_INO);
	fuse_reply_entry(req, &e);
}

static void do_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st = attributes(ino);

	(void)fi;
	fuse_reply_attr(req, &st, HOUR);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int store(int i, size_t size)
{
	struct fuse_bufvec v = FUSE_BUFVEC_INIT(size);

	v.buf[0].mem = block;
	return fuse_lowlevel_notify_store(se, FILE_INO, (off_t)(i % (FILE_SIZE >> 20)) << 20, &v, 0);
}

static int store_fd(int i)
{
	struct fuse_bufvec v = FUSE_BUFVEC_INIT(1 << 20);
	off_t off = (off_t)(i % (FILE_SIZE >> 20)) << 20;

	v.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
	v.buf[0].fd = file;
	v.buf[0].pos = off;
	return fuse_lowlevel_notify_store(se, FILE_INO, off, &v, 0);
}

static int once(const char *what, int i)
{
	if (strcmp(what, "inval_attr") == 0)
		return fuse_lowlevel_notify_inval_inode(se, FILE_INO, -1, 0);
	if (strcmp(what, "inval_inode") == 0)
		return fuse_lowlevel_notify_inval_inode(se, FILE_INO, FILE_SIZE, 4096);
	if (strcmp(what, "inval_entry") == 0)
		return fuse_lowlevel_notify_inval_entry(se, FUSE_ROOT_ID, "unknown", 7) == -ENOENT ? 0 : -EIO;
	if (strcmp(what, "store_4k") == 0)
		return store(i, 4096);
	if (strcmp(what, "store_128k") == 0)
		return store(i, 128 << 10);
	if (strcmp(what, "store_1m") == 0)
		return store(i, 1 << 20);
	if (strcmp(what, "store_fd_1m") == 0)
		return store_fd(i);
	return -ENOSYS;
}

static void *serve(void *unused)
{
	(void)unused;
	fuse_session_loop(se);
	return NULL;
}

static void obey(void)
{
	char what[32];
	int count;

	while (scanf("%31s %d", what, &count) == 2) {
		int64_t start = now();
		int rc = 0;

		for (int i = 0; i < count && rc == 0; i++)
			rc = once(what, i);
		printf("%lld\n", rc == 0 ? (long long)(now() - start) : (long long)rc);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_lowlevel_ops ops = {.lookup = do_lookup, .getattr = do_getattr};
	pthread_t thread;
	FILE *tmp = tmpfile();

	if (argc != 2 || tmp == NULL)
		return 2;
	file = fileno(tmp);
	block = calloc(1, 1 << 20);
	for (int i = 0; i < FILE_SIZE >> 20; i++)
		if (write(file, block, 1 << 20) != 1 << 20)
			return 1;
	se = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (se == NULL || fuse_session_mount(se, argv[1]) != 0)
		return 1;
	pthread_create(&thread, NULL, serve, NULL);
	puts("ready");
	fflush(stdout);
	obey();
	fuse_session_unmount(se);
	pthread_join(thread, NULL);
	fuse_session_destroy(se);
	return 0;
}
