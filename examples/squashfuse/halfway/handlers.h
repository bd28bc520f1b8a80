/* handlers.h: what is still in C: see main.go. */
#ifndef HANDLERS_H
#define HANDLERS_H

#include <squashfuse/ll.h>

extern const struct fuse_lowlevel_ops handlers;

#endif
