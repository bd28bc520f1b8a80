/* log.c: what libfuse says, by fuse_log and by perror. */
#include "shim.h"
#include "_cgo_export.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- fuse_log: to Go if it wants to, to stderr if not; and to who captures what this thread causes ---- */

static atomic_bool to_go;

/*
 * libfuse's own loop cancels its threads in the middle of what they say about a read that failed. That would leave C's stderr locked, and everybody
 * waiting who says something later; or unwind the thread through Go. So there is no cancelling meanwhile.
 */
static int uncancelled(void)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return state;
}

static void cancelled_again(int state)
{
	pthread_setcancelstate(state, NULL);
}

/* What this thread's captor gets. */
static __thread struct gf_capture *captor;

/* libfuse logs some messages in pieces: they are put together until a line is whole. (On the heap: a library that is loaded late gets but little memory for threads.) */
static __thread struct {
	size_t len;
	char *text;
} line;

static void log_line(enum fuse_log_level level, const char *text, size_t n)
{
	char *whole;

	if (line.len == 0 && n > 0 && text[n - 1] == '\n') {
		gfLog((int)level, (char *)text, n);
		return;
	}
	whole = realloc(line.text, line.len + n);
	if (whole == NULL)
		return;
	memcpy(whole + line.len, text, n);
	line.text = whole;
	line.len += n;
	if (n == 0 || text[n - 1] != '\n')
		return;
	gfLog((int)level, line.text, line.len);
	free(line.text);
	line.text = NULL;
	line.len = 0;
}

static void log_message(enum fuse_log_level level, const char *format, va_list ap)
{
	char text[1024];
	int n = vsnprintf(text, sizeof(text), format, ap), state;

	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	if (captor != NULL && level <= FUSE_LOG_WARNING) {
		size_t room = sizeof(captor->text) - 1 - captor->len;
		size_t take = (size_t)n < room ? (size_t)n : room;

		memcpy(captor->text + captor->len, text, take);
		captor->len += take;
	}
	state = uncancelled();
	if (atomic_load(&to_go))
		log_line(level, text, (size_t)n);
	else
		fputs(text, stderr);
	cancelled_again(state);
}

/* To be called before the first capture, and before anything goes to Go; and no sooner: in a C program the log is the program's. */
void gf_log_install(void)
{
	fuse_set_log_func(log_message);
}

void gf_log_to_go(bool on)
{
	atomic_store(&to_go, on);
}

/* Has the errors that libfuse reports on this thread kept in c, which is zeroed; NULL: no longer. */
void gf_log_capture(struct gf_capture *c)
{
	captor = c;
}

/* ---- perror: through streams of ours in the place of C's stderr ---- */

static struct {
	pthread_mutex_t lock;
	FILE *theirs, *guard, *capture;
	bool guarded, captured;
} standard_error = {.lock = PTHREAD_MUTEX_INITIALIZER};

#ifdef __GLIBC__
static ssize_t guard_write(void *cookie, const char *buf, size_t size)
{
	int state = uncancelled();
	size_t n = fwrite(buf, 1, size, standard_error.theirs);

	(void)cookie;
	cancelled_again(state);
	return (ssize_t)n;
}

static ssize_t capture_write(void *cookie, const char *buf, size_t size)
{
	static const char prefix[] = "fuse";
	int state;

	if (size < sizeof(prefix) - 1 || memcmp(buf, prefix, sizeof(prefix) - 1) != 0)
		return guard_write(cookie, buf, size);
	state = uncancelled();
	gfLog(FUSE_LOG_ERR, (char *)buf, size);
	cancelled_again(state);
	return (ssize_t)size;
}

static FILE *open_stream(cookie_write_function_t *write, int buffering)
{
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write});

	if (f != NULL)
		setvbuf(f, NULL, buffering, 1024);
	return f;
}

/* Puts the stream into the place of stderr that does what is wanted. Called with the lock held. */
static int redirect(void)
{
	if (standard_error.theirs == NULL) {
		standard_error.theirs = stderr;
		standard_error.guard = open_stream(guard_write, _IONBF);
		standard_error.capture = open_stream(capture_write, _IOLBF);
	}
	if (standard_error.guard == NULL || standard_error.capture == NULL)
		return -1;
	if (standard_error.captured)
		stderr = standard_error.capture;
	else
		stderr = standard_error.guarded ? standard_error.guard : standard_error.theirs;
	return 0;
}
#else /* musl: stderr cannot be replaced, and its writes are no points to be cancelled at */
static int redirect(void)
{
	return standard_error.captured ? -1 : 0;
}
#endif

/* Has what begins with "fuse" on C's stderr, line by line, passed to Go; the rest passes through. -1: this C library cannot. */
int gf_stderr_capture(bool on)
{
	int rc;

	pthread_mutex_lock(&standard_error.lock);
	standard_error.captured = on;
	rc = redirect();
	pthread_mutex_unlock(&standard_error.lock);
	return rc;
}

/* Makes C's stderr safe from threads that are cancelled while they write to it, once and for all. */
void gf_stderr_guard(void)
{
	pthread_mutex_lock(&standard_error.lock);
	standard_error.guarded = true;
	redirect();
	pthread_mutex_unlock(&standard_error.lock);
}
