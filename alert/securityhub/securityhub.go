// Package securityhub sends alerts to AWS Security Hub, as findings in its format (ASFF).
package securityhub

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"
	"github.com/aws/smithy-go"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
)

// Kind is the kind of channel securityhub.
var Kind = alert.Kind{Name: "securityhub", New: func() alert.Settings { return &Config{} }, SDK: true}

// Config are the settings of the channel. The AWS SDK finds credentials, which must allow
// securityhub:BatchImportFindings, and securityhub:BatchUpdateFindings for what was decided.
type Config struct {
	BaseURL string `yaml:"base_url"` // endpoint, for tests and proxies; empty for AWS
	Region  string `yaml:"region"`   // such as eu-west-1; required
	Account string `yaml:"account"`  // 12 digits; required
}

// Check implements alert.Settings.
func (c *Config) Check() error {
	if len(c.Account) != 12 || strings.Trim(c.Account, "0123456789") != "" {
		return fmt.Errorf("account: %q is not an AWS account id of 12 digits", c.Account)
	}
	return alert.RequireSettings("region", c.Region)
}

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	options := []func(*config.LoadOptions) error{config.WithRegion(c.Region)}
	if c.BaseURL != "" {
		options = append(options, config.WithBaseEndpoint(c.BaseURL))
	}
	conf, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	return &notifier{securityhub.NewFromConfig(conf), c, env.Now}, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api  *securityhub.Client
	conf *Config
	now  func() time.Time
}

// severities are the labels of ASFF.
var severities = map[alert.Severity]types.SeverityLabel{
	alert.Critical:      types.SeverityLabelCritical,
	alert.High:          types.SeverityLabelHigh,
	alert.Medium:        types.SeverityLabelMedium,
	alert.Low:           types.SeverityLabelLow,
	alert.Informational: types.SeverityLabelInformational,
}

// Finding returns an alert as a finding in ASFF (docs.aws.amazon.com/securityhub, "Required
// attributes" and "Optional attributes"), updated now.
func Finding(m *alert.Message, region, account string, now time.Time) types.AwsSecurityFinding {
	a := &m.Alert
	stamp := func(t time.Time) *string { return aws.String(t.UTC().Format("2006-01-02T15:04:05.000Z")) }
	who := a.User
	if who == "" {
		who = "outflow"
	}
	kinds := []string{"Unusual Behaviors/User"}
	if len(a.Exposures) > 0 {
		kinds = append(kinds, "Effects/Data Exposure")
	}

	f := types.AwsSecurityFinding{
		SchemaVersion:   aws.String("2018-10-08"),
		Id:              &a.ID,
		ProductArn:      aws.String("arn:aws:securityhub:" + region + ":" + account + ":product/" + account + "/default"),
		GeneratorId:     aws.String("outflow/" + a.Detector),
		AwsAccountId:    &account,
		CompanyName:     aws.String("Outflow"),
		ProductName:     aws.String("Outflow"),
		CreatedAt:       stamp(a.Time),
		UpdatedAt:       stamp(now),
		FirstObservedAt: stamp(a.Window.Start),
		LastObservedAt:  stamp(a.Window.End),
		FindingProviderFields: &types.FindingProviderFields{
			Severity: &types.FindingProviderSeverity{Label: severities[a.Severity], Original: aws.String(fmt.Sprintf("%.2f", a.Score))},
			Types:    kinds,
		},
		ProductFields: map[string]string{
			"outflow/revision": strconv.Itoa(a.Revision),
			"outflow/score":    strconv.FormatFloat(a.Score, 'f', 2, 64),
			"outflow/case":     a.Case,
			"outflow/detector": a.Detector,
		},
		Title:       aws.String(plain.Clip(m.Headline(), 256)),
		Description: aws.String(plain.Clip(strings.Join(append(append(m.Chips(), m.Body()), m.Items()...), "\n"), 1024)),
		Resources: []types.Resource{{
			Type:    aws.String("Other"),
			Id:      aws.String(plain.Clip(who, 512)),
			Details: &types.ResourceDetails{Other: map[string]string{"events": fmt.Sprint(a.EventCount)}},
		}},
		RecordState: types.RecordStateActive,
	}
	if a.Withdrawn {
		f.RecordState = types.RecordStateArchived
	}
	if len(a.Techniques) > 0 {
		f.ProductFields["outflow/techniques"] = strings.Join(a.Techniques, ",")
	}

	for name, list := range map[string][]string{"sources": a.Sources, "facts": m.Chips(), "items": m.Items()} {
		if len(list) > 0 { // values may not be empty
			f.Resources[0].Details.Other[name] = plain.Clip(strings.Join(list, "; "), 1024)
		}
	}

	if m.Link != "" {
		f.SourceUrl = &m.Link
	}
	return f
}

// Notify implements alert.Notifier. The finding's id is the alert's, so that a revision updates
// it. What was decided is an update of its own: imports do not change the workflow of a finding that is there.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	f := Finding(m, n.conf.Region, n.conf.Account, n.now())
	out, err := n.api.BatchImportFindings(ctx, &securityhub.BatchImportFindingsInput{Findings: []types.AwsSecurityFinding{f}})
	if err != nil {
		return "", refusal(err)
	}
	if aws.ToInt32(out.FailedCount) > 0 {
		why := "refused"
		if len(out.FailedFindings) > 0 {
			why = aws.ToString(out.FailedFindings[0].ErrorCode) + ": " + aws.ToString(out.FailedFindings[0].ErrorMessage)
		}
		return "", failed(why)
	}
	if m.Decision || m.Alert.Withdrawn || m.Before == nil && m.Alert.Triage != nil {
		if err := n.update(ctx, m, &f); err != nil {
			return "", err
		}
	}
	return m.Alert.ID, nil
}

// The workflow and the verification of a finding by what was decided.
var (
	workflows = map[alert.TriageStatus]types.WorkflowStatus{
		alert.TriageNew:        types.WorkflowStatusNew,
		alert.TriageInProgress: types.WorkflowStatusNotified,
		alert.TriageSuppressed: types.WorkflowStatusSuppressed,
		alert.TriageResolved:   types.WorkflowStatusResolved,
	}
	verifications = map[alert.Verdict]types.VerificationState{
		alert.VerdictTrue:   types.VerificationStateTruePositive,
		alert.VerdictBenign: types.VerificationStateBenignPositive,
		alert.VerdictFalse:  types.VerificationStateFalsePositive,
	}
)

// Update returns what was decided about an alert as an update of its finding.
func Update(m *alert.Message, f *types.AwsSecurityFinding) *securityhub.BatchUpdateFindingsInput {
	t := alert.Triage{Status: alert.TriageNew}
	if m.Alert.Triage != nil {
		t = *m.Alert.Triage
	}
	if m.Alert.Withdrawn {
		t.Status = alert.TriageResolved
	}
	note := strings.Join(m.Changes(), " ")
	if note == "" {
		note = "Triage: " + t.Title()
	}
	by := t.By
	if by == "" {
		by = "Outflow"
	}
	verification := verifications[t.Verdict]
	if verification == "" {
		verification = types.VerificationStateUnknown
	}
	return &securityhub.BatchUpdateFindingsInput{
		FindingIdentifiers: []types.AwsSecurityFindingIdentifier{{Id: f.Id, ProductArn: f.ProductArn}},
		Workflow:           &types.WorkflowUpdate{Status: workflows[t.Status]},
		VerificationState:  verification,
		Note: &types.NoteUpdate{
			Text:      aws.String(plain.Clip(note, 512)),
			UpdatedBy: aws.String(plain.Clip(plain.Printable(by), 512)),
		},
	}
}

// update sends what was decided. Where that is not allowed, it is set aside: what is known of the finding is there.
func (n *notifier) update(ctx context.Context, m *alert.Message, f *types.AwsSecurityFinding) error {
	out, err := n.api.BatchUpdateFindings(ctx, Update(m, f))
	var denied smithy.APIError
	switch {
	case errors.As(err, &denied) && strings.HasPrefix(denied.ErrorCode(), "AccessDenied"):
		if !m.Decision {
			return nil
		}
		return alert.Permanent(fmt.Errorf("securityhub: securityhub:BatchUpdateFindings is not allowed: %w", err))
	case err != nil:
		return refusal(err)
	case len(out.UnprocessedFindings) > 0:
		u := &out.UnprocessedFindings[0]
		return failed(aws.ToString(u.ErrorCode) + ": " + aws.ToString(u.ErrorMessage))
	}
	return nil
}

// failed returns the error of a finding that was not taken though the request was. Only one that is wrong itself is set
// aside; those that were throttled, or met another update, are sent again.
func failed(why string) error {
	err := errors.New("securityhub: " + why)
	code, _, _ := strings.Cut(why, ":")
	switch code {
	case "InvalidInput", "InvalidInputException", "FindingSizeExceeded":
		return alert.Permanent(err)
	}
	return alert.Repeatable(err)
}

// refusal returns the error of a request. It may be repeated: the finding is the same.
func refusal(err error) error {
	var e smithy.APIError
	if errors.As(err, &e) && e.ErrorCode() == "InvalidInputException" {
		return alert.Permanent(err)
	}
	return alert.Repeatable(err)
}
