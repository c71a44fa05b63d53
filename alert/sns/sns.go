// Package sns publishes alerts to a topic of Amazon SNS, as JSON.
package sns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/transport/http"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/webapi"
)

// Kind is the kind of channel sns.
var Kind = alert.Kind{Name: "sns", New: func() alert.Settings { return &Config{} }, SDK: true}

// Config are the settings of the channel. The AWS SDK finds credentials, which must allow
// sns:Publish.
type Config struct {
	BaseURL  string `yaml:"base_url"`  // endpoint, for tests and proxies; empty for AWS
	TopicARN string `yaml:"topic_arn"` // of the topic; required
}

// Check implements alert.Settings.
func (c *Config) Check() error {
	if len(strings.Split(c.TopicARN, ":")) < 6 {
		return fmt.Errorf("topic_arn: %q is not an ARN", c.TopicARN)
	}
	return nil
}

// Open implements alert.Settings.
func (c *Config) Open(ctx context.Context, env alert.Env) (alert.Notifier, error) {
	options := []func(*config.LoadOptions) error{config.WithRegion(strings.Split(c.TopicARN, ":")[3])}
	if c.BaseURL != "" {
		options = append(options, config.WithBaseEndpoint(c.BaseURL))
	}
	conf, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	fifo := strings.HasSuffix(c.TopicARN, ".fifo")
	return &notifier{sns.NewFromConfig(conf, func(o *sns.Options) {
		if !fifo { // the SDK would publish again, unmarked, what may have arrived
			o.Retryer = aws.NopRetryer{}
		}
	}), c.TopicARN, fifo}, nil
}

// notifier implements alert.Notifier.
type notifier struct {
	api   *sns.Client
	topic string
	fifo  bool
}

// maxMessage is the most bytes of a message; SNS takes 256 KB with its attributes.
const maxMessage = 250 << 10

// message returns an alert as JSON, with as many of its items as SNS takes.
func message(a *alert.Alert) (body []byte, err error) {
	if body, err = json.Marshal(a); err != nil {
		return nil, err
	}
	for n := 2 * alert.MaxItems; len(body) > maxMessage && n > 0; n /= 2 {
		brief := a.Brief(n)
		if body, err = json.Marshal(&brief); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// Notify implements alert.Notifier. A FIFO topic drops repeats within five minutes. In other
// topics the attribute key, made of the alert's ID and revision, identifies repeats.
func (n *notifier) Notify(ctx context.Context, m *alert.Message) (string, error) {
	body, err := message(&m.Alert)
	if err != nil {
		return "", alert.Permanent(err)
	}
	attribute := func(v string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &v}
	}
	subject := []rune(strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return ' '
		}
		return c
	}, m.Headline()))

	in := &sns.PublishInput{
		TopicArn: &n.topic,
		Message:  aws.String(string(body)),
		Subject:  aws.String(string(subject[:min(len(subject), 99)])),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"alert_id": attribute(m.Alert.ID),
			"severity": attribute(m.Alert.Severity.String()),
			"detector": attribute(m.Alert.Detector),
			"key":      attribute(m.Key()),
		},
	}
	if m.Alert.Triage != nil {
		in.MessageAttributes["triage"] = attribute(string(m.Alert.Triage.Status))
	}
	if m.Repeat {
		in.MessageAttributes["possible_repeat"] = attribute("true")
	}
	if n.fifo {
		in.MessageGroupId, in.MessageDeduplicationId = aws.String(m.Alert.Case), aws.String(m.Key())
	}
	watch, sent := webapi.WatchSent(ctx)
	_, err = n.api.Publish(watch, in)
	return "", failure(err, sent())
}

// failure says what the error of a request means for the message. Without an answer it may have been published if the
// request was sent.
func failure(err error, sent bool) error {
	var refused smithy.APIError
	var answer *http.ResponseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused) && (refused.ErrorCode() == "InvalidParameter" || refused.ErrorCode() == "InvalidParameterValue"):
		return alert.Permanent(err)
	case errors.As(err, &answer) && answer.HTTPStatusCode() >= 300 && answer.HTTPStatusCode() < 500, !sent:
		return alert.Repeatable(err)
	}
	return err
}
