package lowlevel

// IoctlReply is what [Ops.Ioctl] answers.
//
// Implements:
//
//	int fuse_reply_ioctl(fuse_req_t req, int result, const void *buf, size_t size);
//	int fuse_reply_ioctl_iov(fuse_req_t req, int result, const struct iovec *iov, int count);
//	int fuse_reply_ioctl_retry(fuse_req_t req, const struct iovec *in_iov, size_t in_count,
//	                           const struct iovec *out_iov, size_t out_count);
type IoctlReply struct {
	// Result is what ioctl(2) returns.
	Result int32
	// N is how many bytes of the handler's out argument to send.
	N int
	// Iov, when not nil, is sent instead of out.
	Iov [][]byte
	// Retry, when not nil, asks the kernel to call again with the memory of the caller that it names. Only for
	// requests with IoctlUnrestricted, which only CUSE devices get.
	Retry *IoctlRetryIov
}

// IoctlRetryIov names pieces of the calling program's memory: what to fetch and what to store to on the retry.
type IoctlRetryIov struct {
	In, Out []IoctlIovec
}

// IoctlIovec is a piece of the calling program's memory.
type IoctlIovec struct {
	Base uint64 // address in the caller
	Len  uint64
}
