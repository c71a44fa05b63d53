package files_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// quote returns a text as a JSON string.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// csvCell returns a text as a quoted cell.
func csvCell(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// oneEach returns an envelope for each of two records, on a line each.
func oneEach(format string, encode func(string) string) string {
	return fmt.Sprintf(format, encode(recordA)) + "\n" + fmt.Sprintf(format, encode(recordB)) + "\n"
}

// bothIn returns one envelope for two records.
func bothIn(format string, encode func(string) string) string {
	return fmt.Sprintf(format, encode(recordA), encode(recordB))
}

func same(s string) string { return s }

// TestEnvelopes checks that records are found in what other systems hand them on in, that they
// are counted as what they are, and that the report names the envelope.
func TestEnvelopes(t *testing.T) {
	logEvents := `{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"trail","logStream":"s","subscriptionFilters":["all"],"logEvents":[` +
		`{"id":"1","timestamp":1772438401000,"message":%s},{"id":"2","timestamp":1772438402000,"message":%s}]}`
	subscription := bothIn(logEvents, quote)
	athena := "\"{type=Root, principalid=null, accountid=1, sessioncontext={attributes={mfaauthenticated=true, creationdate=x}}}\""
	for name, c := range map[string]struct{ content, envelope string }{
		"CloudWatch subscription":  {subscription, "CloudWatch Logs"},
		"CloudWatch, concatenated": {strings.ReplaceAll(subscription, "]}", "]}{\"messageType\":\"CONTROL_MESSAGE\",\"logEvents\":[]}"), "CloudWatch Logs"},
		"CloudWatch filter":        {bothIn(`{"events":[{"logStreamName":"s","timestamp":1,"message":%s,"eventId":"x"},{"logStreamName":"s","message":%s}],"searchedLogStreams":[]}`, quote), "CloudWatch Logs"},
		"CloudWatch export":        {oneEach("2026-03-02T08:00:01.000Z %s", same), "syslog or time before the record"},
		"CloudWatch Insights":      {bothIn(`{"results":[[{"field":"@timestamp","value":"2026"},{"field":"@message","value":%s}],[{"field":"@message","value":%s},{"field":"@ptr","value":"x"}]],"status":"Complete"}`, quote), "CloudWatch Logs"},
		"CloudWatch Insights CSV":  {"@timestamp,@message\n2026-03-02 08:00:01," + csvCell(recordA) + "\n2026-03-02 08:00:02," + csvCell(recordB) + "\n", "CloudWatch Logs"},
		"CloudWatch to a function": {`{"awslogs":{"data":"` + b64(string(gz(subscription))) + `"}}`, "CloudWatch Logs to Lambda"},
		"CloudTrail Lake":          {bothIn(`{"QueryStatus":"FINISHED","QueryResultRows":[[{"eventJson":%s},{"eventTime":"x"}],[{"eventJson":%s}]]}`, quote), "CloudTrail Lake"},
		"CloudTrail Lake, columns": {bothIn(`{"QueryResultRows":[%s,%s]}`, func(r string) string { return pairsOf(r) }), "Athena or CloudTrail Lake"},
		"Athena": {"eventid,eventtime,eventname,eventsource,useridentity\n" +
			"a,2026-03-02T08:00:01Z,GetObject,s3.amazonaws.com," + athena + "\nb,2026-03-02T08:00:02Z,GetObject,s3.amazonaws.com," + athena + "\n", "Athena or CloudTrail Lake"},
		"EventBridge":         {oneEach(`{"version":"0","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","time":"2001-01-01T00:00:00Z","detail":%s}`, same), "EventBridge"},
		"SNS":                 {oneEach(`{"Type":"Notification","MessageId":"m","TopicArn":"arn","Message":%s,"Timestamp":"2026-03-02T08:00:01Z"}`, quote), "SNS"},
		"SNS to a function":   {bothIn(`{"Records":[{"EventSource":"aws:sns","Sns":{"Message":%s}},{"EventSource":"aws:sns","Sns":{"Message":%s}}]}`, quote), "SNS"},
		"SQS":                 {bothIn(`{"Messages":[{"MessageId":"1","ReceiptHandle":"h","Body":%s},{"MessageId":"2","Body":%s}]}`, quote), "SQS"},
		"SQS to a function":   {bothIn(`{"Records":[{"messageId":"1","body":%s,"eventSource":"aws:sqs"},{"messageId":"2","body":%s}]}`, quote), "SQS"},
		"Kinesis":             {bothIn(`{"Records":[{"kinesis":{"data":"%s"}},{"kinesis":{"data":"%s"}}]}`, b64), "Kinesis"},
		"Kinesis of logs":     {`{"Records":[{"kinesis":{"data":"` + b64(string(gz(subscription))) + `"}}]}`, "Kinesis"},
		"Firehose":            {bothIn(`{"requestId":"r","timestamp":1,"records":[{"data":"%s"},{"data":"%s"}]}`, b64), "data"},
		"Firehose, failed":    {oneEach(`{"attemptsMade":4,"errorCode":"x","rawData":"%s"}`, b64), "Firehose"},
		"Splunk":              {oneEach(`{"preview":false,"offset":0,"result":{"_time":"2026","eventName":"x","_raw":%s}}`, quote), "Splunk"},
		"Splunk, bare":        {oneEach(`{"_time":"2026","host":"h","_raw":%s,"eventName":"x","eventSource":"y","eventTime":"z"}`, quote), "Splunk"},
		"Splunk, results":     {bothIn(`{"preview":false,"results":[{"_raw":%s},{"_raw":%s}]}`, quote), "Splunk"},
		"Splunk, rows":        {bothIn(`{"preview":false,"fields":["_time","_raw"],"rows":[["1",%s],["2",%s]]}`, quote), "Splunk"},
		"Splunk CSV":          {"_raw,_time,eventid,eventtime,eventname,eventsource\n" + csvCell(recordA) + ",1,x,y,z,w\n" + csvCell(recordB) + ",1,x,y,z,w\n", "Splunk"},
		"Splunk CSV, only":    {"\"_raw\"\n" + csvCell(recordA) + "\n" + csvCell(recordB) + "\n", "Splunk"},
		"Splunk HEC":          {oneEach(`{"time":1772438401,"host":"h","sourcetype":"aws","event":%s}`, same), "Splunk HEC"},
		"Splunk HEC, text":    {oneEach(`{"event":%s,"fields":{"x":"y"}}`, quote), "Splunk HEC"},
		"Elasticsearch":       {bothIn(`{"took":3,"hits":{"total":2,"hits":[{"_index":"i","_source":{"event":{"original":%s}}},{"_index":"i","_source":{"event":{"original":%s}}}]}}`, quote), "Elasticsearch"},
		"Elasticsearch, bare": {oneEach(`{"_index":"i","_id":"1","_source":%s}`, same), "Elasticsearch"},
		"Filebeat":            {oneEach(`{"@timestamp":"2001-01-01T00:00:00Z","message":%s,"host":{"name":"h"}}`, quote), "Elastic Beats"},
		"Filebeat, both":      {oneEach(`{"@timestamp":"2001-01-01T00:00:00Z","message":"read an object","event":{"kind":"event","original":%s}}`, quote), "Elastic Beats"},
		"Wazuh":               {oneEach(`{"timestamp":"2001","rule":{"id":"1"},"agent":{"id":"0"},"data":{"integration":"aws","aws":%s}}`, same), "Wazuh"},
		"Wazuh, full log":     {oneEach(`{"timestamp":"2001","agent":{"id":"0"},"full_log":%s}`, quote), "Wazuh"},
		"Docker":              {oneEach(`{"log":%s,"stream":"stdout","time":"2026"}`, func(s string) string { return quote(s + "\n") }), "Fluent or Docker"},
		"journald":            {oneEach(`{"__CURSOR":"x","MESSAGE":%s}`, quote), "journald"},
		"GELF":                {oneEach(`{"version":"1.1","host":"h","short_message":%s}`, quote), "GELF"},
		"Loki":                {bothIn(`{"status":"success","data":{"resultType":"streams","result":[{"stream":{"a":"b"},"values":[["1772438401000000000",%s],["1772438402000000000",%s]]}]}}`, quote), "Loki"},
		"Pub/Sub push":        {oneEach(`{"message":{"data":"%s","messageId":"1"},"subscription":"s"}`, b64), "Pub/Sub"},
		"Pub/Sub pull":        {bothIn(`{"receivedMessages":[{"ackId":"x","message":{"data":"%s"}},{"ackId":"y","message":{"data":"%s"}}]}`, b64), "Pub/Sub"},
		"Kafka":               {oneEach(`{"topic":"t","partition":0,"offset":1,"payload":%s}`, quote), "Kafka"},
		"CometD":              {oneEach(`{"channel":"/event/x","data":{"schema":"s","payload":%s,"event":{"replayId":1}}}`, same), "CometD"},
		"OpenTelemetry":       {bothIn(`{"resourceLogs":[{"resource":{},"scopeLogs":[{"logRecords":[{"body":{"stringValue":%s}},{"body":{"stringValue":%s}}]}]}]}`, quote), "OpenTelemetry"},
		"tables":              {bothIn(`{"tables":[{"name":"PrimaryResult","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"RawEventData","type":"dynamic"}],"rows":[["x",%s],["y",%s]]}]}`, quote), "Defender XDR"},
		"syslog":              {oneEach(`<134>1 2026-03-02T08:00:01Z host app 1 - [meta sequenceId="1"] %s`, same), "syslog or time before the record"},
		"syslog, old":         {oneEach(`<13>Mar  2 08:00:01 host app: %s`, same), "syslog or time before the record"},
		"Kubernetes":          {oneEach("2026-03-02T08:00:01.5Z stdout F %s", same), "syslog or time before the record"},
		"compose":             {oneEach("collector-1  | %s", same), "syslog or time before the record"},
		"a cell":              {"when,what,record\n1,x," + csvCell(recordA) + "\n2,y," + csvCell(recordB) + "\n", "column record"},
		"flattened": {oneEach("%s", func(r string) string {
			return strings.ReplaceAll(strings.ReplaceAll(r, `"userIdentity":{"type":`, `"userIdentity.type":`), `"accountId":"1"}}`,
				`"userIdentity.accountId":"1","resources{}.type":"x"}`)
		}), "flattened record"},
		"Azure custom table": {"TimeGenerated [UTC],eventID_s,eventTime_t [UTC],eventName_s,eventSource_s,userIdentity_type_s,userIdentity_accountId_s,Type\n" +
			"x,a,\"3/2/2026, 8:00:01.000 AM\",GetObject,s3.amazonaws.com,Root,1,T_CL\nx,b,\"3/2/2026, 8:00:02.000 AM\",GetObject,s3.amazonaws.com,Root,1,T_CL\n", "Azure Monitor custom table"},
		"Sentinel": {"TimeGenerated [UTC],AwsEventId,EventTypeName,EventSource,EventName,UserIdentityType,UserIdentityAccountId,RequestParameters\n" +
			"\"3/2/2026, 8:00:01 AM\",a,AwsApiCall,s3.amazonaws.com,GetObject,Root,1,\"{\"\"bucketName\"\":\"\"b\"\"}\"\n" +
			"\"3/2/2026, 8:00:02 AM\",b,AwsApiCall,s3.amazonaws.com,GetObject,Root,1,\n", "Sentinel AWSCloudTrail"},
		"Sentinel, JSON": {oneEach("%s", func(r string) string {
			return `{"TimeGenerated":"` + r[14:34] + `","AwsEventId":"` + strings.Split(r, `"eventID":"`)[1][:1] +
				`","EventTypeName":"AwsApiCall","EventSource":"s3.amazonaws.com","EventName":"GetObject","UserIdentityType":"Root","UserIdentityAccountId":"1"}`
		}), "Sentinel AWSCloudTrail"},
		"list in a string":   {quote("[" + recordA + "," + recordB + "]"), ""},
		"list in a message":  {`{"message":` + quote("["+recordA+","+recordB+"]") + "}\n", "message"},
		"lines in a message": {`{"message":` + quote(recordA+"\n"+recordB) + "}\n", "message"},
		"page in a message":  {`{"Type":"x","Message":` + quote(`{"Records":[`+recordA+`,`+recordB+`]}`) + "}", "SNS"},
		"four deep": {oneEach(`{"TopicArn":"a","Message":%s}`, func(r string) string {
			return quote(`{"detail-type":"x","detail":{"payload":{"_raw":` + quote(r) + `}}}`)
		}), "Splunk"},
	} {
		events, r := read(t, []byte(c.content))
		if ids(events) != "ab" || r.Records != 2 || r.ProblemCount != 0 || r.Reason != "" || r.Recognised() != 1 {
			t.Errorf("%s: %q, %d records, %v, %q, recognised %v", name, ids(events), r.Records, r.Problems, r.Reason, r.Recognised())
			continue
		}
		for i, e := range events {
			if e.Actor.Account == "" || e.Time != 1772438401000+int64(i)*1000 {
				t.Errorf("%s: of %q at %d", name, e.Actor.Account, e.Time)
			}
		}
		if c.envelope != "" && r.Envelopes[c.envelope] != 2 || r.Formats["aws_cloudtrail"] != 2 {
			t.Errorf("%s: in %v, formats %v", name, r.Envelopes, r.Formats)
		}
	}
}

// pairsOf returns a record as a row of an answer of CloudTrail Lake.
func pairsOf(record string) string {
	var fields map[string]any
	if err := json.Unmarshal([]byte(record), &fields); err != nil {
		panic(err)
	}
	var list []string
	for name, v := range fields {
		text := fmt.Sprint(v)
		if name == "userIdentity" {
			text = "{type=Root, accountid=1}"
		}
		list = append(list, fmt.Sprintf(`{%q:%q}`, name, text))
	}
	return "[" + strings.Join(list, ",") + "]"
}

// TestNoRecordInside checks that what is in an envelope and is no record is counted, with its
// line and what it was in.
func TestNoRecordInside(t *testing.T) {
	deep := recordA
	for range 5 {
		deep = `{"payload":` + quote(deep) + `}`
	}
	for name, c := range map[string]struct {
		line, want string
	}{
		"text":          {`{"log":"started on port 80\n","stream":"stdout"}`, ":2: no record in an envelope of Fluent or Docker"},
		"another kind":  {`{"TopicArn":"x","Message":"{\"a\":1,\"b\":2}"}`, ":2: a record of an unknown kind in an envelope of SNS, with the keys a, b"},
		"two envelopes": {`{"_source":{"message":"x"}}`, ":2: a record of an unknown kind in an envelope of Elasticsearch, with the keys message"},
		"cut":           {`{"message":` + quote(recordA[:50]) + `}`, ":2: "},
		"empty":         {`{"message":""}`, ":2: a record of an unknown kind, with the keys message"},
		"too deep":      {deep, ":2: a record in more than 4 envelopes"},
		"bad record":    {`{"message":` + quote(strings.Replace(recordA, "2026", "x", 1)) + `}`, ":2: in an envelope of message: "},
		"cut gzip":      {`{"awslogs":{"data":"` + b64(string(gz(recordA)[:40])) + `"}}`, ":2: in an envelope of CloudWatch Logs to Lambda: the gzip is cut off"},
	} {
		content := recordA + "\n" + c.line + "\n" + recordB + "\n"
		events, r := read(t, []byte(content))
		if ids(events) != "ab" || r.ProblemCount != 1 || !strings.Contains(r.Problems[0].String(), c.want) {
			t.Errorf("%s: %q, %v", name, ids(events), r.Problems)
		}
	}
}

// TestForged checks that what users may have put into a record, or on the line of another log, is
// not taken for a record.
func TestForged(t *testing.T) {
	for name, content := range map[string]string{
		"in a parameter":         strings.Replace(recordA, `"eventID"`, `"message":`+quote(recordB)+`,"eventID"`, 1) + "\n",
		"in a list of envelopes": strings.Replace(recordA, `"eventID"`, `"events":[{"message":`+quote(recordB)+`}],"eventID"`, 1) + "\n",
		"in a request":           recordA + "\n" + `198.51.100.7 - - [02/Mar/2026:08:00:01 +0000] "GET / HTTP/1.1" 200 ` + recordB + "\n",
		"in an agent":            recordA + "\n" + `2026-03-02T08:00:01Z GET "Mozilla ` + recordB + "\n",
	} {
		if events, _ := read(t, []byte(content)); ids(events) != "a" {
			t.Errorf("%s: %q", name, ids(events))
		}
	}
}

// TestLongString checks that a list in one string of any length is read.
func TestLongString(t *testing.T) {
	var b strings.Builder
	b.WriteByte('[')
	const n = 60_000
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strings.Replace(recordA, `"a"`, fmt.Sprintf(`"%d é \\ \ud83d\ude00"`, i), 1))
	}
	b.WriteByte(']')
	events, r := read(t, []byte(quote(b.String())))
	if len(events) != n || r.ProblemCount != 0 || events[n-1].ID != fmt.Sprintf("%d é \\ 😀", n-1) {
		t.Errorf("%d events, %v, %q", len(events), r.Problems, r.Reason)
	}
	events, r = read(t, []byte(quote(b.String())[:b.Len()*3/4]))
	if len(events) < n/2 || r.ProblemCount == 0 || !r.Cut {
		t.Errorf("cut: %d events, %v, cut %v", len(events), r.Problems, r.Cut)
	}
}
