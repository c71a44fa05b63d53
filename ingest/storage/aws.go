// Package storage reads objects of S3, or of what speaks like it: those that notifications in a
// queue name, and those that are listed. It has what sources of such objects share, and the kind s3,
// whose objects may be of any vendor.
package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/webapi"
)

// Access is how AWS is reached. The credentials are those of the AWS SDK: environment, profile, web
// identity or instance.
type Access struct {
	BaseURL    string `yaml:"base_url"`    // optional; endpoint of all services
	Region     string `yaml:"region"`      // optional; replaces the SDK's default
	RoleARN    string `yaml:"role_arn"`    // optional; role to assume
	ExternalID string `yaml:"external_id"` // for the roles to assume
}

// Connect returns the configuration of the SDK, without a role.
func (c *Access) Connect(ctx context.Context) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(
		awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.ResponseHeaderTimeout, t.MaxIdleConnsPerHost = 90*time.Second, 64
			webapi.StayAtOrigin(t)
		}))}
	if c.Region != "" {
		options = append(options, config.WithRegion(c.Region))
	}
	if c.BaseURL != "" {
		options = append(options, config.WithBaseEndpoint(c.BaseURL))
	}
	conf, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return conf, fmt.Errorf("AWS: %w", err)
	}
	if conf.Region == "" {
		conf.Region = "us-east-1"
	}
	return conf, nil
}

// Assume returns the configuration with the credentials of a role, if one is named.
func (c *Access) Assume(conf aws.Config, role string) aws.Config {
	if role == "" {
		return conf
	}
	out := conf.Copy()
	out.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(conf), role,
		func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "outflow"
			if c.ExternalID != "" {
				o.ExternalID = aws.String(c.ExternalID)
			}
		}))
	return out
}

// Objects returns a client for objects.
func (c *Access) Objects(conf aws.Config) *s3.Client {
	return s3.NewFromConfig(conf, func(o *s3.Options) {
		o.UsePathStyle = c.BaseURL != ""
		o.DisableLogOutputChecksumValidationSkipped = true
	})
}

// throttle knows the codes that services of AWS answer with when there are too many requests.
var throttle = retry.ThrottleErrorCode{Codes: retry.DefaultThrottleErrorCodes}

// Refused turns an error of the SDK into one of webapi.
func Refused(ctx context.Context, op string, err error) error {
	if err == nil || ctx.Err() != nil {
		return cmp.Or(ctx.Err(), err)
	}
	e := &webapi.Error{Op: op, Err: err}
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		e.Status = answer.HTTPStatusCode()
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		switch e.Status { // of a proxy, perhaps
		case http.StatusUnauthorized:
			e.Kind = webapi.Unauthorized
		case http.StatusForbidden:
			e.Kind = webapi.Denied
		case http.StatusTooManyRequests:
			e.Kind = webapi.Throttled
		}
		return e
	}
	e.Text = api.ErrorCode() + ": " + api.ErrorMessage()
	if e.Status == 0 {
		e.Status = http.StatusBadRequest
	}
	switch code := api.ErrorCode(); {
	case throttle.IsErrorThrottle(err).Bool():
		e.Kind = webapi.Throttled
	case e.Status == http.StatusUnauthorized:
		e.Kind = webapi.Unauthorized
	case code == "Forbidden", strings.Contains(code, "AccessDenied"),
		strings.Contains(code, "Unauthorized"), strings.HasPrefix(code, "KMS."):
		e.Kind = webapi.Denied
	case strings.Contains(code, "ExpiredToken"), strings.Contains(code, "InvalidClientTokenId"), code == "SignatureDoesNotMatch",
		code == "InvalidAccessKeyId", code == "UnrecognizedClientException":
		e.Kind = webapi.Unauthorized
	case api.ErrorFault() == smithy.FaultClient:
		e.Kind = webapi.Refused
	}
	return e
}

// Object opens an object. One that no longer exists or is archived is a gap.
func Object(ctx context.Context, api *s3.Client, bucket, key string) (*s3.GetObjectOutput, error) {
	out, err := api.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err == nil {
		return out, nil
	}
	var gone *s3types.NoSuchKey
	var archived *s3types.InvalidObjectState
	switch {
	case errors.As(err, &gone):
		return nil, &ingest.Gap{Reason: "s3://" + bucket + "/" + key + " is gone"}
	case errors.As(err, &archived):
		return nil, &ingest.Gap{Reason: "s3://" + bucket + "/" + key + " is archived: restore it and reset the state of the source"}
	}
	e := Refused(ctx, "s3:GetObject "+bucket+"/"+key, err)
	if webapi.Is(e, webapi.Denied) {
		e = fmt.Errorf("%w (s3:GetObject, or kms:Decrypt where the objects have a key, may be missing)", e)
	}
	return nil, e
}

// File returns an object whose content never changes as a body.
func File(api *s3.Client, bucket, key string) ingest.Body {
	name := "s3://" + bucket + "/" + key
	return ingest.Body{ID: name, Name: name, Open: func(ctx context.Context) (io.ReadCloser, error) {
		out, err := Object(ctx, api, bucket, key)
		if err != nil {
			return nil, err
		}
		return out.Body, nil
	}}
}

// List lists a page of the keys with a prefix, after a key.
func List(ctx context.Context, api *s3.Client, bucket, prefix, after, token string) (*s3.ListObjectsV2Output, error) {
	in := &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix}
	if token != "" {
		in.ContinuationToken = &token
	} else if after != "" {
		in.StartAfter = &after
	}
	out, err := api.ListObjectsV2(ctx, in)
	if err == nil {
		err = isListing(out)
	}
	return out, Refused(ctx, "s3:ListBucket "+bucket+"/"+prefix, err)
}

// isListing returns an error for an answer that names no bucket. The SDK takes any text for a listing
// without objects, such as the page of a proxy, and what was to be listed would count as read.
func isListing(out *s3.ListObjectsV2Output) error {
	if aws.ToString(out.Name) == "" {
		return errors.New("the answer is not a listing")
	}
	return nil
}

// Prefixes returns the folders below a prefix.
func Prefixes(ctx context.Context, api *s3.Client, bucket, prefix string) (names []string, err error) {
	pages := s3.NewListObjectsV2Paginator(api, &s3.ListObjectsV2Input{
		Bucket:    &bucket,
		Prefix:    &prefix,
		Delimiter: aws.String("/"),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err == nil {
			err = isListing(page)
		}
		if err != nil {
			return nil, Refused(ctx, "s3:ListBucket "+bucket+"/"+prefix, err)
		}
		for _, p := range page.CommonPrefixes {
			names = append(names, strings.TrimSuffix(strings.TrimPrefix(aws.ToString(p.Prefix), prefix), "/"))
		}
	}
	return names, nil
}
