package storage

import (
	"errors"
	"fmt"
	"testing"

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
