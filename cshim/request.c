/* request.c: what can be asked of a request while it is not answered. */
#include "shim.h"
#include "_cgo_export.h"

/* The real number of groups is returned; list takes at most size of them. */
int gf_req_groups(fuse_req_t req, int size, uint32_t *list)
{
	_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "gid_t");
	return fuse_req_getgroups(req, size, (gid_t *)list);
}

static void interrupted(fuse_req_t req, void *data)
{
	const struct gf_session *s = gf_session_of(req);

	if (s != NULL)
		gfInterrupted(s->handle, (uint64_t)(uintptr_t)data);
}

/* Calls gfInterrupted(session, id) when the kernel interrupts the request; at once if it has. */
void gf_req_watch(fuse_req_t req, uint64_t id)
{
	fuse_req_interrupt_func(req, interrupted, (void *)(uintptr_t)id);
}

/* Waits for a running call. Must come before the reply: afterwards the request is gone. */
void gf_req_unwatch(fuse_req_t req)
{
	fuse_req_interrupt_func(req, NULL, NULL);
}
