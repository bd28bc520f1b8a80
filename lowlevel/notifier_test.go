package lowlevel_test

import (
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNotifier_RetrieveComesToTheHandler(t *testing.T) {
	type arrived struct {
		cookie uint64
		ino    lowlevel.Ino
		off    int64
		data   string
	}
	for name, writeBuf := range map[string]bool{"memory": false, "splice wanted": true} {
		t.Run(name, func(t *testing.T) {
			got := make(chan arrived, 1)
			ops := oneFile()
			if writeBuf {
				ops.WriteBuf = func(*lowlevel.Request, lowlevel.Ino, lowlevel.BufVec, int64, *lowlevel.FileInfo) (int, error) {
					return 0, nil
				}
			}
			ops.RetrieveReply = func(_ *lowlevel.Request, cookie uint64, ino lowlevel.Ino, off int64, buf lowlevel.BufVec) {
				data := make([]byte, buf.Size())
				n, err := lowlevel.BufCopy(lowlevel.BufMem(data), buf, 0)
				assert.NoError(t, err)
				got <- arrived{cookie, ino, off, string(data[:n])}
			}
			s := newSession(t, ops, lowlevel.Config{})
			k := fusetest.Start(t, s)
			require.NoError(t, s.Notifier().StartRetrieve(7, 4096, 100, 0xfeedfacecafe))
			n, err := k.Notification(5 * time.Second)
			require.NoError(t, err)
			asked, err := n.Retrieve()
			require.NoError(t, err)
			assert.EqualValues(t, 7, asked.NodeID)
			assert.EqualValues(t, 4096, asked.Offset)
			assert.EqualValues(t, 100, asked.Size)

			reply := fusetest.NotifyReply(asked.NotifyUnique, 7,
				fusetest.NotifyRetrieveIn{Offset: 4096, Size: 5}, []byte("bytes"))
			require.NoError(t, k.Send(reply))
			select {
			case a := <-got:
				assert.Equal(t, arrived{0xfeedfacecafe, 7, 4096, "bytes"}, a)
			case <-time.After(5 * time.Second):
				t.Fatal("RetrieveReply was not called")
			}
		})
	}
}
