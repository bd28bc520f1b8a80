package main

// shrinkingMap is a map that gives memory back when it has lost most of its elements, which Go's maps do not. The zero
// value is empty. Read m directly; change it by the methods.
type shrinkingMap[K comparable, V any] struct {
	m    map[K]V
	peak int // the largest size since m was made
}

// shrinkBelow is the size under which shrinking is not worth it.
const shrinkBelow = 64

func (s *shrinkingMap[K, V]) put(key K, value V) {
	if s.m == nil {
		s.m = make(map[K]V)
	}
	s.m[key] = value
	s.peak = max(s.peak, len(s.m))
}

// remove deletes key. When three quarters are gone the rest moves to a new map: on the average that costs each removal no more
// than one insertion.
func (s *shrinkingMap[K, V]) remove(key K) {
	delete(s.m, key)
	if s.peak < shrinkBelow || len(s.m) > s.peak/4 {
		return
	}
	small := make(map[K]V, len(s.m))
	for k, v := range s.m {
		small[k] = v
	}
	s.m, s.peak = small, len(small)
}
