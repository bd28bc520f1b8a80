/* log.c: what libfuse says, by fuse_log and by perror. */
#include "shim.h"
#include "_cgo_export.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- fuse_log: to Go if it wants to, to stderr if not; and to who captures what this thread causes ---- */

static atomic_bool to_go;

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
	int n = vsnprintf(text, sizeof(text), format, ap);

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
	if (atomic_load(&to_go))
		log_line(level, text, (size_t)n);
	else
		fputs(text, stderr);
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

/* ---- perror: C's stderr, line by line; what does not begin with "fuse" passes through ---- */

static ssize_t stderr_write(void *cookie, const char *buf, size_t size)
{
	static const char prefix[] = "fuse";

	(void)cookie;
	if (size >= sizeof(prefix) - 1 && memcmp(buf, prefix, sizeof(prefix) - 1) == 0) {
		gfLog(FUSE_LOG_ERR, (char *)buf, size);
		return (ssize_t)size;
	}
	return write(STDERR_FILENO, buf, size);
}

/*
 * Redirects C's stderr of this process through stderr_write, once and for all. -1: this C library cannot (musl).
 */
int gf_stderr_capture(bool on)
{
#ifdef __GLIBC__
	static FILE *ours, *theirs;

	if (theirs == NULL)
		theirs = stderr;
	if (on && ours == NULL) {
		cookie_io_functions_t io = {.write = stderr_write};

		ours = fopencookie(NULL, "w", io);
		if (ours == NULL)
			return -1;
		setvbuf(ours, NULL, _IOLBF, 1024);
	}
	stderr = on ? ours : theirs;
	return 0;
#else
	return on ? -1 : 0;
#endif
}
