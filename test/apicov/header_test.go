package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// in returns c as the preprocessor prints it for fuse_common.h, with something from a system header before and after.
func in(c string) string {
	return "# 1 \"/usr/include/stdio.h\" 1\n#define FUSE_NOT_OURS 1\nint fuse_not_ours(void);\n" +
		"# 1 \"/usr/include/fuse3/fuse_common.h\" 1\n" + c + "\n# 9 \"/usr/include/stdio.h\" 2\nint fuse_not_ours_either(void);\n"
}

func names(syms []symbol) []string {
	var out []string
	for _, s := range syms {
		out = append(out, s.Kind+" "+s.Name)
	}
	return out
}

func TestParseHeaders_Declarations(t *testing.T) {
	tests := []struct {
		name, c string
		want    []string
	}{
		{"nothing", "", nil},
		{"function", "int fuse_version(void);", []string{"func fuse_version"}},
		{"function over lines", "struct fuse_session *\nfuse_new(struct fuse_args *args,\n int (*f)(int));", []string{"func fuse_new"}},
		{"function with attribute", "void fuse_log(int l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));", []string{"func fuse_log"}},
		{"attribute first", "__attribute__((noreturn)) void fuse_die(void);", []string{"func fuse_die"}},
		{"inline function", "static inline int fuse_f(int x)\n{ struct y z = { .a = 1 }; if (x) { return 1; } return 0; }\nint fuse_g(void);", []string{"func fuse_f", "func fuse_g"}},
		{"foreign function", "int puts(const char *s);", nil},
		{"same twice", "int fuse_f(void);\nint fuse_f(void);", []string{"func fuse_f"}},
		{"macro", "#define FUSE_CAP_X (1 << 0)", []string{"const FUSE_CAP_X"}},
		{"macro with parameters", "#define FUSE_MAKE(a) a", []string{"const FUSE_MAKE"}},
		{"macro for a function", "#define fuse_new(a) fuse_new_fn(a)", []string{"func fuse_new"}},
		{"include guard", "#define FUSE_COMMON_H_", nil},
		{"undefined macro", "#undef FUSE_X", nil},
		{"foreign macro", "#define O_RDONLY 0", nil},
		{"enum", "enum fuse_e { FUSE_A, FUSE_B = (1 << 1), };", []string{"type enum fuse_e", "const FUSE_A", "const FUSE_B"}},
		{"enum without name", "enum { FUSE_A };", []string{"const FUSE_A"}},
		{"typedef", "typedef uint64_t fuse_ino_t;", []string{"type fuse_ino_t"}},
		{"typedef of pointer", "typedef struct fuse_req *fuse_req_t;", []string{"type fuse_req_t"}},
		{"typedef of function", "typedef void (*fuse_log_func_t)(int level, va_list ap);", []string{"type fuse_log_func_t"}},
		{"opaque struct", "struct fuse_session;", []string{"type struct fuse_session"}},
		{"foreign struct", "struct statx;", nil},
		{"assertion", "_Static_assert(sizeof(struct fuse_x) == 8, \"size; of\");", nil},
		{
			"struct", "struct fuse_s { int a; unsigned int b : 1; const char **c; char d[4]; int e, *f; uint32_t padding : 31; uint64_t reserved[2]; };",
			[]string{"type struct fuse_s", "member fuse_s.a", "member fuse_s.b", "member fuse_s.c", "member fuse_s.d", "member fuse_s.e", "member fuse_s.f"},
		},
		{
			"op table", "struct fuse_ops { void (*init) (void *u, struct x *c); int (*f)(int (*g)(int), int h); };",
			[]string{"type struct fuse_ops", "member fuse_ops.init", "member fuse_ops.f"},
		},
		{
			"nested", "struct fuse_s { union { int a; struct { int b; }; }; struct { int c; } d; };",
			[]string{"type struct fuse_s", "member fuse_s.a", "member fuse_s.b", "member fuse_s.d"},
		},
		{"typedef of struct", "typedef struct fuse_s { int a; } fuse_s_t;", []string{"type struct fuse_s", "member fuse_s.a", "type fuse_s_t"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			syms := parseHeaders(in(tt.c), headers)
			if got := names(syms); !slices.Equal(got, tt.want) {
				t.Errorf("%s\n got %q\nwant %q", tt.c, got, tt.want)
			}
			for _, s := range syms {
				if s.Header != "fuse_common.h" {
					t.Errorf("%s: header %q, want fuse_common.h", s.Name, s.Header)
				}
			}
		})
	}
}

func TestPreprocess_TakesTheDirectoryGiven(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("cc: not there")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"fuse_lowlevel.h":  "/* int fuse_gone(void); */\n#if FUSE_USE_VERSION < 30\nint fuse_old(void);\n#else\nint fuse_here(void); // x\n#endif\n",
		"fuse.h":           "struct fuse;\n#define FUSE_H_\n#define fuse_main(argc) 0\n",
		"cuse_lowlevel.h":  "#include \"fuse_lowlevel.h\"\nint cuse_here(void);\n",
		"fuse_daemonize.h": "int fuse_also(void);\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := preprocess("cc", dir, "312", includes)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"func fuse_main", "type struct fuse", "func fuse_here", "func cuse_here", "func fuse_also"}
	if got := names(parseHeaders(text, headers)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
