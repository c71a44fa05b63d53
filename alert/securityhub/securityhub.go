// Package securityhub sends alerts to AWS Security Hub, as findings in its format (ASFF).
package securityhub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
)

// Kind is the kind of channel securityhub.
var Kind = alert.Kind{Name: "securityhub", New: func() alert.Settings { return &Config{} }, SDK: true}

// Config are the settings of the channel. The AWS SDK finds credentials, which must allow
// securityhub:BatchImportFindings.
type Config struct {
	BaseURL string `yaml:"base_url"` // endpoint, for tests and proxies; empty for AWS
	Region  string `yaml:"region"`   // such as eu-west-1
	Account string `yaml:"account"`  // 12 digits
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
		Types:           kinds,
		CreatedAt:       stamp(a.Time),
		UpdatedAt:       stamp(now),
		FirstObservedAt: stamp(a.Window.Start),
		LastObservedAt:  stamp(a.Window.End),
		Severity:        &types.Severity{Label: severities[a.Severity], Original: aws.String(fmt.Sprintf("%.2f", a.Score))},
		Title:           aws.String(plain.Clip(m.Headline(), 256)),
		Description:     aws.String(plain.Clip(strings.Join(append(append(m.Chips(), m.Body()), m.Items()...), "\n"), 1024)),
		Resources: []types.Resource{{
			Type: aws.String("Other"),
			Id:   aws.String(plain.Clip(who, 512)),
			Details: &types.ResourceDetails{Other: map[string]string{
				"sources": plain.Clip(strings.Join(a.Sources, ","), 1024),

				"events": fmt.Sprint(a.EventCount),
			}},
		}},
		RecordState: types.RecordStateActive,
		Workflow:    &types.Workflow{Status: types.WorkflowStatusNew},
	}
	if a.Withdrawn {
		f.RecordState, f.Workflow.Status = types.RecordStateArchived, types.WorkflowStatusResolved
	}

	for name, list := range map[string][]string{"facts": m.Chips(), "items": m.Items()} {
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
// it.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	out, err := n.api.BatchImportFindings(ctx, &securityhub.BatchImportFindingsInput{
		Findings: []types.AwsSecurityFinding{Finding(m, n.conf.Region, n.conf.Account, n.now())},
	})
	if err != nil {
		return "", err
	}
	if aws.ToInt32(out.FailedCount) > 0 {
		why := "refused"
		if len(out.FailedFindings) > 0 {
			why = aws.ToString(out.FailedFindings[0].ErrorCode) + ": " + aws.ToString(out.FailedFindings[0].ErrorMessage)
		}
		return "", alert.Permanent(errors.New("securityhub: " + why))
	}
	return m.Alert.ID, nil
}
