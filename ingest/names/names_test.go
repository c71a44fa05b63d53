package names

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the table in docs/identity.md")

// TestAddress checks the address inside forms, and that nothing else is taken for one.
func TestAddress(t *testing.T) {
	for form, want := range map[string]string{
		"ann@acme.example":                                           "ann@acme.example",
		"i:0#.f|membership|ann@acme.example":                         "ann@acme.example",
		"I:0#.F|Membership|Ann@acme.example":                         "Ann@acme.example",
		"i:05.t|adfs|ann@acme.example":                               "ann@acme.example",
		"i:0e.t|okta|ann@acme.example":                               "ann@acme.example",
		"i:0h.f|membership|10032000dead@live.com":                    "",
		"i:0i.t|00000003-0000-0ff1-ce00-000000000000|app@sharepoint": "",
		"i:0#.w|acme\\ann":                                           "",
		"i:0#.f|membership|":                                         "",
		"c:0t.c|tenant|32537252-0676-4c47-a372-2d93563456f7":         "",
		"c:0#.f|membership|ann@acme.example":                         "",
		"i:0#.f|membership|ann_acme.example#ext#@hq.onmicrosoft.com": "ann@acme.example",
		"i:0#.f|membership|urn%3aspo%3aguest#ann@acme.example":       "ann@acme.example",
		"urn:spo:guest#ann@acme.example":                             "ann@acme.example",
		"urn:spo:anon#1f2e":                                          "",
		"live.com#ann@acme.example":                                  "ann@acme.example",
		"LIVE.COM#ann@acme.example":                                  "ann@acme.example",
		"live.com#":                                                  "",
		"ann_lee_acme.example#EXT#@hq.onmicrosoft.com":               "ann_lee@acme.example",
		"ann#EXT#@hq.onmicrosoft.com":                                "",
		"#EXT#@hq.onmicrosoft.com":                                   "",
		"smtp:ann@acme.example":                                      "ann@acme.example",
		"deleted:user:ann@acme.example?uid=12":                       "ann@acme.example",
		"serviceAccount:etl@acme.iam.gserviceaccount.com":            "etl@acme.iam.gserviceaccount.com",
		"repo:acme/app:ref:refs/heads/ann@acme.example":              "",
		"ann@evil.example#acme.example":                              "",
		"arn:aws:iam::111122223333:user/ann":                         "",
		"ann":                                                        "",
		"":                                                           "",
		"%":                                                          "", "%3a%": "", "i:0#": "", "i:0": "",
		"live.com#live.com#live.com#live.com#live.com#live.com#a@acme.example": "",
	} {
		if got := Address(form); got != want {
			t.Errorf("%q has the address %q, want %q", form, got, want)
		}
	}
}

// TestParts checks the smaller readings of names.
func TestParts(t *testing.T) {
	for account, want := range map[string]Account{
		"ann@acme.example":                   {Name: "ann@acme.example"},
		"okta:ann":                           {Source: "okta", Name: "ann"},
		"aws:111122223333:user/ann":          {"aws", "111122223333", "user", "ann"},
		"aws:111122223333:workload/repo:a/b": {"aws", "111122223333", "workload", "repo:a/b"},
		"aws:111122223333:root":              {Source: "aws", Name: "111122223333:root"},
		"aws:111122223333":                   {Source: "aws", Name: "111122223333"},
	} {
		if got := Parse(account); got != want {
			t.Errorf("%s: %+v, want %+v", account, got, want)
		}
	}
	for what, c := range map[string]struct {
		read func(string) string
		want map[string]string
	}{
		"tenant": {Tenant, map[string]string{
			"ann_acme.example#EXT#@hq.onmicrosoft.com": "hq.onmicrosoft.com", "ann@acme.example": "", "ann#EXT#@": "", "#EXT#@x": "",
		}},
		"initial domain": {InitialDomain, map[string]string{
			"https://hq.sharepoint.com/sites/x": "hq.onmicrosoft.com", "https://hq-my.sharepoint.com/personal/ann": "hq.onmicrosoft.com",
			"https://hq.sharepoint.com.rival.example/": "", "https://a.b.sharepoint.com/": "", "hq.sharepoint.com": "", "": "",
		}},
		"base": {Base, map[string]string{
			"hq.mail.onmicrosoft.com": "hq.onmicrosoft.com", "acme.example.test-google-a.com": "acme.example", "hq.onmicrosoft.com": "",
		}},
		"without suffix": {WithoutSuffix, map[string]string{
			"ann@acme.example.uat": "ann@acme.example", "ann@acme.example.qa": "ann@acme.example", "ann@acme.example": "",
			"ann@acme.co.uk": "", "ann@acme.example.com": "", "uat": "", "ann@acme.": "",
		}},
	} {
		for in, want := range c.want {
			if got := c.read(in); got != want {
				t.Errorf("%s of %q is %q, want %q", what, in, got, want)
			}
		}
	}
	for what, c := range map[string]struct {
		is      func(string) bool
		yes, no []string
	}{
		"a workload": {Workload, []string{"repo:acme/app:environment:prod", "project_path:acme/app:ref_type:tag:ref:v1",
			"system:serviceaccount:jobs:etl", "organization:acme:project:p:workspace:w", "deploy_key"},
			[]string{"ann", "reporter", "repo", "organizer"}},
		"an issuer of workloads": {WorkloadIssuer, []string{"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com",
			"oidc.eks.eu-west-1.amazonaws.com/id/ABC", "gitlab.acme.example"}, []string{"accounts.google.com", "acme.okta.com", ""}},
		"a chosen session": {ChosenSession, []string{"ann.lee", "ann"},
			[]string{"botocore-session-1700000000", "i-0af5b", "1700000000000", "", "AWSCLI-Session"}},
		"a unique id": {UniqueID, []string{"AIDAEU1F45GRUKIOMYJB1", "AROAEU1F45GRUKIOMYJB1"},
			[]string{"AIDA", "aidaeu1f45grukiomyjb1", "ann.lee@acme.example"}},
		"whole": {Whole, []string{"ann.lee", "ann"}, []string{"", "a/b", "a:b", `acme\ann`, "a|b", "a#b"}},
	} {
		for _, name := range c.yes {
			if !c.is(name) {
				t.Errorf("%q is not %s", name, what)
			}
		}
		for _, name := range c.no {
			if c.is(name) {
				t.Errorf("%q is %s", name, what)
			}
		}
	}
}

// TestTable checks that the documentation has the table of forms.
func TestTable(t *testing.T) {
	const path, head = "../../docs/identity.md", "| source | form | belongs to | resolved to | how |\n|---|---|---|---|---|\n"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), head)
	if !ok {
		t.Fatal("the page has no table of forms")
	}
	after := strings.TrimLeft(rest[strings.LastIndex(rest, "|\n")+2:], "")
	var b strings.Builder
	for _, f := range Forms {
		person := f.Person
		if strings.Contains(person, "@") {
			person = "`" + person + "`"
		}
		form := strings.ReplaceAll(f.Example, "|", `\|`)
		b.WriteString("| " + f.Source + " | `" + form + "` | " + f.Belongs + " | " + person + " | " + f.How + " |\n")
	}
	want := before + head + b.String() + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(page, []byte(want)) {
		t.Error("docs/identity.md does not list the forms as they are: go test ./ingest/names -update")
	}
}
