/*
 * host.c: sessions that a C program makes and runs: those with handlers of Go's (gf_bind, gf_ll_init), and those that Go only notifies
 * (gf_adopt).
 *
 * The C program may destroy its session when it likes. So notifications go through a descriptor of ours for the same connection, and not through the
 * struct fuse_session.
 */
#include "shim.h"
#include "_cgo_export.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for the states of sessions, and for looking one up before adding it */

/* All sessions of C programs that Go knows. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct gf_session *all_adopted;

static struct gf_session *adopted_new(struct fuse_session *se, void *userdata)
{
	struct gf_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->adopted = true;
	s->fd = s->wake[0] = s->wake[1] = -1;
	s->se = se;
	s->userdata = userdata;
	pthread_mutex_lock(&list_lock);
	s->next_adopted = all_adopted;
	all_adopted = s;
	pthread_mutex_unlock(&list_lock);
	return s;
}

/* Gets hold of the connection. It must be there. */
static int connect_to(struct gf_session *s)
{
	int type, fd = s->se == NULL ? -1 : fuse_session_fd(s->se);
	socklen_t len = sizeof(type);

	if (fd < 0)
		return -ENOTCONN;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	s->socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
	s->fd = fd;
	return 0;
}

static void adopted_free(struct gf_session *s)
{
	pthread_mutex_lock(&list_lock);
	for (struct gf_session **at = &all_adopted; *at != NULL; at = &(*at)->next_adopted) {
		if (*at == s) {
			*at = s->next_adopted;
			break;
		}
	}
	pthread_mutex_unlock(&list_lock);
	if (s->fd >= 0)
		close(s->fd);
	free(s->filesystem);
	free(s);
}

/* ---- the end of a session while notifications wait for requests to be answered, which nobody does any more ---- */

#define UNBLOCK_MS 2000

static bool is_notifying(const struct gf_session *s)
{
	return __atomic_load_n(&s->notifying, __ATOMIC_SEQ_CST) > 0;
}

/* Answers EIO to requests until no notification waits. Those that the C program has taken and not answered, newer kernels send again. */
static void refuse_requests(struct gf_session *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	size_t payload = 1 << 20;
	struct gf_input in;
	int rc = gf_input_alloc(&in, payload);

	gf_notify_resend(s);
	for (int ms = 0; rc == 0 && is_notifying(s) && ms < UNBLOCK_MS; ms++) {
		if (poll(&p, 1, 1) <= 0)
			continue;
		rc = gf_refuse_next(s, &in);
		if (rc == -EINVAL) { /* the kernel wants room for the longest request that it may send */
			gf_input_free(&in);
			rc = gf_input_alloc(&in, payload *= 2);
		}
	}
	gf_input_free(&in);
}

/* For a session that nobody serves: nothing of Go's waits for the kernel after it. Notifications that come later have to be kept out before. */
void gf_adopted_unblock(struct gf_session *s)
{
	if (!is_notifying(s))
		return;
	if (s->socket)
		shutdown(s->fd, SHUT_RDWR);
	else
		refuse_requests(s);
}

/*
 * At the process's end. A thread that waits in the kernel for another process's request to be answered, which waits for this process to answer it or to go, would keep both for ever.
 */
__attribute__((destructor)) static void unblock_all(void)
{
	pthread_mutex_lock(&list_lock);
	for (struct gf_session *s = all_adopted; s != NULL; s = s->next_adopted)
		gf_adopted_unblock(s);
	pthread_mutex_unlock(&list_lock);
}

/* Nobody serves this session any more, by whatever name Go knows it. */
static void set_unserved(const struct fuse_session *se)
{
	pthread_mutex_lock(&list_lock);
	for (struct gf_session *s = all_adopted; s != NULL; s = s->next_adopted) {
		if (s->se == se)
			s->unserved = true;
	}
	pthread_mutex_unlock(&list_lock);
}

/* ---- with handlers ---- */

/* Adds a session, unless there is one with that userdata. */
static int add(struct gf_session *s, const char *filesystem)
{
	int rc = 0;

	if (s == NULL)
		return -ENOMEM;
	if (filesystem != NULL && (s->filesystem = strdup(filesystem)) == NULL) {
		adopted_free(s);
		return -ENOMEM;
	}
	pthread_mutex_lock(&lock);
	if (gf_session_by_userdata(s->userdata) != NULL)
		rc = -EEXIST;
	else
		gf_sessions_add(s);
	pthread_mutex_unlock(&lock);
	if (rc != 0)
		adopted_free(s);
	return rc;
}

int gf_bind(struct fuse_session *se, const struct fuse_lowlevel_ops *ops, void *userdata, const char *filesystem)
{
	struct gf_session *s;

	if (se == NULL || ops == NULL || ops->destroy == NULL)
		return -EINVAL;
	s = adopted_new(se, userdata);
	if (s != NULL)
		s->can_retrieve = ops->retrieve_reply != NULL;
	return add(s, filesystem);
}

int gf_hl_bind(struct fuse *f, const char *filesystem)
{
	struct gf_session *s;

	if (f == NULL)
		return -EINVAL;
	s = adopted_new(fuse_get_session(f), f);
	if (s != NULL)
		s->paths = true;
	return add(s, filesystem);
}

/* The session with that userdata, made if there is none. */
static struct gf_session *find(void *userdata, struct fuse_session *se)
{
	struct gf_session *s = gf_session_by_userdata(userdata);

	if (s != NULL)
		return s;
	s = adopted_new(se, userdata);
	if (s != NULL) {
		s->paths = se != NULL;
		gf_sessions_add(s);
	}
	return s;
}

static __thread bool opening; /* this thread has the lock, and is in Go */

/* Has Go open its filesystem. */
static void open_filesystem(struct gf_session *s)
{
	const char *name = s->filesystem == NULL ? "" : s->filesystem;
	int state = GF_HOST_FAILED;

	if (gf_start() == 0) {
		connect_to(s); /* if not, Go can serve, but not notify */
		opening = true;
		s->handle = gfOpenFilesystem(s, s->paths, (char *)name, strlen(name));
		opening = false;
		if (s->handle != UINT64_MAX)
			state = GF_HOST_OPEN;
	}
	__atomic_store_n(&s->host_state, state, __ATOMIC_RELEASE);
}

/* Has it a handler in Go? */
bool gf_session_is_open(const struct gf_session *s)
{
	return !s->adopted || __atomic_load_n(&s->host_state, __ATOMIC_ACQUIRE) == GF_HOST_OPEN;
}

/* The session with that userdata, with its filesystem open; NULL: Go cannot serve it. */
static struct gf_session *host_of(void *userdata, struct fuse *f)
{
	struct gf_session *s = gf_session_by_userdata(userdata);

	if (gf_go_is_lost())
		return NULL;
	if (s != NULL && gf_session_is_open(s))
		return s;
	pthread_mutex_lock(&lock);
	s = find(userdata, f == NULL ? NULL : fuse_get_session(f));
	if (s != NULL && s->host_state == GF_HOST_NEW)
		open_filesystem(s);
	pthread_mutex_unlock(&lock);
	return s != NULL && gf_session_is_open(s) ? s : NULL;
}

/* The session that Go was told of as se and serves, or serves from now on; NULL: there is none, or it is not mounted. */
struct gf_session *gf_host_of_se(struct fuse_session *se)
{
	struct gf_session *s;

	if (opening)
		return NULL;
	pthread_mutex_lock(&lock);
	s = gf_session_by_se(se);
	if (s != NULL && s->paths)
		s = NULL;
	if (s != NULL && s->adopted && s->host_state == GF_HOST_NEW && fuse_session_fd(se) >= 0)
		open_filesystem(s);
	pthread_mutex_unlock(&lock);
	return s != NULL && gf_session_is_open(s) ? s : NULL;
}

struct gf_session *gf_host_of(void *userdata)
{
	return host_of(userdata, NULL);
}

struct gf_session *gf_hl_host_of(struct fuse *f)
{
	return host_of(f, f);
}

/* As a member of a table, or called by a C program's own. */
void gf_ll_init(void *userdata, struct fuse_conn_info *conn)
{
	struct gf_session *s = gf_session_here();

	if (s == NULL)
		s = gf_host_of(userdata);
	if (s == NULL)
		return;
	if (s->adopted)
		gf_signals_onstack();
	gf_conn_init(s, conn);
}

/* What Go cannot let go of, stays. */
static void adopted_destroy(struct gf_session *s)
{
	bool idle = !gf_session_is_open(s) || gfDestroy(s->handle);

	gf_sessions_remove(s);
	if (idle)
		adopted_free(s);
}

void gf_ll_destroy(void *userdata)
{
	struct gf_session *s = gf_session_here();

	if (s == NULL)
		s = gf_session_by_userdata(userdata);
	if (s == NULL || gf_go_is_lost())
		return;
	if (s->adopted) {
		set_unserved(s->se);
		adopted_destroy(s);
		return;
	}
	gfDestroy(s->handle);
	if (s->base_destroy != NULL)
		s->base_destroy(userdata);
}

/* ---- for notifications only ---- */

/* A session for Go to notify. NULL with errno: ENOTCONN (it is not mounted). */
struct gf_session *gf_adopt(struct fuse_session *se, uint64_t handle)
{
	struct gf_session *s = adopted_new(se, NULL);
	int rc = s == NULL ? -ENOMEM : connect_to(s);

	if (rc != 0) {
		if (s != NULL)
			adopted_free(s);
		errno = -rc;
		return NULL;
	}
	s->handle = handle;
	gf_signals_onstack(); /* the program's handlers may have come after Go */
	return s;
}

void gf_release(struct gf_session *s)
{
	adopted_free(s);
}

/*
 * Has the C program's session had its INIT? libfuse refuses notifications before that. This one has data that cannot be read, so it is never sent. Once the answer is
 * yes, the struct fuse_session is left alone.
 */
bool gf_adopted_inited(struct gf_session *s)
{
	bool inited = __atomic_load_n(&s->inited, __ATOMIC_ACQUIRE);

	if (!inited && s->se != NULL) {
		struct fuse_bufvec v = FUSE_BUFVEC_INIT(1);
		int rc;

		v.buf[0].flags = FUSE_BUF_IS_FD;
		v.buf[0].fd = -1;
		rc = fuse_lowlevel_notify_store(s->se, 0, 0, &v, FUSE_BUF_NO_SPLICE);
		inited = rc != -ENOSYS && rc != -ENOTCONN;
		__atomic_store_n(&s->inited, inited, __ATOMIC_RELEASE);
	}
	return inited;
}
