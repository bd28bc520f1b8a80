/*
 * A filesystem in C whose data changes by itself: a thread plays a game in each of its files. The kernel may keep all that it reads, as Go tells it
 * what has changed: see ../main.go. Everything here is what it would be without Go, but for the calls of notify_start, notify_changed and notify_stop.
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "notify.h" /* what go-libfuse3-build has made of ../main.go */

#define FOREVER 1e9
#define FIRST 2 /* inode of the first file */
#define GAMES 3

static const char *const names[GAMES] = {"chess", "go", "tennis"};
static atomic_int scores[GAMES];
static atomic_int over;

static size_t content(fuse_ino_t ino, char text[16])
{
	return (size_t)snprintf(text, 16, "%010d\n", atomic_load(&scores[ino - FIRST]));
}

/* Plays. The new state is there before the kernel hears of it. */
static void *play(void *arg)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	(void)arg;
	for (int i = 0; !atomic_load(&over); i = (i + 1) % GAMES) {
		atomic_fetch_add(&scores[i], 1);
		notify_changed((uint64_t)(FIRST + i));
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int attributes(fuse_ino_t ino, struct stat *st)
{
	char text[16];

	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	if (ino == FUSE_ROOT_ID) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return 0;
	}
	if (ino < FIRST || ino >= FIRST + GAMES)
		return ENOENT;
	st->st_mode = S_IFREG | 0444;
	st->st_nlink = 1;
	st->st_size = (off_t)content(ino, text);
	return 0;
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {.attr_timeout = FOREVER, .entry_timeout = FOREVER};

	for (fuse_ino_t i = 0; parent == FUSE_ROOT_ID && i < GAMES; i++) {
		if (strcmp(name, names[i]) == 0)
			e.ino = FIRST + i;
	}
	if (e.ino == 0) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	attributes(e.ino, &e.attr);
	fuse_reply_entry(req, &e);
}

static void getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	int err = attributes(ino, &st);

	(void)fi;
	if (err != 0)
		fuse_reply_err(req, err);
	else
		fuse_reply_attr(req, &st, FOREVER);
}

static void readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	char buf[1024];
	size_t used = 0;

	(void)fi;
	if (ino != FUSE_ROOT_ID) {
		fuse_reply_err(req, ENOTDIR);
		return;
	}
	if (size > sizeof(buf))
		size = sizeof(buf);
	for (fuse_ino_t i = (fuse_ino_t)off; i < GAMES; i++) {
		struct stat st = {.st_ino = FIRST + i, .st_mode = S_IFREG};
		size_t n = fuse_add_direntry(req, buf + used, size - used, names[i], &st, (off_t)i + 1);

		if (n > size - used)
			break;
		used += n;
	}
	fuse_reply_buf(req, buf, used);
}

static void open_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (ino == FUSE_ROOT_ID) {
		fuse_reply_err(req, EISDIR);
		return;
	}
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

static void read_file(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	char text[16];
	size_t n = content(ino, text);

	(void)fi;
	if ((size_t)off >= n)
		size = 0;
	else if (size > n - (size_t)off)
		size = n - (size_t)off;
	fuse_reply_buf(req, text + off, size);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = lookup,
	.getattr = getattr,
	.readdir = readdir,
	.open = open_file,
	.read = read_file,
};

/* The session is mounted, and the program where it will stay. */
static int serve(struct fuse_session *se)
{
	pthread_t player;
	int rc;

	if (notify_start(se) != 0)
		return 1;
	rc = pthread_create(&player, NULL, play, NULL);
	if (rc == 0) {
		rc = fuse_session_loop_mt(se, NULL);
		atomic_store(&over, 1);
		pthread_join(player, NULL);
	}
	notify_stop();
	return rc;
}

int main(int argc, char *argv[])
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct fuse_cmdline_opts opts;
	struct fuse_session *se;
	int rc = 1;

	if (fuse_parse_cmdline(&args, &opts) != 0)
		return 1;
	if (opts.mountpoint == NULL) {
		fprintf(stderr, "usage: %s [options] <mountpoint>\n", argv[0]);
		return 1;
	}
	se = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (se != NULL && fuse_set_signal_handlers(se) == 0) {
		if (fuse_session_mount(se, opts.mountpoint) == 0) {
			if (fuse_daemonize(opts.foreground) == 0) /* which forks: Go comes after it */
				rc = serve(se);
			fuse_session_unmount(se);
		}
		fuse_remove_signal_handlers(se);
	}
	if (se != NULL)
		fuse_session_destroy(se);
	free(opts.mountpoint);
	fuse_opt_free_args(&args);
	return rc ? 1 : 0;
}
