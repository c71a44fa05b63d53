// Package all lists every format that can be read, in the order in which they are
// tried, and every kind of source that is an API.
package all

import (
	"slices"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/anthropic"
	"github.com/outflow/outflow/ingest/atlassian"
	"github.com/outflow/outflow/ingest/box"
	"github.com/outflow/outflow/ingest/cloudtrail"
	"github.com/outflow/outflow/ingest/dropbox"
	"github.com/outflow/outflow/ingest/github"
	"github.com/outflow/outflow/ingest/google"
	"github.com/outflow/outflow/ingest/hr"
	"github.com/outflow/outflow/ingest/kafka"
	"github.com/outflow/outflow/ingest/m365"
	"github.com/outflow/outflow/ingest/okta"
	"github.com/outflow/outflow/ingest/openai"
	"github.com/outflow/outflow/ingest/push"
	"github.com/outflow/outflow/ingest/salesforce"
	"github.com/outflow/outflow/ingest/slack"
	"github.com/outflow/outflow/ingest/snowflake"
	"github.com/outflow/outflow/ingest/storage"
	"github.com/outflow/outflow/ingest/zoom"
)

// Formats are the JSON shapes of all sources.
var Formats = slices.Concat(cloudtrail.Formats, m365.Formats, google.Formats, okta.Formats, slack.Formats, dropbox.Formats,
	box.Formats, github.Formats, salesforce.Formats, hr.Formats, atlassian.Formats, zoom.Formats, snowflake.Formats,
	anthropic.Formats, openai.Formats)

// Tables are the delimited shapes of all sources.
var Tables = slices.Concat(m365.Tables, okta.Tables, salesforce.Tables, cloudtrail.Tables, box.Tables, hr.Tables, zoom.Tables,
	snowflake.Tables, google.Tables, slack.Tables, dropbox.Tables, atlassian.Tables)

// Kinds are the sources that are not files: APIs, and what takes records of any vendor.
var Kinds = slices.Concat([]ingest.Kind{
	cloudtrail.Kind, m365.Kind, google.Kind, box.Kind, salesforce.Kind, okta.Kind, slack.Kind, github.Kind,
	dropbox.Kind, atlassian.Kind, zoom.Kind, snowflake.Kind, push.Kind, kafka.Kind, storage.Kind,
}, hr.Kinds)
