package lowlevel

import (
	"context"
	"log/slog"
	"strings"

	"github.com/go-libfuse3/go-libfuse3/cshim"
)

// SetLogger has what libfuse logs passed to l, and what it prints to stderr by perror as well, where the C library allows to
// catch that (glibc): lines of C's stderr that begin with "fuse"; others go to stderr as before. Nil has it go to stderr again, as in C. There is one logger for the process, as libfuse has it.
//
// Implements:
//
//	void fuse_set_log_func(fuse_log_func_t func);
func SetLogger(l *slog.Logger) {
	if l == nil {
		cshim.CaptureStderr(false)
		cshim.SetLogger(nil)
		return
	}
	cshim.SetLogger(func(level int, text string) {
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\n"); line != "" {
				l.Log(context.Background(), slogLevel(level), line)
			}
		}
	})
	cshim.CaptureStderr(true)
}

// slogLevel maps enum fuse_log_level, which are syslog's levels.
func slogLevel(level int) slog.Level {
	switch {
	case level <= 3: // FUSE_LOG_EMERG, ALERT, CRIT, ERR
		return slog.LevelError
	case level == 4: // FUSE_LOG_WARNING
		return slog.LevelWarn
	case level <= 6: // FUSE_LOG_NOTICE, INFO
		return slog.LevelInfo
	}
	return slog.LevelDebug // FUSE_LOG_DEBUG
}
