/*
 * check.c: is a request as long as it says, and does it hold what its operation needs?
 *
 * libfuse trusts the kernel and checks nothing. But the fd of a session may be a socket, with anybody at the other end.
 */
#include "shim.h"

#include <string.h>

enum { IN_HEADER = 40 };

/* The fixed part of each request, and how many strings come behind it. Protocol 7.45, by opcode. */
static const struct {
	uint16_t fixed;
	uint8_t names;
} layout[] = {
	[1] = {0, 1},	 /* LOOKUP */
	[2] = {8, 0},	 /* FORGET */
	[3] = {16, 0},	 /* GETATTR */
	[4] = {88, 0},	 /* SETATTR */
	[5] = {0, 0},	 /* READLINK */
	[6] = {0, 2},	 /* SYMLINK */
	[8] = {16, 1},	 /* MKNOD */
	[9] = {8, 1},	 /* MKDIR */
	[10] = {0, 1},	 /* UNLINK */
	[11] = {0, 1},	 /* RMDIR */
	[12] = {8, 2},	 /* RENAME */
	[13] = {8, 1},	 /* LINK */
	[14] = {8, 0},	 /* OPEN */
	[15] = {40, 0},	 /* READ */
	[16] = {40, 0},	 /* WRITE */
	[17] = {0, 0},	 /* STATFS */
	[18] = {24, 0},	 /* RELEASE */
	[20] = {16, 0},	 /* FSYNC */
	[21] = {8, 1},	 /* SETXATTR */
	[22] = {8, 1},	 /* GETXATTR */
	[23] = {8, 0},	 /* LISTXATTR */
	[24] = {0, 1},	 /* REMOVEXATTR */
	[25] = {24, 0},	 /* FLUSH */
	[26] = {8, 0},	 /* INIT: older ones are shorter, libfuse knows */
	[27] = {8, 0},	 /* OPENDIR */
	[28] = {40, 0},	 /* READDIR */
	[29] = {24, 0},	 /* RELEASEDIR */
	[30] = {16, 0},	 /* FSYNCDIR */
	[31] = {48, 0},	 /* GETLK */
	[32] = {48, 0},	 /* SETLK */
	[33] = {48, 0},	 /* SETLKW */
	[34] = {8, 0},	 /* ACCESS */
	[35] = {16, 1},	 /* CREATE */
	[36] = {8, 0},	 /* INTERRUPT */
	[37] = {16, 0},	 /* BMAP */
	[38] = {0, 0},	 /* DESTROY */
	[39] = {32, 0},	 /* IOCTL */
	[40] = {24, 0},	 /* POLL */
	[41] = {40, 0},	 /* NOTIFY_REPLY */
	[42] = {8, 0},	 /* BATCH_FORGET */
	[43] = {32, 0},	 /* FALLOCATE */
	[44] = {40, 0},	 /* READDIRPLUS */
	[45] = {16, 2},	 /* RENAME2 */
	[46] = {24, 0},	 /* LSEEK */
	[47] = {56, 0},	 /* COPY_FILE_RANGE */
	[50] = {8, 0},	 /* SYNCFS */
	[51] = {16, 0},	 /* TMPFILE */
	[52] = {24, 0},	 /* STATX */
	[53] = {56, 0},	 /* COPY_FILE_RANGE_64 */
};

static uint32_t u32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* A name that a file may have: not empty, no '/'. Returns what is behind it, or NULL. */
static const char *skip_name(const char *p, const char *end, bool path)
{
	const char *nul = p < end ? memchr(p, 0, (size_t)(end - p)) : NULL;

	if (nul == NULL || nul == p)
		return NULL;
	if (!path && memchr(p, '/', (size_t)(nul - p)) != NULL)
		return NULL;
	return nul + 1;
}

/* The length that a request gives for its data must not be more than it has. */
static bool data_fits(uint32_t opcode, const char *arg, const char *rest, const char *end)
{
	uint64_t left = (uint64_t)(end - rest);

	switch (opcode) {
	case 16: /* WRITE: fuse_write_in.size */
	case 41: /* NOTIFY_REPLY: the same layout */
		return u32(arg + 16) <= left;
	case 21: /* SETXATTR: fuse_setxattr_in.size */
		return u32(arg) <= left;
	case 39: /* IOCTL: fuse_ioctl_in.in_size */
		return u32(arg + 24) <= left;
	case 42: /* BATCH_FORGET: count items of 16 bytes */
		return (uint64_t)u32(arg) * 16 <= left;
	}
	return true;
}

/* The fixed part of a request. That of SETXATTR is longer where both sides have agreed on SETXATTR_EXT; old kernels have shorter ones. */
static size_t fixed_size(const struct gf_session *s, uint32_t opcode)
{
	unsigned minor = s->conn != NULL ? s->conn->proto_minor : 0;

	if (opcode == 21 && s->setxattr_ext)
		return 16;
	if (minor < 12 && (opcode == 8 || opcode == 35)) /* MKNOD, CREATE: without umask */
		return 8;
	if (minor < 9) {
		switch (opcode) {
		case 3: /* GETATTR: without flags and fh */
			return 0;
		case 15: /* READ, WRITE, READDIR: without lock owner and flags */
		case 16:
		case 28:
			return 24;
		case 31: /* GETLK, SETLK, SETLKW: without flags */
		case 32:
		case 33:
			return 40;
		}
	}
	return layout[opcode].fixed;
}

bool gf_check_request(const struct gf_session *s, const void *buf, size_t size)
{
	const char *p = buf, *end = p + size, *arg;
	uint32_t opcode;

	if (size < IN_HEADER || u32(p) != size)
		return false;
	opcode = u32(p + 4);
	if (opcode >= sizeof(layout) / sizeof(layout[0]))
		return true; /* libfuse answers ENOSYS */
	arg = p + IN_HEADER;
	if ((size_t)(end - arg) < fixed_size(s, opcode))
		return false;
	p = arg + fixed_size(s, opcode);
	for (int i = 0; i < layout[opcode].names; i++) {
		/* the target of a symlink is its second string; xattr names may hold anything */
		bool any = (opcode == 6 && i == 1) || opcode == 21 || opcode == 22 || opcode == 24;

		p = skip_name(p, end, any);
		if (p == NULL)
			return false;
	}
	return data_fits(opcode, arg, p, end);
}
