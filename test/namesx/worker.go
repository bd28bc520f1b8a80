package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// names is how many names a worker has in each directory.
const names = 5

// file is what the model knows of a file or (empty) directory.
type file struct {
	dir   bool
	text  string
	links uint64 // names
	lost  uint64 // names that it had, once it had been open: a filesystem by paths may count them for a while
	used  bool   // it has been open
}

type openFile struct {
	fd   int
	file *file
}

// place is a name in a directory.
type place struct {
	dir  int
	name string
}

type worker struct {
	*shared
	id    int
	rnd   *rand.Rand
	files map[place]*file
	open  []openFile
	made  int
	did   string // the step that it is at
}

func newWorker(s *shared, id int, seed uint64) *worker {
	return &worker{shared: s, id: id, rnd: rand.New(rand.NewPCG(seed, uint64(id))), files: map[place]*file{}}
}

func (w *worker) run(steps int) error {
	all := []func() error{
		w.create, w.create, w.create, w.mkdir, w.unlink, w.rmdir, w.rename, w.rename, w.rename, w.link, w.read, w.read,
		w.rewrite, w.stat, w.stat, w.openOrClose, w.openOrClose, w.openOrClose, w.list,
	}
	for i := 0; i < steps && !w.stop.Load(); i++ {
		w.did = "?"
		if err := all[w.rnd.IntN(len(all))](); err != nil {
			return fmt.Errorf("worker %d, step %d: %s: %w", w.id, i, w.did, err)
		}
	}
	for _, o := range w.open {
		if err := errors.Join(o.check(), unix.Close(o.fd)); err != nil {
			return fmt.Errorf("worker %d, at the end: %w", w.id, err)
		}
	}
	return w.checkAll()
}

func (w *worker) somewhere() place {
	return place{w.rnd.IntN(dirs), fmt.Sprintf("w%d-%d", w.id, w.rnd.IntN(names))}
}

// doing says what is being done, for the report.
func (w *worker) doing(what string, places ...place) {
	w.did = what
	for _, p := range places {
		w.did += fmt.Sprintf(" %d/%s", p.dir, p.name)
	}
}

// as compares an error with the one that there must be, 0 for none. ok: there was none.
func as(err error, want unix.Errno) (ok bool, wrong error) {
	if want == 0 && err == nil {
		return true, nil
	}
	if got, _ := err.(unix.Errno); got != want || err == nil {
		return false, fmt.Errorf("got %v, want %v", err, want)
	}
	return false, nil
}

// text is new content: of another length than the one before, as filesystems tell by size and time whether a file was changed by another name.
func (w *worker) text() string {
	w.made++
	return fmt.Sprintf("%d-%d-", w.id, w.made) + strings.Repeat("x", w.made%97)
}

func (w *worker) create() error {
	p := w.somewhere()
	w.doing("create", p)
	want := unix.Errno(0)
	if w.files[p] != nil {
		want = unix.EEXIST
	}
	fd, err := unix.Openat(w.fd[p.dir], p.name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_CLOEXEC, 0o644)
	ok, wrong := as(err, want)
	if !ok {
		return wrong
	}
	f := &file{text: w.text(), links: 1, used: true}
	w.files[p] = f
	if _, err := unix.Write(fd, []byte(f.text)); err != nil {
		return err
	}
	o := openFile{fd, f}
	if len(w.open) < 20 && w.rnd.IntN(2) == 0 {
		w.open = append(w.open, o)
		return o.check()
	}
	return unix.Close(fd)
}

func (w *worker) mkdir() error {
	p := w.somewhere()
	w.doing("mkdir", p)
	want := unix.Errno(0)
	if w.files[p] != nil {
		want = unix.EEXIST
	}
	ok, wrong := as(unix.Mkdirat(w.fd[p.dir], p.name, 0o755), want)
	if ok {
		w.files[p] = &file{dir: true, links: 1}
	}
	return wrong
}

// remove takes a name from what has it.
func (w *worker) remove(p place) {
	if f := w.files[p]; f != nil {
		f.links--
		if f.used {
			f.lost++
		}
		delete(w.files, p)
	}
}

func (w *worker) unlink() error {
	p := w.somewhere()
	w.doing("unlink", p)
	want := unix.Errno(0)
	switch f := w.files[p]; {
	case f == nil:
		want = unix.ENOENT
	case f.dir:
		want = unix.EISDIR
	}
	ok, wrong := as(unix.Unlinkat(w.fd[p.dir], p.name, 0), want)
	if ok {
		w.remove(p)
	}
	return wrong
}

func (w *worker) rmdir() error {
	p := w.somewhere()
	w.doing("rmdir", p)
	want := unix.Errno(0)
	switch f := w.files[p]; {
	case f == nil:
		want = unix.ENOENT
	case !f.dir:
		want = unix.ENOTDIR
	}
	ok, wrong := as(unix.Unlinkat(w.fd[p.dir], p.name, unix.AT_REMOVEDIR), want)
	if ok {
		w.remove(p)
	}
	return wrong
}

func (w *worker) link() error {
	from, to := w.somewhere(), w.somewhere()
	w.doing("link", from, to)
	f, want := w.files[from], unix.Errno(0)
	switch {
	case f == nil:
		want = unix.ENOENT
	case w.files[to] != nil:
		want = unix.EEXIST
	case f.dir:
		want = unix.EPERM
	}
	ok, wrong := as(unix.Linkat(w.fd[from.dir], from.name, w.fd[to.dir], to.name, 0), want)
	if ok {
		f.links++
		w.files[to] = f
	}
	return wrong
}

func (w *worker) rename() error {
	from, to := w.somewhere(), w.somewhere()
	flags := []uint{0, 0, 0, unix.RENAME_NOREPLACE, unix.RENAME_EXCHANGE}[w.rnd.IntN(5)]
	w.doing(fmt.Sprintf("rename (flags %d)", flags), from, to)
	f, g := w.files[from], w.files[to]
	ok, wrong := as(unix.Renameat2(w.fd[from.dir], from.name, w.fd[to.dir], to.name, flags), renameErrno(f, g, flags))
	switch {
	case !ok || f == g: // names of one file: nothing is done
	case flags == unix.RENAME_EXCHANGE:
		w.files[from], w.files[to] = g, f
	default:
		w.remove(to)
		w.files[to] = f
		delete(w.files, from)
	}
	return wrong
}

// renameErrno is what a rename of f to the name of g must say.
func renameErrno(f, g *file, flags uint) unix.Errno {
	switch {
	case f == nil, g == nil && flags == unix.RENAME_EXCHANGE:
		return unix.ENOENT
	case g != nil && flags == unix.RENAME_NOREPLACE:
		return unix.EEXIST
	case g == nil, f == g, flags == unix.RENAME_EXCHANGE:
		return 0
	case f.dir && !g.dir:
		return unix.ENOTDIR
	case !f.dir && g.dir:
		return unix.EISDIR
	}
	return 0
}

// openAt opens what is at a place, if there is anything but a directory.
func (w *worker) openAt(p place, flags int) (o openFile, ok bool, wrong error) {
	f, want := w.files[p], unix.Errno(0)
	switch {
	case f == nil:
		want = unix.ENOENT
	case f.dir && flags != unix.O_RDONLY:
		want = unix.EISDIR
	}
	fd, err := unix.Openat(w.fd[p.dir], p.name, flags|unix.O_CLOEXEC, 0)
	ok, wrong = as(err, want)
	if ok && f.dir {
		return o, false, unix.Close(fd)
	}
	if ok {
		f.used = true
	}
	return openFile{fd, f}, ok, wrong
}

func (w *worker) read() error {
	p := w.somewhere()
	w.doing("read", p)
	o, ok, wrong := w.openAt(p, unix.O_RDONLY)
	if !ok {
		return wrong
	}
	return errors.Join(o.check(), unix.Close(o.fd))
}

func (w *worker) rewrite() error {
	p := w.somewhere()
	w.doing("rewrite", p)
	o, ok, wrong := w.openAt(p, unix.O_WRONLY|unix.O_TRUNC)
	if !ok {
		return wrong
	}
	o.file.text = w.text()
	_, err := unix.Write(o.fd, []byte(o.file.text))
	return errors.Join(err, unix.Close(o.fd))
}

func (w *worker) stat() error {
	p := w.somewhere()
	w.doing("stat", p)
	f, want := w.files[p], unix.Errno(0)
	if f == nil {
		want = unix.ENOENT
	}
	var st unix.Stat_t
	ok, wrong := as(unix.Fstatat(w.fd[p.dir], p.name, &st, unix.AT_SYMLINK_NOFOLLOW), want)
	if ok {
		return f.is(&st)
	}
	return wrong
}

// is compares attributes.
func (f *file) is(st *unix.Stat_t) error {
	if dir := st.Mode&unix.S_IFMT == unix.S_IFDIR; dir != f.dir {
		return fmt.Errorf("got mode %o, want a directory: %v", st.Mode, f.dir)
	}
	if f.dir {
		return nil
	}
	if st.Size != int64(len(f.text)) || uint64(st.Nlink) < f.links || uint64(st.Nlink) > f.links+f.lost {
		return fmt.Errorf("got size %d and %d links, want %d and %d", st.Size, st.Nlink, len(f.text), f.links)
	}
	return nil
}

func (w *worker) openOrClose() error {
	if len(w.open) > 0 && (len(w.open) > 20 || w.rnd.IntN(2) == 0) {
		i := w.rnd.IntN(len(w.open))
		o := w.open[i]
		w.doing("close of what has now " + fmt.Sprint(o.file.links) + " names")
		w.open = append(w.open[:i], w.open[i+1:]...)
		return errors.Join(o.check(), unix.Close(o.fd))
	}
	p := w.somewhere()
	w.doing("open", p)
	o, ok, wrong := w.openAt(p, unix.O_RDWR)
	if ok {
		w.open = append(w.open, o)
		return o.check()
	}
	return wrong
}

// check reads what is open, which need have no name any more.
func (o openFile) check() error {
	var st unix.Stat_t
	if err := unix.Fstat(o.fd, &st); err != nil {
		return fmt.Errorf("fstat: %w", err)
	}
	if err := o.file.is(&st); err != nil {
		return err
	}
	return o.file.reads(func(buf []byte) (int, error) { return unix.Pread(o.fd, buf, 0) })
}

func (f *file) reads(read func(buf []byte) (int, error)) error {
	buf := make([]byte, 1000)
	n, err := read(buf)
	if got := string(buf[:max(n, 0)]); err != nil || got != f.text {
		return fmt.Errorf("read: got %q, %w, want %q", got, err, f.text)
	}
	return nil
}

// list finds the worker's own names in a directory, each once.
func (w *worker) list() error {
	d := w.rnd.IntN(dirs)
	w.doing(fmt.Sprintf("list %d", d))
	return w.listed(d)
}

func (w *worker) listed(d int) error {
	fd, err := unix.Openat(w.fd[d], ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	dir := os.NewFile(uintptr(fd), "directory")
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return err
	}
	found := map[place]bool{}
	for _, e := range entries {
		p := place{d, e.Name()}
		if !strings.HasPrefix(e.Name(), fmt.Sprintf("w%d-", w.id)) {
			continue
		}
		f := w.files[p]
		if f == nil || found[p] || f.dir != e.IsDir() {
			return fmt.Errorf("entry %s: in the model %v, listed before: %v, a directory: %v", e.Name(), f != nil, found[p], e.IsDir())
		}
		found[p] = true
	}
	for p := range w.files {
		if p.dir == d && !found[p] {
			return fmt.Errorf("%s is not listed", p.name)
		}
	}
	return nil
}

// checkAll compares all there is, at the end.
func (w *worker) checkAll() error {
	for d := range dirs {
		if err := w.listed(d); err != nil {
			return fmt.Errorf("worker %d, at the end: directory %d: %w", w.id, d, err)
		}
	}
	for p := range w.files {
		o, ok, wrong := w.openAt(p, unix.O_RDONLY)
		if ok {
			wrong = errors.Join(o.check(), unix.Close(o.fd))
		}
		if wrong != nil {
			return fmt.Errorf("worker %d, at the end: %d/%s: %w", w.id, p.dir, p.name, wrong)
		}
	}
	return nil
}
