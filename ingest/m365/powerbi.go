package m365

import (
	"cmp"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// powerBI returns where a field of Power BI and Fabric is kept, or nil.
func (f *workloadFields) powerBI(key string) *string {
	switch key {
	case "WorkSpaceName", "WorkspaceName":
		return &f.workspace
	case "ItemName":
		return &f.itemName
	case "ArtifactName":
		return &f.artifact
	case "ReportName":
		return &f.report
	case "DatasetName":
		return &f.dataset
	case "DashboardName":
		return &f.dashboard
	case "ArtifactId", "ItemId":
		return &f.artifactID
	case "ReportId":
		return &f.reportID
	case "DatasetId":
		return &f.datasetID
	case "DashboardId":
		return &f.dashboardID
	case "DataflowId":
		return &f.dataflowID
	case "ArtifactKind":
		return &f.artifactKind
	case "IsSuccess":
		return &f.succeeded
	}
	return nil
}

// biItem sets the report, dashboard or dataset that something was done to. What a record names
// beside a report, such as the dataset behind it, is not the object.
func biItem(r *record, e *event.Event, out *ingest.Sink) {
	o := &e.Object
	o.Container = r.workspace
	switch {
	case r.report != "" || r.reportID != "":
		o.Type, o.ID, o.Name = "report", r.reportID, cmp.Or(r.report, r.itemName)
	case r.dashboard != "" || r.dashboardID != "":
		o.Type, o.ID, o.Name = "dashboard", r.dashboardID, cmp.Or(r.dashboard, r.itemName)
	case r.dataset != "" || r.datasetID != "":
		o.Type, o.ID, o.Name = "dataset", r.datasetID, cmp.Or(r.dataset, r.itemName)
	default:
		o.Type, o.ID, o.Name = "report", cmp.Or(r.artifactID, r.dataflowID), cmp.Or(r.itemName, r.artifact)
		if r.artifactKind != "" {
			o.Type = out.Lower(r.artifactKind)
		}
	}
	o.ID, o.Name = cmp.Or(o.ID, r.objectID), cmp.Or(o.Name, r.objectID)
	if r.succeeded == "false" || r.succeeded == "False" {
		e.Outcome = event.Failure
	}
}

// biExport is a report or dataset that was taken out of Power BI. How many rows it has is not
// stated.
func biExport(r *record, e *event.Event, out *ingest.Sink) {
	biItem(r, e, out)
	e.Rows = -1
}

// biPublished is a report that was published to the web, for everybody.
func biPublished(r *record, e *event.Event, out *ingest.Sink) {
	biItem(r, e, out)
	e.After = event.Public
	out.To("*", event.ScopeAnyone)
}

// biShare names whom something was shared with.
func biShare(r *record, e *event.Event, out *ingest.Sink) {
	biItem(r, e, out)
	each(r.sharing, func(s *jsonscan.Scanner) {
		for s.Next() {
			switch string(s.Key) {
			case "RecipientEmail", "UserPrincipalName":
				if mail := s.Text(); ingest.IsEmail(mail) {
					out.To(out.Copy(person(mail, out)), event.ScopeUnknown)
				}
			default:
				s.Skip()
			}
		}
	})
	if len(e.To) == 0 {
		e.Class = event.PermissionGrant
	}
}
