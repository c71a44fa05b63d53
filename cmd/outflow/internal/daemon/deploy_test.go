package daemon

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
)

// described returns the labels of each metric that a process can have, by name.
func described() map[string][]string {
	found := map[string][]string{}
	text := regexp.MustCompile(`fqName: "([^"]*)".*constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}`)
	note := func(c prometheus.Collector) {
		ch := make(chan *prometheus.Desc)
		go func() { c.Describe(ch); close(ch) }()
		for d := range ch {
			m := text.FindStringSubmatch(d.String())
			found[m[1]] = regexp.MustCompile(`\w+`).FindAllString(regexp.MustCompile(`="[^"]*"`).ReplaceAllString(m[2], "")+" "+m[3], -1)
		}
	}
	stats := &runStats{}
	note(&collector{func() *Status { return &Status{} }})
	note(&notifications{stats})
	note(stats.histogram())
	return found
}

// TestDeploy checks the alerting rules and the dashboard that are shipped: each metric that they name is one of this
// program, none is deprecated, they group by labels that it has, and the dashboard shows all.
func TestDeploy(t *testing.T) {
	metrics := described()
	metrics["outflow_build_info"] = []string{"version", "goversion"}
	rules, panels := rulesOf(t), panelsOf(t)
	named := regexp.MustCompile(`outflow_[a-z_]+`)
	grouped := regexp.MustCompile(`by \(([^)]*)\) \((?:\w+\()?(outflow_[a-z_]+)`)
	shown := map[string]bool{}
	for _, expr := range slices.Concat(rules, panels) {
		for _, name := range named.FindAllString(expr, -1) {
			name = strings.TrimSuffix(name, "_bucket")
			if _, ok := metrics[name]; !ok || strings.HasPrefix(name, "outflow_judge") {
				t.Errorf("%s: there is no metric %s", expr, name)
			}
		}
		for _, m := range grouped.FindAllStringSubmatch(expr, -1) {
			for label := range strings.SplitSeq(m[1], ", ") {
				if !slices.Contains([]string{"instance", "le"}, label) && !slices.Contains(metrics[strings.TrimSuffix(m[2], "_bucket")], label) {
					t.Errorf("%s: %s has no label %s", expr, m[2], label)
				}
			}
		}
	}
	for _, expr := range panels {
		for _, name := range named.FindAllString(expr, -1) {
			shown[strings.TrimSuffix(name, "_bucket")] = true
		}
	}
	for name := range metrics {
		if !shown[name] && !strings.HasPrefix(name, "outflow_judge") && name != "outflow_alerts_told" {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
	if len(rules) < 10 || len(panels) < 30 {
		t.Errorf("%d rules and %d queries were read", len(rules), len(panels))
	}
}

// rulesOf returns the expressions of the alerting rules.
func rulesOf(t *testing.T) (list []string) {
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For string
				Labels           map[string]string
				Annotations      map[string]string
			}
		}
	}
	b := deployed(t, "prometheus/outflow.rules.yaml")
	if err := yaml.UnmarshalWithOptions(b, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%s has no summary or severity", r.Alert)
			}
			list = append(list, r.Expr)
		}
	}
	return list
}

// panelsOf returns the queries of the dashboard.
func panelsOf(t *testing.T) (list []string) {
	var file struct {
		Panels []struct {
			ID      int
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(deployed(t, "grafana/outflow.json"), &file); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	for _, p := range file.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		for _, q := range p.Targets {
			list = append(list, q.Expr)
		}
	}
	return list
}

// deployed returns a file below the folder deploy.
func deployed(t *testing.T, name string) []byte {
	b, err := os.ReadFile(filepath.Join("../../../../deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
