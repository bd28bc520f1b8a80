/* handlers.h: a filesystem in C, of which a part has been ported to Go: see main.go. */
#ifndef HANDLERS_H
#define HANDLERS_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#define FILE_IN_C 2
#define FILE_IN_GO 3

/* What fuse_req_userdata is to the C handlers. */
struct settings {
	const char *text; /* of the file that is still in C */
};

extern const struct fuse_lowlevel_ops handlers;

void c_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);

#endif
