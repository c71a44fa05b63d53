package github

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/outflow/outflow/internal/event"
)

// TestActions compares the tables with GitHub's list of audit log events
// (testdata/actions.list, from src/audit-logs/data/shared/entries.json of github.com/github/docs):
// every read, export, share, right, deletion and setting has a class, and the tables name no action
// that the list does not have.
func TestActions(t *testing.T) {
	data, err := os.ReadFile("testdata/actions.list")
	if err != nil {
		t.Fatal(err)
	}
	listed := expand(string(data))
	if len(listed) < 1000 {
		t.Fatalf("only %d actions in the list", len(listed))
	}
	// What GitHub, or a program, does by itself: runs of workflows, limits, sponsorships.
	machinery := regexp.MustCompile(`^(workflows|sponsors|marketplace|account_recovery|advisory_credit|profile_picture|` +
		`repository_image|user_status|secret_scanning_scan|repository_limit|code_scanning\.alert)|` +
		`_(limit_reached|limit_warning|metered_usage_(un)?lock)$|runner_(online|offline|updated)$|trial|rejected_ref|rate_limited`)
	interesting := regexp.MustCompile(`[._](access|add(ed)?|admin|archive|assign|clear|clone|created?|deleted?|destroy|disabled?|` +
		`download(ed)?|enabled?|export\w*|fetch|grant(ed)?|invite\w*|login|member|printed|push|register|removed?|revoked?|set|` +
		`transfer\w*|updated?|viewed|visibility\w*)$`)
	for _, name := range listed {
		h, known := operations.Get(name)
		if interesting.MatchString(name) && !machinery.MatchString(name) && (!known || h.class == event.Other) {
			t.Errorf("%s has no class", name)
		}
	}
	slices.Sort(listed)
	former := []string{
		"deploy_key.create", "deploy_key.destroy", "members_can_create_public_repos.enable", "members_can_create_public_repos.disable",
		"org.saml_disabled",
	}
	names := expand(settings + work)
	for _, l := range lists {
		names = append(names, expand(l.names)...)
	}
	for name := range actions {
		names = append(names, name)
	}
	seen := map[string]bool{}
	for _, name := range names {
		if _, found := slices.BinarySearch(listed, name); !found && !slices.Contains(former, name) {
			t.Errorf("%s is not in GitHub's list", name)
		}
		seen[name] = true
	}
	if len(seen) < 900 {
		t.Errorf("only %d actions have a meaning", len(seen))
	}
}
