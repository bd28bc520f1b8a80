package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// printTable prints a line an operation: the median time on each target, the ratio to the first, and the server's CPU time.
func printTable(w io.Writer, targets []target, results []result) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tw, "us per operation\t")
	for i, t := range targets {
		fmt.Fprintf(tw, "%s\tspread\tcpu\t", t.Name)
		if i > 0 {
			fmt.Fprintf(tw, "%s/%s\tcpu\t", t.Name, targets[0].Name)
		}
	}
	fmt.Fprintln(tw)
	logs := make([]float64, len(targets)) // sums of the logarithms of the ratios
	n := len(targets)
	for at := 0; at+n <= len(results); at += n {
		base := results[at]
		fmt.Fprintf(tw, "%s\t", base.Op)
		for i, r := range results[at : at+n] {
			fmt.Fprintf(tw, "%.2f\t%.0f%%\t%.2f\t", median(r.Nanos)/1e3, 100*spread(r.Nanos), r.CPU/1e3)
			if i > 0 {
				ratio := median(r.Nanos) / median(base.Nanos)
				logs[i] += math.Log(ratio)
				fmt.Fprintf(tw, "%.3f\t%.2f\t", ratio, r.CPU/base.CPU)
			}
		}
		fmt.Fprintln(tw)
	}
	fmt.Fprint(tw, "geometric mean\t")
	for i := range targets {
		fmt.Fprint(tw, "\t\t\t")
		if i > 0 {
			fmt.Fprintf(tw, "%.3f\t\t", math.Exp(logs[i]/float64(len(results)/n)))
		}
	}
	fmt.Fprintln(tw)
	return tw.Flush()
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return math.NaN()
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// spread is half the distance between the quartiles, relative to the median.
func spread(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return math.NaN()
	}
	return (s[len(s)*3/4] - s[len(s)/4]) / 2 / median(v)
}
