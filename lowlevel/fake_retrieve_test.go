package lowlevel_test

import (
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// TestFake_Retrieve: the bytes of the question, and what the kernel answers arrives in the handler, once.
func TestFake_Retrieve(t *testing.T) {
	rec := newRecorder(t)
	s := newSession(t, &lowlevel.Ops{
		RetrieveReply: func(_ request, cookie uint64, node ino, off int64, buf lowlevel.BufVec) {
			rec.note(cookie, node, off, buf)
		},
	}, lowlevel.Config{SingleThread: true})
	k := fusetest.Start(t, s)
	for i := range uint64(2) {
		if err := s.Notifier().StartRetrieve(big, big+1, 4096, 42+i); err != nil {
			t.Fatal(err)
		}
		n, err := k.Notification(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		ask, err := n.Retrieve()
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, "notification", n.Bytes(), cat(u32(48, 5), u64(0, ask.NotifyUnique, big, big+1), u32(4096, 0)))
		answer := fusetest.NotifyReply(ask.NotifyUnique, big, fusetest.NotifyRetrieveIn{Offset: big + 1}, []byte("pa\x00ge"))
		send(t, k, answer)
		wantArgs(t, rec.next(), uint64(42+i), ino(big), int64(big+1), "pa\x00ge")
		send(t, k, answer.Clone())
		settle(t, k)
		rec.none()
	}
}
