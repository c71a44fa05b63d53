package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
)

// brief is what must be the same of an alert in a scan and in the demonstration.
func brief(a *alert.Alert) string {
	return fmt.Sprintf("%s %s %.3f %s %s", a.ID, a.Severity, a.Score, a.User, a.Title)
}

// ofScan are the alerts of a scan of the example.
func ofScan(t *testing.T) (list []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "alerts.ndjson")
	if code, _, errs := outflow("scan", "--all", "--format", "ndjson", "--out", file, "../../examples/acme"); code != exitFine {
		t.Fatal(code, errs)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for dec := json.NewDecoder(f); ; {
		var a alert.Alert
		if err := dec.Decode(&a); err == io.EOF {
			slices.Sort(list)
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		if a.Severity >= alert.Low { // the daemon tells of no others
			list = append(list, brief(&a))
		}
	}
}

// TestDemo plays the example to its end: its alerts are those of a scan, the page and the API can be reached with what is
// printed, and nothing is left behind.
func TestDemo(t *testing.T) {
	long(t)
	t.Parallel()
	want, tmp := ofScan(t), t.TempDir()
	cmd := exec.Command("outflow", "demo", "--speed", "600", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	var said strings.Builder
	for lines := bufio.NewScanner(stdout); lines.Scan() && !strings.Contains(lines.Text(), "was the last day"); {
		said.WriteString(lines.Text() + "\n")
	}
	page := regexp.MustCompile(`Page +(http://127\.0\.0\.1:\d+)\n +Sign in +(\S+)\n`).FindStringSubmatch(said.String())
	if page == nil {
		t.Fatal(said.String())
	}
	go io.Copy(io.Discard, stdout)

	data, err := filepath.Glob(filepath.Join(tmp, "outflow-demo-*", "data"))
	if err != nil || len(data) != 1 {
		t.Fatal(data, err)
	}
	var got []string
	for range 240 {
		if got = inDemo(t, data[0]); slices.Equal(got, want) {
			break
		}
		time.Sleep(time.Second / 4)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d alerts, %d of a scan: %q\n%q", len(got), len(want), got[:min(3, len(got))], want[:3])
	}
	req, err := http.NewRequest(http.MethodGet, page[1]+"/v1/alerts", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+page[2])
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(b), "Cloned 24 repositories") {
		t.Errorf("%d %v: %.200s", res.StatusCode, err, b)
	}

	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// inDemo are the alerts of a data directory.
func inDemo(t *testing.T, dir string) (list []string) {
	t.Helper()
	s, err := datadir.OpenAlerts(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all, err := s.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if !all[i].Health {
			list = append(list, brief(&all[i]))
		}
	}
	slices.Sort(list)
	return list
}
