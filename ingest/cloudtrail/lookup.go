package cloudtrail

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	trail "github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/storage"
	"github.com/outflow/outflow/internal/webapi"
)

// lookup reads the event history of one account and region: management events of 90
// days, newest first, two calls a second. Accounts with more than that need a trail.
type lookup struct {
	api   *trail.Client
	since time.Time
	now   func() time.Time
}

var lookups = ingest.SweepPlan{
	Lag:       time.Minute,
	Overlap:   30 * time.Minute,
	Daily:     6 * time.Hour,
	MaxSpan:   6 * time.Hour,
	Retention: 90 * 24 * time.Hour,
}

type lookupCursor struct {
	ingest.SweepState
	Token string `json:"token,omitempty"`
}

// Fetch implements ingest.Source.
func (l *lookup) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[lookupCursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	page, ok := lookups.Page(&c.SweepState, l.since, l.now())
	if !ok {
		page.Next = ingest.WriteCursor(c)
		return page, nil
	}

	in := &trail.LookupEventsInput{
		StartTime:  aws.Time(time.UnixMilli(c.From)),
		EndTime:    aws.Time(time.UnixMilli(c.To)),
		MaxResults: aws.Int32(50),
	}
	if c.Token != "" {
		in.NextToken = &c.Token
	}

	out, err := l.api.LookupEvents(ctx, in)
	err = storage.Refused(ctx, "cloudtrail:LookupEvents", err)
	if c.Token != "" && webapi.Is(err, webapi.Refused) { // the token has expired: start the sweep again
		c.Token = ""
		return ingest.Page{Next: ingest.WriteCursor(c), More: true}, nil
	}

	if err != nil {
		return page, err
	}
	var recs [][]byte
	for _, e := range out.Events {
		b, err := json.Marshal(map[string]string{"CloudTrailEvent": aws.ToString(e.CloudTrailEvent)})
		if err != nil {
			return page, err
		}
		recs = append(recs, b)
	}

	if len(recs) > 0 {
		page.Bodies = []ingest.Body{lines("LookupEvents", recs)}
	}
	if c.Token = aws.ToString(out.NextToken); c.Token != "" {
		page.More = true
	} else {
		page.More = lookups.Finish(&c.SweepState, l.now())
	}

	page.Next = ingest.WriteCursor(c)
	return page, nil
}
