package snapshot

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/outflow/outflow/internal/webapi"
)

// backend is where snapshots lie. What is written is there whole, or not at all.
type backend interface {
	list(ctx context.Context) (names []string, err error)
	read(ctx context.Context, name string) ([]byte, error)
	write(ctx context.Context, name string, b []byte) error
	remove(ctx context.Context, name string) error
}

func openBackend(ctx context.Context, c *Config) (backend, error) {
	if c.Bucket == "" {
		return folderBackend(c.Dir), os.MkdirAll(c.Dir, 0o700)
	}
	options := []func(*awsconfig.LoadOptions) error{
		awsconfig.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(webapi.StayAtOrigin)),
	}
	if c.Region != "" {
		options = append(options, awsconfig.WithRegion(c.Region))
	}
	if c.BaseURL != "" {
		options = append(options, awsconfig.WithBaseEndpoint(c.BaseURL))
	}
	conf, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	prefix := c.Prefix
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return &bucketBackend{s3.NewFromConfig(conf, func(o *s3.Options) {
		o.UsePathStyle = c.BaseURL != ""
		o.DisableLogOutputChecksumValidationSkipped = true
	}), c.Bucket, prefix}, nil
}

// folderBackend is a folder.
type folderBackend string

func (f folderBackend) list(context.Context) (names []string, err error) {
	entries, err := os.ReadDir(string(f))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (f folderBackend) read(_ context.Context, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(f), name))
}

func (f folderBackend) write(_ context.Context, name string, b []byte) error {
	part, err := os.CreateTemp(string(f), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	_, err = part.Write(b)
	if err := errors.Join(err, part.Sync(), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), filepath.Join(string(f), name))
}

func (f folderBackend) remove(_ context.Context, name string) error {
	err := os.Remove(filepath.Join(string(f), name))
	if errors.Is(err, os.ErrNotExist) { // another machine was faster
		return nil
	}
	return err
}

// bucketBackend is a bucket of S3, or of what is like it. It needs s3:ListBucket,
// s3:GetObject, s3:PutObject and s3:DeleteObject.
type bucketBackend struct {
	api            *s3.Client
	bucket, prefix string
}

func (b *bucketBackend) list(ctx context.Context) (names []string, err error) {
	pages := s3.NewListObjectsV2Paginator(b.api, &s3.ListObjectsV2Input{Bucket: &b.bucket, Prefix: &b.prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			names = append(names, strings.TrimPrefix(aws.ToString(o.Key), b.prefix))
		}
	}
	return names, nil
}

func (b *bucketBackend) read(ctx context.Context, name string) ([]byte, error) {
	out, err := b.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: aws.String(b.prefix + name)})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

func (b *bucketBackend) write(ctx context.Context, name string, content []byte) error {
	_, err := b.api.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.bucket, Key: aws.String(b.prefix + name), Body: bytes.NewReader(content)})
	return err
}

func (b *bucketBackend) remove(ctx context.Context, name string) error {
	_, err := b.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.bucket, Key: aws.String(b.prefix + name)})
	return err
}
