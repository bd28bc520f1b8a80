/*
 * A program with handlers for all signals: what becomes of them with Go in it. signals before|after|default: whether they are installed before Go starts or after it; or none are.
 */
#include <go-libfuse3.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "kernel.h"

#define THREADS 4

static struct fuse_lowlevel_ops ops = {
	.init = gf_ll_init,
	.destroy = gf_ll_destroy,
	.lookup = gf_ll_lookup,
};

static struct kernel kernel;
static struct fuse_session *session;

/* ---- threads of C's ---- */

static pid_t threads[THREADS + 1];
static atomic_int running;
static atomic_bool over;

static pid_t self(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static void *idle(void *arg)
{
	threads[(intptr_t)arg] = self();
	atomic_fetch_add(&running, 1);
	while (!atomic_load(&over))
		usleep(1000);
	return NULL;
}

static bool is_of_c(pid_t tid)
{
	for (int i = 0; i <= THREADS; i++) {
		if (threads[i] == tid)
			return true;
	}
	return false;
}

/* ---- handlers ---- */

static atomic_int handled, elsewhere;

static void handler(int sig)
{
	volatile char stack[6000]; /* more than a goroutine has to spare */

	for (size_t i = 0; i < sizeof(stack); i += 64)
		stack[i] = (char)sig;
	if (!is_of_c(self()))
		atomic_fetch_add(&elsewhere, 1);
	atomic_fetch_add(&handled, 1);
}

static sigjmp_buf fault;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(fault, 1);
}

static void action(int sig, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	handler(sig);
}

static bool is_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE;
}

/* Can there be a handler for it? The C library keeps two for itself. */
static bool catchable(int sig)
{
	return sig != SIGKILL && sig != SIGSTOP && (sig < 32 || sig >= SIGRTMIN);
}

/* Handlers with different flags and masks. */
static void install(void)
{
	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		struct sigaction sa;

		if (!catchable(sig))
			continue;
		memset(&sa, 0, sizeof(sa));
		sa.sa_handler = handler;
		if (sig % 2) {
			sa.sa_sigaction = action;
			sa.sa_flags = SA_SIGINFO;
		}
		if (sig % 3)
			sa.sa_flags |= SA_RESTART;
		sigaddset(&sa.sa_mask, sig % 5 ? SIGUSR1 : SIGUSR2);
		if (is_fault(sig)) {
			sa.sa_handler = on_fault;
			sa.sa_flags = SA_NODEFER;
		}
		if (sig == SIGPIPE)
			sa.sa_handler = SIG_IGN, sa.sa_flags = 0;
		CHECK(sigaction(sig, &sa, NULL) == 0);
	}
}

static struct sigaction before[65];

static void remember(void)
{
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		sigaction(sig, NULL, &before[sig]);
}

static bool is_plain(const struct sigaction *sa)
{
	return !(sa->sa_flags & SA_SIGINFO) && (sa->sa_handler == SIG_DFL || sa->sa_handler == SIG_IGN);
}

static bool same_mask(const sigset_t *a, const sigset_t *b)
{
	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		if (sigismember(a, sig) != sigismember(b, sig))
			return false;
	}
	return true;
}

/* Does Go have a handler of its own? For SIGPIPE, where it had its default: else a connection that breaks under Go would kill the process. */
static bool is_gos(int sig)
{
	return is_fault(sig) || sig == SIGURG || (sig == SIGPIPE && is_plain(&before[sig]) && before[sig].sa_handler == SIG_DFL);
}

/* The program's handlers are what they were, but for SA_ONSTACK, and those that Go has. Where the program came later, it has the last word. */
static void compare(bool go_first)
{
	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		struct sigaction now, *old = &before[sig];
		int added;

		if (!catchable(sig) || (!go_first && is_gos(sig)))
			continue;
		sigaction(sig, NULL, &now);
		added = now.sa_flags & ~old->sa_flags & ~0x04000000; /* SA_RESTORER, the C library's */
		if (now.sa_sigaction != old->sa_sigaction || !same_mask(&now.sa_mask, &old->sa_mask) ||
		    (old->sa_flags & ~now.sa_flags) != 0 || added != (is_plain(old) ? 0 : SA_ONSTACK & ~old->sa_flags)) {
			fprintf(stderr, "signal %d: flags %#x, now %#x, %s handler\n", sig, (unsigned)old->sa_flags, (unsigned)now.sa_flags,
				now.sa_sigaction == old->sa_sigaction ? "the same" : "another");
			exit(1);
		}
	}
}

/* ---- a session ---- */

static void begin(void)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);

	kernel_open(&kernel);
	fuse_opt_add_arg(&args, "signals");
	session = fuse_session_new(&args, &ops, sizeof(ops), &kernel);
	CHECK(session != NULL && gf_bind(session, &ops, &kernel, "ll") == 0);
	CHECK(fuse_session_mount(session, kernel.mountpoint) == 0);
	kernel_init(&kernel);
	serve_one(session);
	CHECK(kernel_answer(&kernel, NULL, 0) == 0);
	fuse_opt_free_args(&args);
}

static int lookup(const char *name)
{
	kernel_lookup(&kernel, name);
	serve_one(session);
	return kernel_answer(&kernel, NULL, 0);
}

static void end(void)
{
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	kernel_close(&kernel);
}

/* ---- what is checked ---- */

/* Signals for the process come to threads of C's. */
static void check_delivery(void)
{
	atomic_store(&handled, 0);
	for (int i = 0; i < 300; i++) {
		int n = atomic_load(&handled);

		kill(getpid(), i % 2 ? SIGUSR1 : SIGTERM);
		CHECK(lookup("x") == 0); /* has Go's threads do something */
		for (int ms = 0; atomic_load(&handled) == n; ms++) {
			CHECK(ms < 10000);
			usleep(1000);
		}
	}
	CHECK(atomic_load(&elsewhere) == 0);
}

/* Threads that are not of C's block them (all but SIGCHLD, SIGPROF and SIGRTMIN, of which Go does not let go). */
static void check_masks(void)
{
	const uint64_t programs = (UINT64_C(1) << (SIGTERM - 1)) | (UINT64_C(1) << (SIGINT - 1)) | (UINT64_C(1) << (SIGHUP - 1)) |
				  (UINT64_C(1) << (SIGUSR1 - 1)) | (UINT64_C(1) << (SIGALRM - 1)) | (UINT64_C(1) << (SIGPIPE - 1));
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int others = 0;

	while ((e = readdir(d)) != NULL) {
		char path[300], line[200];
		uint64_t blocked = 0;
		FILE *f;

		if (e->d_name[0] == '.' || is_of_c(atoi(e->d_name)))
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", e->d_name);
		f = fopen(path, "r");
		CHECK(f != NULL);
		while (fgets(line, sizeof(line), f) != NULL) {
			if (strncmp(line, "SigBlk:", 7) == 0)
				blocked = strtoull(line + 7, NULL, 16);
		}
		fclose(f);
		CHECK((blocked & programs) == programs);
		others++;
	}
	closedir(d);
	CHECK(others > 0);
}

/* Faults in C come to the program's handler, those in Go to Go. */
static void check_faults(void)
{
	static volatile int *const nothing = NULL;
	static volatile int zero;
	volatile int n = 0;

	if (sigsetjmp(fault, 1) == 0) {
		*nothing = 1;
		CHECK(!"a write to NULL");
	}
	n++;
	if (sigsetjmp(fault, 1) == 0) {
		n += 1000 / zero;
		CHECK(!"a division by zero");
	}
	n++;
	if (sigsetjmp(fault, 1) == 0) {
		raise(SIGBUS);
		CHECK(!"SIGBUS");
	}
	CHECK(n == 2);
	CHECK(lookup("fault") == EIO);
	CHECK(lookup("x") == 0);
}

/* Handlers run on the thread that runs Go, all the time. */
static void check_load(void)
{
	const struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
	int n;

	atomic_store(&handled, 0);
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (n = 0; atomic_load(&handled) < 2000; n++)
		CHECK(lookup(n % 2 ? "deep" : "x") == 0);
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	CHECK(atomic_load(&elsewhere) == 0);
}

static void check_pipe(void)
{
	int p[2];

	CHECK(pipe(p) == 0);
	close(p[0]);
	CHECK(write(p[1], "x", 1) < 0 && errno == EPIPE);
	close(p[1]);
}

int main(int argc, char *argv[])
{
	const char *when = argc > 1 ? argv[1] : "";
	pthread_t ids[THREADS];

	threads[THREADS] = self();
	for (intptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&ids[i], NULL, idle, (void *)i) == 0);
	while (atomic_load(&running) < THREADS)
		usleep(1000);
	if (strcmp(when, "after") == 0)
		CHECK(gf_start() == 0);
	if (strcmp(when, "default") != 0)
		install();
	remember();
	begin();
	compare(strcmp(when, "after") == 0);
	check_masks();
	if (strcmp(when, "default") != 0) {
		check_pipe();
		check_delivery();
		check_load();
		if (strcmp(when, "before") == 0)
			check_faults();
	}
	end();
	atomic_store(&over, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	return 0;
}
