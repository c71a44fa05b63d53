package alerttest

import (
	"io"
	"net"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/produce"
)

// kafkaTopic is the topic of the broker, with one partition.
const kafkaTopic = "alerts"

// kafkaCodes are what a broker answers when it fails.
var kafkaCodes = map[Fault]kafka.Error{
	Refused:     kafka.MessageSizeTooLarge,
	Throttled:   kafka.NotEnoughReplicas, // a broker throttles by answering late
	Unavailable: kafka.LeaderNotAvailable,
	Redirected:  kafka.NotLeaderForPartition,
	Gone:        kafka.UnknownTopicOrPartition,
	Denied:      kafka.TopicAuthorizationFailed,
	FailedAfter: kafka.RequestTimedOut, // its replicas did not confirm in time
}

// listenKafka is a broker of Kafka, the only one and the leader of its topic.
func listenKafka(l *Ledger, conn net.Conn) {
	defer conn.Close()
	for {
		version, id, _, req, err := protocol.ReadRequest(conn)
		if err != nil { // also half a request
			return
		}
		var res protocol.Message
		fault := None
		switch req := req.(type) {
		case *apiversions.Request:
			res = &apiversions.Response{ApiKeys: []apiversions.ApiKeyResponse{
				{ApiKey: int16(protocol.ApiVersions)}, {ApiKey: int16(protocol.Metadata), MaxVersion: 4},
				{ApiKey: int16(protocol.CreateTopics), MaxVersion: 1}, {ApiKey: int16(protocol.Produce), MaxVersion: 8},
			}}
		case *metadata.Request:
			res = kafkaMetadata(conn.LocalAddr().(*net.TCPAddr))
		case *createtopics.Request:
			res = &createtopics.Response{Topics: []createtopics.ResponseTopic{
				{Name: kafkaTopic, ErrorCode: int16(kafka.TopicAlreadyExists)},
			}}
		case *produce.Request:
			fault = l.next()
			res = takeKafka(l, fault, req)
		}
		switch fault {
		case CutBefore, CutAfter:
			return
		case Truncated:
			conn.Write([]byte{0, 0, 0, 100, 0})
			return
		case Hung:
			io.Copy(io.Discard, conn)
			return
		}
		if res == nil || protocol.WriteResponse(conn, version, id, res) != nil {
			return
		}
	}
}

// kafkaMetadata says who leads the topic.
func kafkaMetadata(address *net.TCPAddr) *metadata.Response {
	return &metadata.Response{
		Brokers:      []metadata.ResponseBroker{{NodeID: 1, Host: address.IP.String(), Port: int32(address.Port)}},
		ClusterID:    "MkU3OEVBNTcwNTJENDM2Qg",
		ControllerID: 1,
		Topics: []metadata.ResponseTopic{{Name: kafkaTopic, Partitions: []metadata.ResponsePartition{
			{LeaderID: 1, ReplicaNodes: []int32{1}, IsrNodes: []int32{1}},
		}}},
	}
}

// takeKafka appends the records of a request, unless it fails before, and returns the answer.
func takeKafka(l *Ledger, fault Fault, req *produce.Request) protocol.Message {
	switch fault {
	case None, CutAfter, Truncated, Hung, FailedAfter:
		for i := range req.Topics {
			for j := range req.Topics[i].Partitions {
				appendKafka(l, req.Topics[i].Partitions[j].RecordSet.Records)
			}
		}
	}
	answer := produce.ResponsePartition{ErrorCode: int16(kafkaCodes[fault])}
	return &produce.Response{Topics: []produce.ResponseTopic{{Topic: kafkaTopic, Partitions: []produce.ResponsePartition{answer}}}}
}

// appendKafka counts records.
func appendKafka(l *Ledger, records protocol.RecordReader) {
	for {
		r, err := records.ReadRecord()
		if err != nil {
			return
		}
		value, err := protocol.ReadAll(r.Value)
		if err != nil {
			return
		}
		l.told(value)
	}
}
