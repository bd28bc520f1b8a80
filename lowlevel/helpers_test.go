package lowlevel_test

import (
	"slices"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// containsField reports whether field is one of the blank-separated fields of text.
func containsField(text, field string) bool { return slices.Contains(strings.Fields(text), field) }
