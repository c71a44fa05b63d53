// Package all lists the kinds of channels, except for file, which package file delivers itself.
package all

import (
	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/elastic"
	"github.com/outflow/outflow/alert/email"
	"github.com/outflow/outflow/alert/jira"
	"github.com/outflow/outflow/alert/kafka"
	"github.com/outflow/outflow/alert/pagerduty"
	"github.com/outflow/outflow/alert/securityhub"
	"github.com/outflow/outflow/alert/servicenow"
	"github.com/outflow/outflow/alert/slack"
	"github.com/outflow/outflow/alert/sns"
	"github.com/outflow/outflow/alert/splunk"
	"github.com/outflow/outflow/alert/syslog"
	"github.com/outflow/outflow/alert/teams"
	"github.com/outflow/outflow/alert/webhook"
)

// Kinds are the kinds of channels.
var Kinds = []alert.Kind{
	webhook.Kind, slack.Kind, teams.Kind, pagerduty.Kind, email.Kind, syslog.Kind, splunk.Kind, elastic.Kind,
	kafka.Kind, sns.Kind, securityhub.Kind, jira.Kind, servicenow.Kind,
}
