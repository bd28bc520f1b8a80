//go:build linux && !cgo

package cshim

// Without cgo nothing else of this package is compiled, and what imports it is not even tried: this is all that the compiler says.
var _ = go_libfuse3_needs_cgo__set_CGO_ENABLED_to_1_and_have_a_C_compiler__see_docs_building_md
