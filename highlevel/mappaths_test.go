package highlevel

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// spy returns operations that note the strings they are called with, and return zeroes.
func spy(t *testing.T, got *[]string) *Operations {
	t.Helper()
	ops := new(Operations)
	v := reflect.ValueOf(ops).Elem()
	for i := range v.NumField() {
		kind := v.Field(i).Type()
		v.Field(i).Set(reflect.MakeFunc(kind, func(args []reflect.Value) []reflect.Value {
			for _, a := range args {
				if a.Kind() == reflect.String {
					*got = append(*got, a.String())
				}
			}
			var results []reflect.Value
			for j := range kind.NumOut() {
				results = append(results, reflect.Zero(kind.Out(j)))
			}
			return results
		}))
	}
	return ops
}

// call calls a member with one string after the other, and zeroes for all else. It returns the error.
func call(f reflect.Value, strs ...string) error {
	var args []reflect.Value
	for j := range f.Type().NumIn() {
		arg := reflect.Zero(f.Type().In(j))
		if arg.Kind() == reflect.String {
			arg = reflect.ValueOf(strs[0])
			strs = strs[1:]
		}
		args = append(args, arg)
	}
	out := f.Call(args)
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

// otherStrings are those arguments that are no paths: the target of a link, the name of an attribute.
var otherStrings = map[string]int{"Symlink": 0, "Setxattr": 1, "Getxattr": 1, "Removexattr": 1}

func eachPathMember(ops *Operations, f func(name string, member reflect.Value, paths int)) {
	v := reflect.ValueOf(ops).Elem()
	for i := range v.NumField() {
		name, kind := v.Type().Field(i).Name, v.Field(i).Type()
		strs := 0
		for j := range kind.NumIn() {
			if kind.In(j).Kind() == reflect.String {
				strs++
			}
		}
		if name != "Init" && name != "Destroy" {
			f(name, v.Field(i), strs)
		}
	}
}

func TestMapPaths_EveryMember(t *testing.T) {
	var got []string
	ops := MapPaths(spy(t, &got), func(path string) (string, error) { return "/sub" + path, nil })
	members := 0
	eachPathMember(ops, func(name string, member reflect.Value, strs int) {
		members++
		in := []string{"/first", "/second"}[:strs]
		want := []string{"/sub/first", "/sub/second"}[:strs]
		if i, ok := otherStrings[name]; ok {
			want[i] = in[i]
		}
		got = nil
		if err := call(member, in...); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s(%q): got %q, %v, want %q", name, in, got, err, want)
		}
		got = nil
		if err := call(member, "", ""); err != nil || strings.Join(got, "") != "" {
			t.Errorf("%s without a path: got %q, %v, want no paths", name, got, err)
		}
	})
	if members < 40 {
		t.Errorf("got %d members, want all", members)
	}
}

func TestMapPaths_Errors(t *testing.T) {
	var got []string
	ops := MapPaths(spy(t, &got), func(path string) (string, error) {
		if path == "/bad" {
			return "", syscall.EILSEQ
		}
		return path, nil
	})
	eachPathMember(ops, func(name string, member reflect.Value, strs int) {
		for bad := range strs {
			if other, ok := otherStrings[name]; ok && bad == other {
				continue
			}
			in := []string{"/good", "/good"}[:strs]
			in[bad] = "/bad"
			got = nil
			if err := call(member, in...); !errors.Is(err, syscall.EILSEQ) || got != nil {
				t.Errorf("%s(%q): got %v, called with %q, want EILSEQ and no call", name, in, err, got)
			}
		}
	})
}

func TestMapPaths_NilStaysNil(t *testing.T) {
	ops := MapPaths(&Operations{}, func(path string) (string, error) { return path, nil })
	eachPathMember(ops, func(name string, member reflect.Value, _ int) {
		if !member.IsNil() {
			t.Errorf("%s: got a func, want nil", name)
		}
	})
}

func TestMapPaths_InitAndDestroyAreTheFilesystems(t *testing.T) {
	var destroyed any
	next := &Operations{
		Init:    func(*ConnInfo, *Config) any { return "mine" },
		Destroy: func(private any) { destroyed = private },
	}
	ops := MapPaths(next, func(path string) (string, error) { return path, nil })
	ops.Destroy(ops.Init(nil, nil))
	if destroyed != "mine" {
		t.Errorf("got %v, want mine", destroyed)
	}
}

func TestStack_FirstIsLowest(t *testing.T) {
	ctx := context.Background()
	add := func(s string) Layer {
		return func(next *Operations) (*Operations, error) {
			return MapPaths(next, func(path string) (string, error) { return "/" + s + path, nil }), nil
		}
	}
	var got []string
	ops, err := Stack(spy(t, &got), add("low"), add("high"))
	if err != nil {
		t.Fatal(err)
	}
	if err := ops.Rmdir(ctx, "/dir"); err != nil || !slices.Equal(got, []string{"/low/high/dir"}) {
		t.Errorf("got %q, %v, want /low/high/dir", got, err)
	}
	bad := func(*Operations) (*Operations, error) { return nil, syscall.ENOMEM }
	if _, err := Stack(&Operations{}, add("low"), bad, add("high")); err != syscall.ENOMEM {
		t.Errorf("got %v, want ENOMEM", err)
	}
}
