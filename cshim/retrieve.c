/* retrieve.c: what the kernel has cached of a file, asked for by FUSE_NOTIFY_RETRIEVE. */
#include "shim.h"

#include <errno.h>
#include <stdlib.h>

/*
 * libfuse leaks a request for each NOTIFY_REPLY that nobody has asked for. The kernel sends none; the peer of a socket may. libfuse
 * numbers what it asks for from 1 on, so these are the numbers that may come.
 */
struct gf_retrieves {
	pthread_mutex_t lock;
	uint64_t last; /* number */
	uint64_t *open;
	size_t n, cap;
};

static struct gf_retrieves *retrieves(struct gf_session *s)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	if (s->retrieves == NULL) {
		s->retrieves = calloc(1, sizeof(*s->retrieves));
		if (s->retrieves != NULL)
			pthread_mutex_init(&s->retrieves->lock, NULL);
	}
	pthread_mutex_unlock(&lock);
	return s->retrieves;
}

static bool add_open(struct gf_retrieves *r)
{
	bool ok = true;

	pthread_mutex_lock(&r->lock);
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16;
		uint64_t *open = realloc(r->open, cap * sizeof(*open));

		ok = open != NULL;
		if (ok) {
			r->open = open;
			r->cap = cap;
		}
	}
	if (ok)
		r->open[r->n++] = ++r->last;
	pthread_mutex_unlock(&r->lock);
	return ok;
}

/* Is a NOTIFY_REPLY with this number waited for? If so, it is no longer. */
bool gf_retrieve_expected(struct gf_session *s, uint64_t unique)
{
	struct gf_retrieves *r = retrieves(s);
	bool found = false;

	if (r == NULL)
		return false;
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->n && !found; i++) {
		found = r->open[i] == unique;
		if (found)
			r->open[i] = r->open[--r->n];
	}
	pthread_mutex_unlock(&r->lock);
	return found;
}

int gf_notify_retrieve(struct gf_session *s, uint64_t ino, size_t size, off_t off, uint64_t cookie)
{
	if (s->adopted && !s->can_retrieve)
		return -EOPNOTSUPP; /* the answer would go to C, which does not know the cookie */
	if (s->socket && !s->adopted) { /* which takes any notification, so the number is not used up in vain */
		struct gf_retrieves *r = retrieves(s);

		if (r == NULL || !add_open(r))
			return -ENOMEM;
	}
	return fuse_lowlevel_notify_retrieve(s->se, ino, size, off, (void *)((uintptr_t)cookie | GF_COOKIE_GO));
}

void gf_retrieves_free(struct gf_session *s)
{
	if (s->retrieves == NULL)
		return;
	pthread_mutex_destroy(&s->retrieves->lock);
	free(s->retrieves->open);
	free(s->retrieves);
}
