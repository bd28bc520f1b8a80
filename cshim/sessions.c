/*
 * sessions.c: which session a request is of.
 *
 * A thread of ours that hands a request to libfuse knows. On libfuse's threads there is only the session's userdata to tell by; where
 * C handlers have a say, that is theirs.
 */
#include "shim.h"

#include <stdatomic.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gf_session *sessions;
static atomic_ulong generation = 1; /* of the list */

/* The session whose request this thread hands to libfuse. */
static __thread struct gf_session *entered;

/* What this thread has found last, and in which generation: so the lock is for the first request only. */
static __thread struct {
	unsigned long generation;
	void *userdata;
	struct gf_session *session;
} found;

/* At the end: of those with the same userdata, the first stays the one that is found. */
void gf_sessions_add(struct gf_session *s)
{
	struct gf_session **at = &sessions;

	pthread_mutex_lock(&lock);
	while (*at != NULL)
		at = &(*at)->next;
	s->next = NULL;
	*at = s;
	atomic_fetch_add(&generation, 1);
	pthread_mutex_unlock(&lock);
}

void gf_sessions_remove(struct gf_session *s)
{
	pthread_mutex_lock(&lock);
	for (struct gf_session **at = &sessions; *at != NULL; at = &(*at)->next) {
		if (*at == s) {
			*at = s->next;
			break;
		}
	}
	atomic_fetch_add(&generation, 1);
	pthread_mutex_unlock(&lock);
}

struct gf_session *gf_session_by_userdata(void *userdata)
{
	unsigned long now = atomic_load(&generation);
	struct gf_session *s;

	if (found.generation == now && found.userdata == userdata)
		return found.session;
	pthread_mutex_lock(&lock);
	for (s = sessions; s != NULL && s->userdata != userdata; s = s->next)
		;
	pthread_mutex_unlock(&lock);
	if (s != NULL) {
		found.generation = now;
		found.userdata = userdata;
		found.session = s;
	}
	return s;
}

/* The session that Go was told of as se, or NULL. */
struct gf_session *gf_session_by_se(const struct fuse_session *se)
{
	struct gf_session *s;

	pthread_mutex_lock(&lock);
	for (s = sessions; s != NULL && s->se != se; s = s->next)
		;
	pthread_mutex_unlock(&lock);
	return s;
}

/* Says which session's requests this thread hands to libfuse from now on, and returns what was before. */
struct gf_session *gf_session_enter(struct gf_session *s)
{
	struct gf_session *before = entered;

	entered = s;
	return before;
}

struct gf_session *gf_session_here(void)
{
	return entered;
}

/* The session of a request, if Go serves it or has made it; else NULL. */
struct gf_session *gf_session_known(fuse_req_t req)
{
	struct gf_session *s = entered != NULL ? entered : gf_session_by_userdata(fuse_req_userdata(req));

	return s != NULL && gf_session_is_open(s) ? s : NULL;
}

/* The session of a request; NULL: Go cannot serve it. */
struct gf_session *gf_session_of(fuse_req_t req)
{
	return entered != NULL ? entered : gf_host_of(fuse_req_userdata(req));
}
