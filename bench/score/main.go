// Command score compares alerts with the ground truth of generated worlds (see bench/world).
//
//	score [-json] [-strict] [-unit user-day|native] [-weights FILE] labels.json alerts.ndjson [labels.json alerts.ndjson …]
//
// With -weights, scores are computed again from the alerts' receipts, with weights of bench/train.
// bench/README.md defines the figures it prints.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/outflow/outflow/bench/internal/score"
)

func main() {
	asJSON := flag.Bool("json", false, "print JSON")
	strict := flag.Bool("strict", false, "an alert only counts for an incident if it names one of its events")
	by := flag.String("unit", "user-day", "user-day, or native to count every alert")
	file := flag.String("weights", "", "compute scores again with the weights of `FILE`")
	flag.Parse()
	if flag.NArg() < 2 || flag.NArg()%2 != 0 || *by != "user-day" && *by != "native" {
		flag.Usage()
		os.Exit(2)
	}
	worlds, err := load(flag.Args(), score.Options{Native: *by == "native", Strict: *strict, Receipts: *file != ""}, *file)
	if err != nil {
		fmt.Fprintln(os.Stderr, "score:", err)
		os.Exit(1)
	}
	r := score.Evaluate(worlds)
	if *asJSON {
		b, err := json.MarshalIndent(r, "", " ")
		if err != nil { // without incidents a recall is no number
			fmt.Fprintln(os.Stderr, "score:", err)
			os.Exit(1)
		}
		fmt.Println(string(b))
		return
	}
	print(r)
}

// load reads pairs of labels and alerts. Alerts with a receipt have the score that the weights of a file
// give, if one is named.
func load(files []string, options score.Options, weights string) (worlds []*score.World, err error) {
	var w *score.Weights
	if weights != "" {
		if w, err = score.ReadWeights(weights); err != nil {
			return nil, err
		}
	}
	for i := 0; i < len(files); i += 2 {
		x, err := score.Load(files[i], files[i+1], options)
		if err != nil {
			return nil, err
		}
		if w != nil {
			x = x.Rescored(func(a *score.Alert) float64 {
				if a.Receipt == nil {
					return a.Score
				}
				return a.Receipt.Reweighed(w).Score(func(string) bool { return true })
			})
		}
		worlds = append(worlds, x)
	}
	return worlds, nil
}

// print prints the figures as text.
func print(r *score.Report) {
	fmt.Printf("%d worlds, %d incidents, %d user-days under test\n\n", r.Worlds, r.Incidents, r.UserDays)
	fmt.Println("budget (false alerts)   recall   95 % interval   one threshold for all worlds")
	for _, b := range score.Budgets {
		n := score.BudgetName(b)
		fmt.Printf("%-22s  %5.1f %%   %4.1f – %4.1f %%   %5.1f %%\n", n+" user-days", 100*r.Recall[n], 100*r.RecallLow[n],
			100*r.RecallHigh[n], 100*r.RecallShared[n])
	}
	fmt.Printf("\nprecision@20 per week  %5.1f %%   incidents in a weekly top 20  %5.1f %%\n", 100*r.PrecisionAt20, 100*r.FoundAt20)
	fmt.Printf("time to detect         median %.1f h, 90th percentile %.1f h (at 2/1000)\n", r.HoursMedian, r.HoursP90)
	fmt.Printf("as emitted             recall %.1f %% at %.2f false alerts per 1,000 user-days\n", 100*r.EmittedRecall, r.EmittedFalse)
	for _, part := range []struct {
		title string
		rows  map[string][3]float64
	}{{"intensity", r.ByIntensity}, {"family", r.ByFamily}, {"scenario", r.ByScenario}} {
		fmt.Printf("\n%-28s  1/1000  2/1000  5/1000\n", part.title)
		for _, k := range slices.Sorted(maps.Keys(part.rows)) {
			v := part.rows[k]
			fmt.Printf("%-28s  %5.0f %%  %5.0f %%  %5.0f %%\n", k, 100*v[0], 100*v[1], 100*v[2])
		}
	}
	fmt.Printf("\nfalse alerts at 2/1000: %d elsewhere", r.FalseElsewhere)
	for _, k := range slices.Sorted(maps.Keys(r.FalseOnDecoys)) {
		fmt.Printf(", %d %s", r.FalseOnDecoys[k], k)
	}
	fmt.Println()
}
