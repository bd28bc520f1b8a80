/*
 * signal.c: how to get a thread out of a system call that blocks.
 *
 * A signal does, if its handler was installed without SA_RESTART; those of Go are installed with it. SIGURG is the signal that Go
 * sends its own threads all the time, so a Go program takes it anywhere, and on a thread of C it does nothing. While somebody
 * wants to interrupt, its handler is installed without that flag. (pthread_cancel would do it without a signal of ours, but unwinds
 * through frames that sanitizers watch, needs libgcc_s at run time, and may lose the request that was just read.)
 */
#include "shim.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int users;
static struct sigaction usual;

static void nothing(int sig)
{
	(void)sig;
}

/* From now on gf_interrupt works. A thread may have to be interrupted more than once: the signal may come before the call blocks. */
void gf_interrupt_begin(void)
{
	pthread_mutex_lock(&lock);
	if (users++ == 0) {
		struct sigaction sa;

		sigaction(SIGURG, NULL, &usual);
		sa = usual;
		sa.sa_flags = (usual.sa_flags & ~SA_RESTART) | SA_ONSTACK;
		if (!(usual.sa_flags & SA_SIGINFO) && (usual.sa_handler == SIG_DFL || usual.sa_handler == SIG_IGN))
			sa.sa_handler = nothing;
		sigaction(SIGURG, &sa, NULL);
	}
	pthread_mutex_unlock(&lock);
}

void gf_interrupt(pthread_t thread)
{
	pthread_kill(thread, SIGURG);
}

void gf_interrupt_end(void)
{
	pthread_mutex_lock(&lock);
	if (--users == 0)
		sigaction(SIGURG, &usual, NULL);
	pthread_mutex_unlock(&lock);
}

/* Creates a thread that leaves the program's signals to others, as those of libfuse's own loop do, and that can be interrupted. */
int gf_thread_create(pthread_t *thread, void *(*f)(void *), void *arg)
{
	sigset_t set, old;
	int rc;

	pthread_sigmask(SIG_SETMASK, NULL, &old);
	set = old;
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigdelset(&set, SIGURG);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	rc = pthread_create(thread, NULL, f, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}
