/* handlers.c: what is still in C. */
#include "handlers.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "_cgo_export.h"

#define FOREVER 1e9

static const struct {
	const char *name;
	fuse_ino_t ino;
} files[] = {{"c", FILE_IN_C}, {"go", FILE_IN_GO}};

static int attributes(fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	if (ino == FUSE_ROOT_ID) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return 0;
	}
	if (ino != FILE_IN_C && ino != FILE_IN_GO)
		return ENOENT;
	st->st_mode = S_IFREG | 0444;
	st->st_nlink = 1;
	st->st_size = 4096;
	return 0;
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {.attr_timeout = FOREVER, .entry_timeout = FOREVER};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (parent == FUSE_ROOT_ID && strcmp(files[i].name, name) == 0)
			e.ino = files[i].ino;
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

	(void)ino;
	(void)fi;
	if (size > sizeof(buf))
		size = sizeof(buf);
	for (size_t i = (size_t)off; i < sizeof(files) / sizeof(files[0]); i++) {
		struct stat st = {.st_ino = files[i].ino, .st_mode = S_IFREG};
		size_t n = fuse_add_direntry(req, buf + used, size - used, files[i].name, &st, (off_t)i + 1);

		if (n > size - used)
			break;
		used += n;
	}
	fuse_reply_buf(req, buf, used);
}

static void open_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

/* Called by Go, for what Go does not want to read. */
void c_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	const struct settings *s = fuse_req_userdata(req);
	size_t n = strlen(s->text);

	(void)ino;
	(void)fi;
	if ((size_t)off >= n)
		size = 0;
	else if (size > n - (size_t)off)
		size = n - (size_t)off;
	fuse_reply_buf(req, s->text + off, size);
}

/* A handler in C whose answer is Go's, later. */
static void getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	if (strcmp(name, "user.ported") != 0) {
		fuse_reply_err(req, ENODATA);
		return;
	}
	goGetxattr(req, ino, size);
}

const struct fuse_lowlevel_ops handlers = {
	.lookup = lookup,
	.getattr = getattr,
	.readdir = readdir,
	.open = open_file,
	.read = c_read,
	.getxattr = getxattr,
};
