/*
 * A filesystem in C, by paths, of which some members are in Go: see ../main.go.
 *
 * It has one file, "now". Everything here is what it would be without Go, but for the lines with gf_.
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse.h>
#include <go-libfuse3.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_PATH "/now"
#define FILE_SIZE 20

static int getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	memset(st, 0, sizeof(*st));
	if (strcmp(path, "/") == 0) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return 0;
	}
	if (strcmp(path, FILE_PATH) != 0)
		return -ENOENT;
	st->st_mode = S_IFREG | 0444;
	st->st_nlink = 1;
	st->st_size = FILE_SIZE;
	return 0;
}

static int readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t off, struct fuse_file_info *fi,
		   enum fuse_readdir_flags flags)
{
	(void)off;
	(void)fi;
	(void)flags;
	if (strcmp(path, "/") != 0)
		return -ENOENT;
	fill(buf, ".", NULL, 0, 0);
	fill(buf, "..", NULL, 0, 0);
	fill(buf, FILE_PATH + 1, NULL, 0, 0);
	return 0;
}

static const struct fuse_operations ops = {
	.init = gf_hl_init,
	.destroy = gf_hl_destroy,
	.read = gf_hl_read,
	.getattr = getattr,
	.readdir = readdir,
};

int main(int argc, char *argv[])
{
	return fuse_main(argc, argv, &ops, NULL);
}
