/*
 * start.c: Go in a C program: when it starts, and what it must leave alone.
 *
 * An archive of `go build -buildmode=c-archive` starts Go before main() is called, by an entry of .init_array. That is too early for a
 * program that goes to the background by fork(), as fuse_daemonize() does: of all threads, only the one that forks lives on in the child. So
 * go-libfuse3-build moves that entry out of the way, and gf_start() calls it: when a function of Go's is called for the first time, such as by the first request, which is after all that. In an
 * archive that was not treated so, Go starts early, and serves only a process that does not fork.
 */
#include "shim.h"
#include "_cgo_export.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void (*entry_fn)(int argc, char **argv, char **envp);

/* The entry, where go-libfuse3-build has put it; not there in other archives. */
extern entry_fn gf_go_entry __attribute__((weak, visibility("hidden")));

/* The Go runtime's own: waits until Go is there. */
extern uintptr_t _cgo_wait_runtime_init_done(void);

static atomic_bool started; /* or about to be */
static atomic_bool lost;    /* this process was forked from one in which Go had been started */

static void after_fork(void)
{
	if (atomic_load(&started))
		atomic_store(&lost, true);
}

__attribute__((constructor)) static void watch_forks(void)
{
	if (&gf_go_entry == NULL)
		atomic_store(&started, true);
	pthread_atfork(NULL, NULL, after_fork);
}

bool gf_go_is_lost(void)
{
	return atomic_load(&lost);
}

/* ---- the arguments of a program, as the loader passes them: argv, NULL, environment, NULL, and no auxiliary vector ---- */

static char *read_cmdline(size_t *len)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t cap = 0;
	ssize_t n = 1;

	*len = 0;
	while (fd >= 0 && n > 0) {
		if (*len + 4096 > cap) {
			char *more = realloc(text, cap += 65536);

			if (more == NULL)
				break;
			text = more;
		}
		n = read(fd, text + *len, cap - *len - 1);
		if (n > 0)
			*len += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	return text;
}

/* Never freed: Go keeps it. */
static char **loader_args(int *argc)
{
	static char *kept;
	size_t len, n_env = 0, n = 0;
	char *text = read_cmdline(&len), **args;

	*argc = 0;
	kept = text;
	for (size_t i = 0; text != NULL && i < len; i++)
		*argc += kept[i] == '\0';
	while (environ != NULL && environ[n_env] != NULL)
		n_env++;
	args = calloc((size_t)*argc + 1 + n_env + 1 + 2, sizeof(*args));
	if (args == NULL)
		abort(); /* not even a few pages */
	for (int i = 0; i < *argc; i++) {
		args[n++] = text;
		text += strlen(text) + 1;
	}
	n++;
	if (n_env > 0)
		memcpy(args + n, environ, n_env * sizeof(*args));
	return args;
}

/* ---- signals ---- */

/* Go cannot do without these: faults in Go become panics (others are passed on), and SIGURG interrupts goroutines. */
static bool is_gos(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGURG;
}

static bool is_default(const struct sigaction *sa)
{
	return !(sa->sa_flags & SA_SIGINFO) && sa->sa_handler == SIG_DFL;
}

/* Go's threads leave the program's signals to the program's threads: threads inherit their signal mask. */
static void block_signals(sigset_t *old)
{
	static const int keep[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGURG, SIGPROF};
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
		sigdelset(&set, keep[i]);
	pthread_sigmask(SIG_BLOCK, &set, old);
}

/*
 * The program's handlers run on an alternate stack from now on, where the thread has one: a thread that is in Go has but a goroutine's
 * small stack otherwise. Go does so itself for handlers that were there before it.
 */
void gf_signals_onstack(void)
{
	struct sigaction sa;

	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &sa) != 0 || is_default(&sa) || sa.sa_flags & SA_ONSTACK)
			continue;
		if (!(sa.sa_flags & SA_SIGINFO) && sa.sa_handler == SIG_IGN)
			continue;
		sa.sa_flags |= SA_ONSTACK;
		sigaction(sig, &sa, NULL);
	}
}

/* Gives the program back the handlers that Go has put its own in the place of. */
static void restore_signals(const struct sigaction *before)
{
	for (int sig = 1; sig < NSIG; sig++) {
		if (!is_gos(sig) && !is_default(&before[sig]))
			sigaction(sig, &before[sig], NULL);
	}
	gf_signals_onstack();
}

/* ---- the start ---- */

static void start_go(void)
{
	static struct sigaction before[NSIG];
	sigset_t mask;
	int argc;
	char **args = loader_args(&argc);

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, NULL, &before[sig]);
	block_signals(&mask);
	gf_go_entry(argc, args, args + argc + 1);
	gfStarted(); /* returns when Go is there */
	restore_signals(before);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

int gf_start(void)
{
	if (gf_go_is_lost())
		return -ENOTSUP;
	if (!atomic_exchange(&started, true))
		start_go();
	return 0;
}

/* What every function of Go's calls before it enters Go, in an archive of go-libfuse3-build. */
uintptr_t gf_wait_for_go(void)
{
	if (gf_start() != 0) {
		static const char text[] = "go-libfuse3: a function of Go's was called in a process that was forked after Go had been started\n";

		if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
			abort();
		abort();
	}
	return _cgo_wait_runtime_init_done();
}
