/* notify.c: messages to the kernel that answer no request. */
#include "shim.h"

int gf_notify_retrieve(struct gf_session *s, uint64_t ino, size_t size, off_t off, uint64_t cookie)
{
	return fuse_lowlevel_notify_retrieve(s->se, ino, size, off, (void *)(uintptr_t)cookie);
}
