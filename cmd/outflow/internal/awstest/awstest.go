// Package awstest makes what tests need at an AWS endpoint.
package awstest

import (
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Config is the configuration of the SDK for an AWS endpoint.
func Config(t *testing.T, endpoint string) aws.Config {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	conf, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithRegion("eu-west-1"), awsconfig.WithBaseEndpoint(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

// NewBucket makes a bucket and returns its name.
func NewBucket(t *testing.T, conf aws.Config) (api *s3.Client, name string) {
	t.Helper()
	api = s3.NewFromConfig(conf, func(o *s3.Options) { o.UsePathStyle = true })
	name = "b" + strconv.FormatInt(time.Now().UnixNano(), 36)
	if _, err := api.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket:                    &name,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"},
	}); err != nil {
		t.Fatal(err)
	}
	return api, name
}
