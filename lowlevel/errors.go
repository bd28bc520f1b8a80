package lowlevel

import (
	"errors"
	"fmt"
)

// Errors that tell what state a session or request is in. Test for them with errors.Is.
var (
	// ErrClosed: the session has ended, or was closed.
	ErrClosed = errors.New("session is closed")
	// ErrMounted: the session is mounted already. A session is mounted once in its life.
	ErrMounted = errors.New("session is mounted already")
	// ErrNotMounted: the session is not mounted (yet).
	ErrNotMounted = errors.New("session is not mounted")
	// ErrServing: Serve was called before.
	ErrServing = errors.New("session is served already")
	// ErrAdopted: the session is a C program's, which mounts, serves and unmounts it.
	ErrAdopted = errors.New("session belongs to a C program")
	// ErrReplied: the request has been answered already.
	ErrReplied = errors.New("request is answered already")
	// ErrWrongReply: the request cannot be answered like that; it is still to be answered.
	ErrWrongReply = errors.New("not a valid reply for this request")
	// ErrBusy: handlers did not return when the session was closed. What they use cannot be freed.
	ErrBusy = errors.New("handlers have not returned")
	// ErrInterrupted is the cause (context.Cause) of a request's context that was cancelled by the kernel's INTERRUPT.
	ErrInterrupted = errors.New("request was interrupted")
	// ErrShutdown is the cause (context.Cause) of a request's context that was cancelled since the session ends.
	ErrShutdown = errors.New("session ends")
)

// OpError says which call failed, on what, and why.
type OpError struct {
	Op   string // "mount", "parse", "new", "unmount", ...
	Path string // the mountpoint or option, if any
	Err  error
	Hint string // what to do about it, if that is known
}

// Error returns "op: path: cause (hint)".
func (e *OpError) Error() string {
	s := e.Op
	if e.Path != "" {
		s += ": " + e.Path
	}
	s += ": " + e.Err.Error()
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// LibraryError is what libfuse itself says of a failure, for which it gives no errno.
type LibraryError struct {
	Text string
}

// Error returns libfuse's words.
func (e *LibraryError) Error() string { return e.Text }

func libraryError(said, fallback string) error {
	if said == "" {
		said = fallback
	}
	return &LibraryError{Text: said}
}

// Lacking says which side lacks a feature.
type Lacking string

// The three sides that must have a feature.
const (
	LibraryLacks Lacking = "libfuse"
	KernelLacks  Lacking = "kernel"
	MountLacks   Lacking = "mount"
)

// UnsupportedError says that a feature is not to be had, which side lacks it and since when it has it. It is
// errors.ErrUnsupported.
type UnsupportedError struct {
	Feature string  // as C calls it
	Lacks   Lacking // who does not have it
	Need    string  // "libfuse 3.17", "FUSE protocol 7.40", ...
}

// Error returns "feature: not supported by side (needs version)".
func (e *UnsupportedError) Error() string {
	s := fmt.Sprintf("%s: not supported by %s", e.Feature, e.Lacks)
	if e.Need != "" {
		s += " (needs " + e.Need + ")"
	}
	return s
}

// Is reports whether target is errors.ErrUnsupported.
func (e *UnsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }

// NameError says why a name cannot be in a directory.
type NameError struct {
	Name   string
	Reason string
}

// Error returns the name and the reason.
func (e *NameError) Error() string { return fmt.Sprintf("directory entry %.80q: %s", e.Name, e.Reason) }
