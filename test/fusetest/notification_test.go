package fusetest

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"
)

// parseAny reads a notification by the method for its code, and returns what it says.
func parseAny(n Notification) (any, error) {
	switch n.Code {
	case NotifyPoll:
		return n.Poll()
	case NotifyInvalInode:
		return n.InvalInode()
	case NotifyInvalEntry:
		v, name, err := n.InvalEntry()
		return []any{v, name}, err
	case NotifyStore:
		v, data, err := n.Store()
		return []any{v, string(data)}, err
	case NotifyRetrieve:
		return n.Retrieve()
	case NotifyDelete:
		v, name, err := n.Delete()
		return []any{v, name}, err
	case NotifyPrune:
		return n.Prune()
	case NotifyResend, NotifyIncEpoch:
		return nil, n.Empty(n.Code)
	}
	return nil, fmt.Errorf("no such code: %v", n.Code)
}

func TestNotification_Parse(t *testing.T) {
	for _, tt := range []struct {
		code NotifyCode
		body []byte
		want any
	}{
		{NotifyPoll, u64(5), PollWakeupOut{5}},
		{NotifyInvalInode, u64(1, math.MaxUint64, 3), InvalInodeOut{1, -1, 3}},
		{NotifyInvalEntry, cat(u64(1), u32(2, ExpireOnly), []byte("ab\x00")), []any{InvalEntryOut{1, 2, ExpireOnly}, "ab"}},
		{NotifyStore, cat(u64(1, 2), u32(3, 0), []byte("a\x00b")), []any{StoreOut{NodeID: 1, Offset: 2, Size: 3}, "a\x00b"}},
		{NotifyStore, cat(u64(1, 2), u32(0, 0)), []any{StoreOut{NodeID: 1, Offset: 2}, ""}},
		{NotifyRetrieve, cat(u64(9, 1, 2), u32(3, 0)), RetrieveOut{NotifyUnique: 9, NodeID: 1, Offset: 2, Size: 3}},
		{NotifyDelete, cat(u64(1, 2), u32(1, 0), []byte("a\x00")), []any{DeleteOut{Parent: 1, Child: 2, Namelen: 1}, "a"}},
		{NotifyResend, nil, nil},
		{NotifyIncEpoch, nil, nil},
		{NotifyPrune, cat(u32(2, 0), u64(0, 7, 8)), []uint64{7, 8}},
		{NotifyPrune, cat(u32(0, 0), u64(0)), []uint64{}},
	} {
		n := Notification{tt.code, tt.body}
		got, err := parseAny(n)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v: got %+v, %v, want %+v", tt.code, got, err, tt.want)
		}
		want := cat(u32(uint32(16+len(tt.body)), uint32(tt.code)), u64(0), tt.body)
		if !bytes.Equal(n.Bytes(), want) {
			t.Errorf("%v: Bytes: got %x, want %x", tt.code, n.Bytes(), want)
		}
		// A byte more, or less, is wrong.
		if _, err := parseAny(Notification{tt.code, append(bytes.Clone(tt.body), 0)}); err == nil {
			t.Errorf("%v with a byte too many: no error", tt.code)
		}
		if len(tt.body) == 0 {
			continue
		}
		if _, err := parseAny(Notification{tt.code, tt.body[:len(tt.body)-1]}); err == nil {
			t.Errorf("%v with a byte too few: no error", tt.code)
		}
	}
}

func TestNotification_Malformed(t *testing.T) {
	for name, n := range map[string]Notification{
		"name without an end":    {NotifyInvalEntry, cat(u64(1), u32(2, 0), []byte("abc"))},
		"name with a NUL":        {NotifyInvalEntry, cat(u64(1), u32(2, 0), []byte("a\x00\x00"))},
		"name longer than all":   {NotifyDelete, cat(u64(1, 2), u32(math.MaxUint32, 0), []byte("a\x00"))},
		"more data than there":   {NotifyStore, cat(u64(1, 2), u32(math.MaxUint32, 0), []byte("abc"))},
		"more inodes than there": {NotifyPrune, cat(u32(math.MaxUint32, 0), u64(0, 7))},
		"no body":                {NotifyPrune, nil},
	} {
		if got, err := parseAny(n); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}

// Each method takes only its own kind.
func TestNotification_OtherCode(t *testing.T) {
	body := make([]byte, 24)
	for code := NotifyPoll; code <= NotifyPrune; code++ {
		n := Notification{code, body}
		errs := map[NotifyCode]error{NotifyResend: n.Empty(NotifyResend), NotifyIncEpoch: n.Empty(NotifyIncEpoch)}
		_, errs[NotifyPoll] = n.Poll()
		_, errs[NotifyInvalInode] = n.InvalInode()
		_, _, errs[NotifyInvalEntry] = n.InvalEntry()
		_, _, errs[NotifyStore] = n.Store()
		_, errs[NotifyRetrieve] = n.Retrieve()
		_, _, errs[NotifyDelete] = n.Delete()
		_, errs[NotifyPrune] = n.Prune()
		for method, err := range errs {
			if method != code && err == nil {
				t.Errorf("the method for %v took %v", method, code)
			}
		}
	}
}

func TestKernel_TryNotification(t *testing.T) {
	k, p := start(t)
	if n, ok := k.TryNotification(); ok {
		t.Errorf("got %v, want none", n)
	}
	p.send(out(int32(NotifyResend), 0, nil))
	p.send(out(int32(NotifyIncEpoch), 0, nil))
	var got []NotifyCode
	Eventually(t, 10*time.Second, "both", func() bool {
		if n, ok := k.TryNotification(); ok {
			got = append(got, n.Code)
		}
		return len(got) == 2
	})
	if want := []NotifyCode{NotifyResend, NotifyIncEpoch}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
