package storage

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/outflow/outflow/internal/webapi"
)

// TestRefused sorts errors of AWS by their codes.
func TestRefused(t *testing.T) {
	for code, want := range map[string]webapi.Kind{
		"ThrottlingException":    webapi.Throttled,
		"SlowDown":               webapi.Throttled,
		"RequestLimitExceeded":   webapi.Throttled,
		"EC2ThrottledException":  webapi.Throttled,
		"BandwidthLimitExceeded": webapi.Throttled,
		"AccessDenied":           webapi.Denied,
		"KMS.DisabledException":  webapi.Denied,
		"ExpiredTokenException":  webapi.Unauthorized,
		"NoSuchBucket":           webapi.Refused,
	} {
		err := Refused(t.Context(), "list", fmt.Errorf("operation: %w", &smithy.GenericAPIError{Code: code, Fault: smithy.FaultClient}))
		var e *webapi.Error
		if !errors.As(err, &e) || e.Kind != want {
			t.Errorf("%s: %v, want %v", code, err, want)
		}
	}
}

// TestRedirect has an endpoint lead to another address, and to another path of its own: the SDK goes to the latter alone.
func TestRedirect(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { elsewhere.Add(1); io.WriteString(w, "secret") }))
	defer other.Close()
	var status int
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/b/away":
			http.Redirect(w, r, other.URL+"/b/away", status)
		case "/b/moved":
			http.Redirect(w, r, "/b/here", status)
		default:
			io.WriteString(w, "object")
		}
	}))
	defer here.Close()
	c := Access{BaseURL: here.URL}
	conf, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conf.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	get := func(key string) (string, error) {
		out, err := c.Objects(conf).GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String(key)})
		if err != nil {
			return "", err
		}
		defer out.Body.Close()
		b, err := io.ReadAll(out.Body)
		return string(b), err
	}
	for _, status = range []int{301, 302, 307, 308} {
		if text, err := get("away"); err == nil {
			t.Errorf("%d: read %q", status, text)
		}
		if text, err := get("moved"); status > 306 && (err != nil || text != "object") {
			t.Errorf("%d within the endpoint: %q, %v", status, text, err)
		}
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}
