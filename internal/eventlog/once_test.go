package eventlog_test

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"

	"github.com/outflow/outflow/internal/eventlog"
)

// TestNotAppended tells errors after which a record is not in the log from those that leave it open, and which of them
// every such record gets.
func TestNotAppended(t *testing.T) {
	for err, want := range map[error]struct{ out, rejected bool }{
		kafka.NotLeaderForPartition:                        {out: true},
		kafka.UnknownTopicOrPartition:                      {out: true},
		kafka.TopicAuthorizationFailed:                     {out: true},
		kafka.SASLAuthenticationFailed:                     {out: true},
		kafka.NotEnoughReplicas:                            {out: true},
		kafka.MessageSizeTooLarge:                          {out: true, rejected: true},
		kafka.InvalidRecord:                                {out: true, rejected: true},
		produce.NewError(protocol.NewErrNoLeader("x", 0)):  {out: true},
		&net.OpError{Op: "dial", Err: io.ErrUnexpectedEOF}: {out: true},
		kafka.NotEnoughReplicasAfterAppend:                 {},
		kafka.RequestTimedOut:                              {},
		kafka.KafkaStorageError:                            {},
		kafka.Unknown:                                      {},
		io.ErrUnexpectedEOF:                                {},
		&net.OpError{Op: "read", Err: io.ErrUnexpectedEOF}: {},
		fmt.Errorf("the library says: %w", net.ErrClosed):  {},
	} {
		wrapped := fmt.Errorf("append: %w", err)
		if out, rejected := eventlog.NotAppended(wrapped), eventlog.Rejected(wrapped); out != want.out || rejected != want.rejected {
			t.Errorf("%v: not appended %v, rejected %v", err, out, rejected)
		}
	}
}
