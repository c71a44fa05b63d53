// Command check verifies the export of a generated world (see bench/world) against its
// labels: every labelled record is present and well-formed, every incident shows the
// operations its scenario consists of, and every operation of an incident also occurs in
// ordinary work, so that none gives an incident away.
//
//	check [-v] [-show SCENARIO] labels.json EXPORT
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
)

type incident struct {
	ID, Scenario string
	Events       map[string][]string
}

// shows lists the operations of every scenario: an incident must show one of each group.
// A bar separates alternatives.
var shows = map[string][]string{
	"salesforce_leaver_export": {"ReportExport|BulkApi2"}, "bulk_download_box": {"DOWNLOAD"},
	"bulk_download_m365": {"FileDownloaded"}, "bulk_download_gdrive": {"download"}, "bulk_github_clone": {"git.clone"},
	"low_and_slow": {taken}, "external_share_burst": {"COLLABORATION_INVITE|AddedToSecureLink|change_user_access"},
	"public_link_sensitive": {"SHARE|AnonymousLinkCreated|change_document_visibility"},
	"s3_bucket_public":      {"PutBucketPolicy|PutBucketAcl"}, "s3_mass_getobject": {"GetObject"},
	"security_group_open":       {"AuthorizeSecurityGroupIngress"},
	"admin_grant_unneeded":      {"AttachUserPolicy|user.account.privilege.grant|Add member to role.|ASSIGN_ROLE|role_change_to_admin"},
	"brute_force_then_download": {"user.session.start|UserLoginFailed|login_failure", taken},
	"account_takeover":          {taken, "user.session.start"}, "mailbox_forwarding": {"New-InboxRule|Set-Mailbox"},
	"download_share_delete": {taken, "DELETE|FileRecycled|trash"}, "staged_multi_saas": {taken},
	"oauth_app_exfil": {"Consent to application.|authorize", taken}, "dormant_reactivation": {taken},
	"off_hours_collection": {taken}, "mass_deletion": {"DELETE|FileRecycled|trash"},

	"copies_into_private_drive": {"source_copy"}, "reads_anothers_mail": {"Add-MailboxPermission", "MailItemsAccessed"},
	"makes_itself_site_owner": {"SiteCollectionAdminAdded", "FileAccessed|FileDownloaded"},
	"bucket_for_a_stranger":   {"PutBucketPolicy|PutBucketReplication"}, "secret_after_secret": {"GetSecretValue"},
	"leaver_prints_reports": {"Report"}, "warehouse_to_foreign_stage": {"UNLOAD"}, "warehouse_fetched": {"UNLOAD", "GET_FILES"},
	"whole_folder_open":             {"SHARE|AnonymousLinkCreated|change_document_visibility"},
	"private_account_in_top_folder": {"COLLABORATION_INVITE|shared_drive_membership_change|shared_content_add_member", taken},
	"grants_itself_okta":            {"user.account.privilege.grant", "application.user_membership.add"},
	"pushed_until_accepted":         {"user.authentication.auth_via_mfa|UserLoginFailed", taken},
	"identity_for_a_friend":         {"CreateUser", "AttachUserPolicy", "CreateAccessKey", "GetObject"},
	"key_used_elsewhere":            {"CreateAccessKey", "GetObject"}, "outsiders_in_repositories": {"repo.add_member"},
	"repositories_given_away": {"repo.access|repo.transfer"}, "cloned_from_rented_machine": {"git.clone"},
	"chat_workspace_exported": {"manual_export_started"}, "chat_files_harvested": {"file_downloaded"},
	"google_organisation_exported": {"CUSTOMER_TAKEOUT_CREATED"},
	"application_for_everybody":    {"AUTHORIZE_API_CLIENT_ACCESS", "download"},
	"guest_links":                  {"SharingLinkCreated", "AddedToSharingLink"},
	"discovery_abused":             {"SearchExportDownloaded|download_export"}, "onto_a_stick": {"FileCopiedToRemovableMedia"},
	"into_a_cloud_drive": {"FileUploadedToCloud"}, "assistant_reads_secrets": {"CopilotInteraction"},
	"dashboards_taken": {"ExportReport"}, "objects_wiped": {"DeleteObject"}, "weekly_backup_fetched": {"dataExport", "URI"},
	"loader_by_night": {"BulkApi2"}, "composed": {},
}

const (
	taken  = "DOWNLOAD|FileDownloaded|download|file_download"
	enough = 1 // least number of records of an operation in ordinary work
)

func main() {
	verbose := flag.Bool("v", false, "print the operations of each incident")
	show := flag.String("show", "", "print records of incidents of this `scenario`")
	flag.Parse()
	var truth struct{ Incidents []incident }
	b, err := os.ReadFile(flag.Arg(0))
	if err == nil {
		err = json.Unmarshal(b, &truth)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
	c := newChecker(truth.Incidents)
	c.show = *show
	if err := walk(flag.Arg(1), c.visit, func() { c.cut++ }); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
	failures := c.verify(*verbose)
	fmt.Printf("%d records, %d cut on purpose, %d incidents, %d failures\n", c.records, c.cut, len(truth.Incidents), failures)
	if failures > 0 {
		os.Exit(1)
	}
}

type ref struct{ source, id string }

type checker struct {
	incidents     []incident
	labelled      map[ref]int
	seen          map[ref]bool
	found         []map[string]int // operations of each incident, with counts
	usual, guilty map[ref]int      // number of records by source and operation
	records, cut  int
	show          string
	shown         int
}

func newChecker(list []incident) *checker {
	c := &checker{incidents: list, labelled: map[ref]int{}, seen: map[ref]bool{}, usual: map[ref]int{}, guilty: map[ref]int{}}
	for i, inc := range list {
		c.found = append(c.found, map[string]int{})
		for src, ids := range inc.Events {
			for _, id := range ids {
				c.labelled[ref{src, id}] = i
			}
		}
	}
	return c
}

func (c *checker) visit(r record) {
	c.records++
	k := ref{r.source, r.id}
	i, guilty := c.labelled[k]
	for _, op := range r.ops {
		if guilty {
			c.found[i][op]++
			c.guilty[ref{r.source, op}]++
		} else {
			c.usual[ref{r.source, op}]++
		}
	}
	if guilty {
		c.seen[k] = true
		if c.incidents[i].Scenario == c.show && c.shown < 15 {
			c.shown++
			fmt.Println(r.text)
		}
	}
}

func (c *checker) verify(verbose bool) (failures int) {
	fail := func(format string, args ...any) {
		failures++
		fmt.Printf("FAIL "+format+"\n", args...)
	}
	for k, i := range c.labelled {
		if !c.seen[k] {
			fail("%s: %s %s is not in the export", c.incidents[i].Scenario, k.source, k.id)
		}
	}
	for i, inc := range c.incidents {
		groups, known := shows[inc.Scenario]
		if !known {
			fail("%s: unknown scenario", inc.Scenario)
		}
		for _, group := range groups {
			ok := false
			for _, op := range strings.Split(group, "|") {
				ok = ok || c.found[i][op] > 0
			}
			if !ok {
				fail("%s %s: no %s", inc.ID, inc.Scenario, group)
			}
		}
		if inc.Scenario == "composed" && len(inc.Events) < 2 {
			fail("%s composed: of one service only", inc.ID)
		}
		if verbose {
			fmt.Printf("%-8s %-30s %s\n", inc.ID, inc.Scenario, list(c.found[i]))
		}
	}
	for k := range c.guilty {
		if c.usual[k] < enough {
			fail("%s of %s: %d of incidents, %d of ordinary work", k.id, k.source, c.guilty[k], c.usual[k])
		}
	}
	return failures
}

func list(ops map[string]int) string {
	var out []string
	for op, n := range ops {
		out = append(out, fmt.Sprintf("%s×%d", op, n))
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}
