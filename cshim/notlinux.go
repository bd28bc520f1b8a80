//go:build !linux

package cshim

// Elsewhere nothing else of this package is compiled, and what imports it is not even tried: this is all that the compiler says.
var _ = go_libfuse3_runs_on_Linux_only__see_docs_building_md
