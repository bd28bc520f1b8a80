/*
 * version.h: the one table of what differs between libfuse versions.
 *
 * The API version asked for is fixed; what the installed library has beyond it is told by FUSE_VERSION, and only here. A
 * newer libfuse than the newest that is named here is welcome: there is no upper bound.
 */
#ifndef GF_VERSION_H
#define GF_VERSION_H

#ifndef __linux__
#error "go-libfuse3 runs on Linux only"
#endif

#define FUSE_USE_VERSION 312
#include <fuse.h>
#include <fuse_lowlevel.h>

#if FUSE_VERSION < 314
#error "go-libfuse3 needs libfuse 3.14 or newer (Debian 12: apt-get install libfuse3-dev)"
#endif

#ifndef FUSE_HOTFIX_VERSION /* before 3.17: no patch level to be had */
#define FUSE_HOTFIX_VERSION 0
#endif

/* 3.17: 64-bit capabilities, passthrough, fi->parallel_direct_writes at its final place, op tmpfile */
#define GF_HAVE_WANT_EXT (FUSE_VERSION >= 317)
#define GF_HAVE_PASSTHROUGH (FUSE_VERSION >= 317)
#define GF_HAVE_PARALLEL_DIRECT_WRITES (FUSE_VERSION >= 317)
#define GF_HAVE_NO_INTERRUPT (FUSE_VERSION >= 317)
#define GF_HAVE_TMPFILE (FUSE_VERSION >= 317)

/* 3.18: op statx, request timeout, fuse_session_exit wakes fuse_session_loop_mt; 3.18.3: fi->kill_suidgid */
#define GF_HAVE_STATX (FUSE_VERSION >= 318)
#define GF_HAVE_REQUEST_TIMEOUT (FUSE_VERSION >= 318)
#define GF_HAVE_WAKEABLE_LOOP (FUSE_VERSION >= 318)
#define GF_HAVE_KILL_SUIDGID (FUSE_VERSION > 318 || (FUSE_VERSION == 318 && FUSE_HOTFIX_VERSION >= 3))

/* 3.16: fuse_lowlevel_notify_expire_entry has lost its flags */
#define GF_HAVE_EXPIRE_FLAGS (FUSE_VERSION < 316)

/* 3.18: fuse_lowlevel_notify_increment_epoch */
#define GF_HAVE_INCREMENT_EPOCH (FUSE_VERSION >= 318)

/* 3.19: op syncfs, fuse_lowlevel_notify_prune */
#define GF_HAVE_SYNCFS (FUSE_VERSION >= 319)
#define GF_HAVE_PRUNE (FUSE_VERSION >= 319)

#if GF_HAVE_TMPFILE
#define GF_OPS_317(X) X(TMPFILE, tmpfile)
#else
#define GF_OPS_317(X)
#endif
#if GF_HAVE_STATX
#define GF_OPS_318(X) X(STATX, statx)
#else
#define GF_OPS_318(X)
#endif
#if GF_HAVE_SYNCFS
#define GF_OPS_319(X) X(SYNCFS, syncfs)
#else
#define GF_OPS_319(X)
#endif

#endif
