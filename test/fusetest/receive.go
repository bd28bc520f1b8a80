package fusetest

import (
	"bytes"
	"fmt"
	"syscall"
)

// receive takes messages until the connection ends.
func (k *Kernel) receive() {
	defer close(k.done)
	for {
		msg, err := k.conn.read()
		if err != nil {
			k.mu.Lock()
			k.err = err
			k.mu.Unlock()
			return
		}
		if err := k.dispatch(msg); err != nil {
			k.mu.Lock()
			k.violations = append(k.violations, err)
			k.mu.Unlock()
		}
	}
}

// dispatch takes one message of the server, as strictly as Linux does. Its errors are violations.
func (k *Kernel) dispatch(msg []byte) error {
	h, body, err := decodePrefix[OutHeader](msg)
	if err != nil {
		return fmt.Errorf("message too short: %w", err)
	}
	if int64(h.Len) != int64(len(msg)) {
		return fmt.Errorf("message of %d bytes has %d in its header: %x", len(msg), h.Len, head(msg))
	}
	if h.Unique == 0 {
		return k.notified(NotifyCode(h.Error), bytes.Clone(body))
	}
	return k.replied(h, bytes.Clone(body))
}

// maxErrno is the highest errno that Linux takes in a reply.
const maxErrno = 511

func (k *Kernel) replied(h OutHeader, body []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.calls[h.Unique]
	switch {
	case h.Error > 0 || h.Error < -maxErrno:
		return fmt.Errorf("reply to %d: error %d is out of range", h.Unique, h.Error)
	case h.Error != 0 && len(body) > 0:
		return fmt.Errorf("reply to %d: error %d with a body of %d bytes", h.Unique, h.Error, len(body))
	case c == nil:
		return fmt.Errorf("reply to %d: no such request: %x", h.Unique, head(body))
	case c.answered:
		return fmt.Errorf("reply to %v %d: second one: %x", c.op, h.Unique, head(body))
	case !c.op.HasReply() && h.Error == 0:
		return fmt.Errorf("reply to %v %d: it has none", c.op, h.Unique)
	}
	c.answered = true
	c.reply <- Reply{Op: c.op, Unique: h.Unique, Errno: syscall.Errno(-h.Error), Body: body}
	return nil
}

func (k *Kernel) notified(code NotifyCode, body []byte) error {
	if code <= 0 || int(code) >= len(notifyNames) {
		return fmt.Errorf("unknown notification %d: %x", code, head(body))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.notes = append(k.notes, Notification{code, body})
	k.wakeNote()
	return nil
}

// head returns what of a message is worth showing.
func head(b []byte) []byte { return b[:min(len(b), 64)] }
