package cloudtrail

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/storage"
)

// bucket lists the files of a trail, day by day, for every account and region that it finds:
// [prefix/]AWSLogs/[o-…/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/. Files of the same minute appear
// in any order, so sweeps overlap; a file that has been read is not read again.
type bucket struct {
	objects *s3.Client
	name    string
	prefix  string
	regions []string // only these; all if empty
	since   time.Time
	now     func() time.Time
	sweeps  ingest.SweepPlan
}

// Without a queue, every sweep goes back two hours, and one a day two days. With a queue, files
// that it missed are found within the day.
var (
	listed     = ingest.SweepPlan{Overlap: 2 * time.Hour, Daily: 48 * time.Hour, MaxSpan: 24 * time.Hour}
	reconciled = ingest.SweepPlan{
		Lag:     time.Hour,
		Overlap: 2 * time.Hour,
		Daily:   48 * time.Hour,
		MaxSpan: 24 * time.Hour,
	}
)

type bucketCursor struct {
	ingest.SweepState
	Prefixes []string `json:"prefixes,omitempty"` // still to be listed in this sweep
	Token    string   `json:"token,omitempty"`    // continuation token for the first of them
}

// roots returns the folders of the regions, of logs or of digests.
func (b *bucket) roots(ctx context.Context, kind string) (list []string, err error) {
	base := b.prefix
	if base != "" && !strings.HasSuffix(base, "/") {
		base += "/"
	}
	base += "AWSLogs/"
	top, err := storage.Prefixes(ctx, b.objects, b.name, base)
	if err != nil {
		return nil, err
	}

	var accounts []string
	for _, name := range top {
		if !strings.HasPrefix(name, "o-") {
			accounts = append(accounts, base+name+"/")
			continue
		}
		members, err := storage.Prefixes(ctx, b.objects, b.name, base+name+"/")
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			accounts = append(accounts, base+name+"/"+m+"/")
		}
	}

	for _, account := range accounts {
		regions, err := storage.Prefixes(ctx, b.objects, b.name, account+kind+"/")
		if err != nil {
			return nil, err
		}
		for _, region := range regions {
			if len(b.regions) == 0 || slices.Contains(b.regions, region) {
				list = append(list, account+kind+"/"+region+"/")
			}
		}
	}

	return list, nil
}

// Fetch implements ingest.Source.
func (b *bucket) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[bucketCursor](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	page := ingest.Page{}
	if c.To == 0 {
		if _, ok := b.sweeps.Begin(&c.SweepState, b.since, b.now()); !ok {
			page.Next = ingest.WriteCursor(c)
			return page, nil
		}
		roots, err := b.roots(ctx, "CloudTrail")
		if err != nil {
			return page, err
		}
		for _, root := range roots {
			for _, day := range days(c.From, c.To) {
				c.Prefixes = append(c.Prefixes, root+day+"/")
			}
		}
	}

	if len(c.Prefixes) > 0 {
		prefix := c.Prefixes[0]
		out, err := storage.List(ctx, b.objects, b.name, prefix, b.after(prefix, c.From), c.Token)
		if err != nil {
			return page, err
		}
		for _, o := range out.Contents {
			if key := aws.ToString(o.Key); isLog(key) && aws.ToInt64(o.Size) > 0 {
				page.Bodies = append(page.Bodies, storage.File(b.objects, b.name, key))
			}
		}
		if c.Token = aws.ToString(out.NextContinuationToken); c.Token == "" {
			c.Prefixes = c.Prefixes[1:]
		}
	}

	if page.More = len(c.Prefixes) > 0; !page.More {
		page.More = b.sweeps.Finish(&c.SweepState, b.now())
	}
	page.Next = ingest.WriteCursor(c)
	return page, nil
}

// after returns the key after which the listing of a day begins. Names begin with the account,
// the region and the minute of delivery.
func (b *bucket) after(prefix string, from int64) string {
	parts := strings.Split(strings.TrimSuffix(prefix, "/"), "/")
	if len(parts) < 6 {
		return ""
	}
	at := time.UnixMilli(from).UTC()
	if !strings.HasSuffix(prefix, at.Format(accessDay)+"/") { // a later day: all of it
		return ""
	}
	account, region := parts[len(parts)-6], parts[len(parts)-4]
	return prefix + account + "_CloudTrail_" + region + "_" + at.Format("20060102T1504")
}
