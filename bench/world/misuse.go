package main

import (
	"slices"
	"strings"
)

// This file holds the scenarios that only procedural worlds have. Each consists of one
// or two deeds in the amounts of an incident.

// divisible deeds may be spread over several days in a stealthy incident. The others
// begin with a change that is made once.
var divisible = strings.Fields("copy_out secrets warehouse_get warehouse_unload modern_links chat_files usb cloud_upload " +
	"copilot dashboards")

// does runs deeds as an incident: at once, or over several days if stealthy.
func does(names ...string) func(p *plan) bool {
	return func(p *plan) bool {
		for i, name := range names {
			d := deeds[name]
			if p.q > 1./3 && d.rate < .05 && p.w.habitual(p.a, d) {
				return false // what a person does all the time cannot be distinguished
			}
			n, parts := p.lerp(d.lo, d.hi), 1
			if p.q < .5 && n > 12 && i == 0 && slices.Contains(divisible, name) {
				parts = p.r.between(1, 3)
			}
			days := p.workdays(parts, 6)
			for k, day := range days {
				p.reach, p.gap, p.c = p.r.uniform(.3, .9), 0, p.client(day)
				at := p.clock(day, .15+.3*p.q) + int64(i)*p.r.between64(10*minute, 3*hour)
				d.do(p, (k+1)*n/len(days)-k*n/len(days), at)
			}
		}
		return len(p.events) > 0
	}
}

// misuse lists the scenarios that procedural worlds have besides those of stories.go.
var misuse = []story{
	{name: "copies_into_private_drive", family: "volume", severity: "high", from: []Source{Google}, span: 6, run: does("copy_out")},
	{name: "reads_anothers_mail", family: "identity", severity: "high",
		who: func(a *Actor) bool { return a.assists() && a.Dept != HR || a.officeAdmin() }, span: 6, run: does("mailbox")},
	{name: "makes_itself_site_owner", family: "admin", severity: "high",
		from: []Source{M365}, who: (*Actor).officeAdmin, span: 6, run: does("site_owner")},
	{name: "bucket_for_a_stranger", family: "exposure", severity: "critical",
		from: []Source{CloudTrail}, span: 3, run: does("bucket_grant")},
	{name: "secret_after_secret", family: "identity", severity: "critical", from: []Source{CloudTrail}, span: 6, run: does("secrets")},
	{name: "leaver_prints_reports", family: "volume", severity: "high",
		from: []Source{Salesforce}, leaver: true, run: leaving("report_print")},
	{name: "warehouse_to_foreign_stage", family: "volume", severity: "critical",
		who: (*Actor).queries, span: 6, run: does("warehouse_unload")},
	{name: "warehouse_fetched", family: "volume", severity: "high", who: (*Actor).queries, span: 6, run: does("warehouse_get")},
	{name: "whole_folder_open", family: "exposure", severity: "high", from: drives, span: 2, run: confidential("folder_link")},
	{name: "private_account_in_top_folder", family: "sharing", severity: "high",
		from: []Source{Box, Google, Dropbox}, span: 3, run: confidential("folder_guest")},
	{name: "grants_itself_okta", family: "admin", severity: "critical", who: admin, span: 2, run: does("okta_self")},
	{name: "pushed_until_accepted", family: "identity", severity: "critical", from: drives, run: pushed},
	{name: "identity_for_a_friend", family: "admin", severity: "critical", from: []Source{CloudTrail}, span: 3, run: does("iam_user")},
	{name: "key_used_elsewhere", family: "identity", severity: "high", from: []Source{CloudTrail}, span: 3, run: does("roaming_key")},
	{name: "outsiders_in_repositories", family: "sharing", severity: "high", from: []Source{GitHub}, span: 2, run: does("repo_guests")},
	{name: "repositories_given_away", family: "exposure", severity: "critical", from: []Source{GitHub}, span: 2, run: does("repo_away")},
	{name: "cloned_from_rented_machine", family: "volume", severity: "high", from: []Source{GitHub}, span: 3, run: does("token_clone")},
	{name: "chat_workspace_exported", family: "volume", severity: "critical", who: admin, span: 2, run: does("chat_export")},
	{name: "chat_files_harvested", family: "volume", severity: "medium", who: (*Actor).chats, span: 6, run: inChat},
	{name: "google_organisation_exported", family: "volume", severity: "critical",
		from: []Source{Google}, who: (*Actor).googleAdmin, span: 4, run: does("org_export")},
	{name: "application_for_everybody", family: "identity", severity: "critical",
		from: []Source{Google}, who: (*Actor).googleAdmin, span: 3, run: does("delegation")},
	{name: "guest_links", family: "sharing", severity: "high", from: []Source{M365}, span: 3, run: does("modern_links")},
	{name: "discovery_abused", family: "volume", severity: "critical", from: suites, who: searches, span: 3, run: discoveryAbused},
	{name: "onto_a_stick", family: "volume", severity: "high", from: []Source{M365}, who: (*Actor).windows, span: 6, run: does("usb")},
	{name: "into_a_cloud_drive", family: "volume", severity: "high",
		from: []Source{M365}, who: (*Actor).windows, span: 6, run: does("cloud_upload")},
	{name: "assistant_reads_secrets", family: "volume", severity: "high", from: []Source{M365}, span: 6, run: confidential("copilot")},
	{name: "dashboards_taken", family: "volume", severity: "medium", from: []Source{M365}, span: 6, run: does("dashboards")},
	{name: "objects_wiped", family: "deletion", severity: "critical", from: []Source{CloudTrail}, span: 2, run: does("object_wipe")},
	{name: "weekly_backup_fetched", family: "volume", severity: "critical",
		from: []Source{Salesforce}, who: exportsAll, span: 4, run: does("weekly_export")},
	{name: "loader_by_night", family: "slow", severity: "high", from: []Source{Salesforce}, span: 10, run: loaderByNight},
}

// leaving runs a deed over a leaver's last days.
func leaving(name string) func(p *plan) bool {
	return func(p *plan) bool {
		d, days := deeds[name], p.exitDays(p.lerp(5, 1))
		total := p.lerp(d.lo, d.hi)
		for i, day := range days {
			p.c, p.gap = p.client(day), 0
			d.do(p, max(1, (i+1)*total/len(days)-i*total/len(days)), p.clock(day, .4*p.q))
		}
		return len(days) > 0
	}
}

// confidential runs a deed in confidential folders.
func confidential(name string) func(p *plan) bool {
	return func(p *plan) bool {
		for _, f := range p.w.folders[p.src] {
			if f.Sensitive > 0 && (f.Dept == p.a.Dept || p.q > .5) {
				p.pool = append(p.pool, f)
			}
		}
		p.pool = some(p.r, p.pool, p.r.between(1, 4))
		return len(p.pool) > 0 && does(name)(p)
	}
}

// pushed is an intruder who knows the password and sends push requests until one is
// accepted, then downloads.
func pushed(p *plan) bool {
	p.c = p.intruder()
	t := pushRefused(p, p.lerp(3, 40), p.clock(p.d, .6))
	p.native(Okta, oktaPush+" accepted", oktaUser(p.a.Email), t)
	p.breach(t+2*minute, p.lerp(12, 280))
	return true
}

func discoveryAbused(p *plan) bool {
	if p.src == Google {
		return does("vault")(p)
	}
	return does("discovery")(p)
}

func inChat(p *plan) bool {
	p.src = Slack
	return does("chat_files")(p)
}

func loaderByNight(p *plan) bool {
	d := deeds["bulk_rows"]
	for _, day := range p.workdays(p.r.between(2, 7), 10) {
		p.c, p.gap = p.client(day), 0
		d.do(p, p.lerp(1, 5), p.clock(day, 1))
	}
	return len(p.events) > 1
}

// chainable are the deeds of composed misuse. Each amounts to little by itself.
var chainable = []string{"download", "sync", "delete", "share_outside", "modern_links", "public_links", "folder_guest", "copy_out",
	"clone", "token_clone", "repo_guests", "report_export", "report_print", "bulk_rows", "object_reads", "bucket_grant",
	"secrets", "snapshots", "iam_user", "roaming_key", "mailbox", "forward", "site_owner", "chat_files", "usb", "cloud_upload",
	"copilot", "dashboards", "warehouse_query", "warehouse_unload", "warehouse_get", "folder_link", "okta_self"}

var chain = story{name: "composed", family: "sequence", severity: "high", span: 11, run: compose}

// compose runs two to four steps in different services within one to ten days, each a
// tenth to a third of the amount the deed has on its own.
func compose(p *plan) bool {
	type step struct {
		d   *deed
		src Source
	}
	var steps []step
	used := map[Source]bool{}
	want := p.r.between(2, 4)
	for _, name := range some(p.r, chainable, len(chainable)) {
		d := deeds[name]
		src, ok := d.able(p.r, p.a)
		if !ok || used[src] && p.r.chance(.85) || len(steps) == want {
			continue
		}
		used[src] = true
		steps = append(steps, step{d, src})
	}
	if len(steps) < 2 || len(used) < 2 {
		return false
	}
	days := p.workdays(len(steps), p.r.between(1, 10))
	if len(days) == 0 {
		return false
	}
	names := ""
	for i, s := range steps {
		day := days[min(i, len(days)-1)]
		p.src, p.reach, p.gap, p.pool, p.c = s.src, p.r.uniform(.2, .8), 0, nil, p.client(day)
		n := max(1, int(float64(p.lerp(s.d.lo, s.d.hi))*p.r.uniform(.1, .35)))
		s.d.do(p, n, p.clock(day, .2)+int64(i)*p.r.between64(5*minute, 50*minute))
		if names != "" {
			names += ", then "
		}
		names += s.d.text
	}
	p.inc.Note = names
	return true
}
