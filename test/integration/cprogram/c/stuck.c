/*
 * A filesystem that ends while a notification of Go's waits for a request that nobody will answer: the loop, on one thread, is busy with a getattr of "slow" until
 * there is a signal; meanwhile the kernel asks for data of "file".
 */
#include <errno.h>
#include <go-libfuse3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adopttest.h"

#define SLOW 2
#define FILE_INO 3
#define FOREVER 1e9

static struct fuse_session *session;

static void attributes(fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
	st->st_nlink = 1;
	st->st_size = 5;
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {.entry_timeout = FOREVER};

	(void)parent;
	e.ino = strcmp(name, "slow") == 0 ? SLOW : strcmp(name, "file") == 0 ? FILE_INO : 0;
	if (e.ino == 0) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	e.attr_timeout = e.ino == SLOW ? 0 : FOREVER;
	attributes(e.ino, &e.attr);
	fuse_reply_entry(req, &e);
}

static void getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	char byte;

	(void)fi;
	if (ino == SLOW) {
		hook((char *)"slow", session);
		if (read(STDIN_FILENO, &byte, 1) >= 0)
			abort(); /* nothing comes there */
	}
	attributes(ino, &st);
	fuse_reply_attr(req, &st, ino == SLOW ? 0 : FOREVER);
}

static void open_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

static void read_file(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)ino;
	(void)size;
	(void)off;
	(void)fi;
	fuse_reply_buf(req, "data\n", 5);
}

int main(int argc, char *argv[])
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct fuse_lowlevel_ops ops = {
		.lookup = lookup,
		.getattr = getattr,
		.open = open_file,
		.read = read_file,
	};
	const char *how = getenv("HOW");
	struct fuse_cmdline_opts opts;
	int rc = 1;

	if (fuse_parse_cmdline(&args, &opts) != 0)
		return 1;
	if (how != NULL && strcmp(how, "bound") == 0) {
		ops.init = gf_ll_init;
		ops.destroy = gf_ll_destroy;
	}
	session = fuse_session_new(&args, &ops, sizeof(ops), &opts);
	if (session == NULL || (ops.init != NULL && gf_bind(session, &ops, &opts, NULL) != 0))
		return 1;
	if (fuse_set_signal_handlers(session) == 0 && fuse_session_mount(session, opts.mountpoint) == 0) {
		hook((char *)"mounted", session);
		rc = fuse_session_loop(session);
		hook((char *)"looped", session);
		fuse_session_unmount(session);
		fuse_remove_signal_handlers(session);
	}
	fuse_session_destroy(session);
	hook((char *)"destroyed", session);
	free(opts.mountpoint);
	fuse_opt_free_args(&args);
	return rc ? 1 : 0;
}
