package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
)

// With --commands nothing happens by itself: whoever runs the program says, on its standard input, when the remote changes and when the kernel is
// told.
//
//	write NAME TEXT   the remote has other content in the file NAME of its root directory
//	tell              tell the kernel of what has changed since the last time
//	requests          print how many requests the kernel has made since the last time

// obey runs commands until there are no more, or ctx ends. It answers each with a line.
func (p *program) obey(ctx context.Context, in io.Reader, out io.Writer, poller *poller) {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			lines <- s.Text()
		}
	}()
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				<-ctx.Done()
				return
			}
			fmt.Fprintln(out, p.command(ctx, line, poller))
		case <-ctx.Done():
			return
		}
	}
}

func (p *program) command(ctx context.Context, line string, poller *poller) (answer string) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "write":
		name, text, _ := strings.Cut(rest, " ")
		n, err := p.remote.lookup(rootID, name)
		if err != nil {
			n.id = p.remote.create(rootID, name, []byte{})
		}
		p.remote.write(n.id, []byte(text+"\n"))
		return "the remote has it"
	case "tell":
		if err := poller.poll(ctx); err != nil {
			return err.Error()
		}
		return "the kernel knows"
	case "requests":
		return fmt.Sprintf("%d requests", p.told.fs.requests.Swap(0))
	}
	return "what? (write NAME TEXT, tell, requests)"
}
