package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/outflow/outflow/cmd/outflow/internal/stream"
)

func TestMain(m *testing.M) {
	testscript.Main(inProcess{m}, map[string]func(){"outflow": main})
}

// inProcess has what runs in the process of the tests, and not as a program of its own,
// wait less.
type inProcess struct{ *testing.M }

func (m inProcess) Run() int {
	stream.IdleLong = time.Second
	return m.M.Run()
}

// TestScripts runs the whole program.
func TestScripts(t *testing.T) {
	example, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("ACME", example+"/../../examples/acme")
			return nil
		},
		Cmds:          map[string]func(ts *testscript.TestScript, neg bool, args []string){"status": status},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

// status runs a program that exits with a status: status 2 outflow scan.
func status(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	var failed *exec.ExitError
	got := 0
	if errors.As(err, &failed) {
		got = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}
