package importtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// bareWrap is a wrap of an error with a single word.
var bareWrap = regexp.MustCompile(`^([a-z0-9_]+): %w$`)

// TestErrors requires that every wrap of an error names the operation that failed: the name of
// a package alone does not.
func TestErrors(t *testing.T) {
	fset := token.NewFileSet()
	var files []*ast.File
	packages := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, path, text, parser.SkipObjectResolution)
		if err == nil {
			files = append(files, f)
			packages[f.Name.Name] = true
			packages[f.Name.Name+"s"] = true // snapshots: …
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wraps := 0
	for _, f := range files {
		eachErrorf(f, func(at token.Pos, format string) {
			if strings.Contains(format, "%w") {
				wraps++
			}
			if m := bareWrap.FindStringSubmatch(format); m != nil && packages[m[1]] {
				t.Errorf("%s: %q names the package, and not the operation", fset.Position(at), format)
			}
		})
	}
	if wraps < 100 {
		t.Errorf("only %d wraps were looked at", wraps)
	}
}

// TestBareWrap checks that the check finds what it is for.
func TestBareWrap(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
func f(err error) error {
	if err := fmt.Errorf("open: %w", err); err != nil {
		return fmt.Errorf("x: open store: %w", err)
	}
	return fmt.Errorf("x: %w", err)
}`, 0)
	if err != nil {
		t.Fatal(err)
	}
	var bare []string
	eachErrorf(f, func(_ token.Pos, format string) {
		if bareWrap.MatchString(format) {
			bare = append(bare, format)
		}
	})
	if got := strings.Join(bare, ", "); got != "open: %w, x: %w" {
		t.Error(got)
	}
}

// eachErrorf calls yield with the format of every call of fmt.Errorf that is a literal.
func eachErrorf(f *ast.File, yield func(at token.Pos, format string)) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		fun, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || fun.Sel.Name != "Errorf" {
			return true
		}
		if pkg, ok := fun.X.(*ast.Ident); !ok || pkg.Name != "fmt" {
			return true
		}
		if format, ok := call.Args[0].(*ast.BasicLit); ok {
			if text, err := strconv.Unquote(format.Value); err == nil {
				yield(format.Pos(), text)
			}
		}
		return true
	})
}
