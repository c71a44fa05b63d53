package eventlog

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// TestBrokersThatBrokersName connects to brokers of the configuration wherever they are, and to those that they name unless these
// are on this machine, or where a cloud hands out credentials.
func TestBrokersThatBrokersName(t *testing.T) {
	listen := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l.Addr().String()
	}
	configured, named := listen(), listen()
	dial := func(c *KafkaConfig, address string) (refused bool) {
		t.Helper()
		d, err := c.Dialer()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		conn, err := d.DialFunc(ctx, "tcp", address)
		if err == nil {
			conn.Close()
		}
		return err != nil && strings.Contains(err.Error(), "as one of its cluster")
	}
	for _, address := range []string{
		named, "localhost:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "0.0.0.0:1", "169.254.169.254:80", "[::ffff:169.254.169.254]:80",
		"169.254.170.2:80", "[fd00:ec2::254]:80", "168.63.129.16:80", "100.100.100.200:80", "224.0.0.1:1",
	} {
		if !dial(&KafkaConfig{Brokers: []string{"10.255.255.1:9092"}}, address) {
			t.Errorf("%s was not refused", address)
		}
	}
	for _, address := range []string{"10.255.255.1:9092", "192.0.2.1:9092", "10.255.255.2:9092"} {
		if dial(&KafkaConfig{Brokers: []string{"10.255.255.1:9092"}}, address) {
			t.Errorf("%s was refused", address)
		}
	}

	here := &KafkaConfig{Brokers: []string{configured}}
	d, err := here.Dialer()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{configured, named} {
		conn, err := d.DialFunc(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	if _, err := d.DialFunc(t.Context(), "tcp", "169.254.169.254:80"); err == nil || !strings.Contains(err.Error(), "as one of its cluster") {
		t.Error("it leads to where credentials are:", err)
	}
}
