package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// awsCall describes a management API: its service, whether it only reads, and its request
// parameters, in which $1, $2 and $3 stand for the arguments of the event.
type awsCall struct {
	service string
	read    bool
	params  string
}

var awsCalls = map[string]awsCall{
	"DescribeInstances":      {"ec2", true, `{"instancesSet":{},"filterSet":{}}`},
	"DescribeSecurityGroups": {"ec2", true, `{"securityGroupSet":{},"filterSet":{}}`},
	"DescribeVolumes":        {"ec2", true, `{"volumeSet":{},"filterSet":{}}`},
	"DescribeImages":         {"ec2", true, `{"imagesSet":{},"ownersSet":{"items":[{"owner":"self"}]}}`},
	"ListBuckets":            {"s3", true, `{"Host":"s3.amazonaws.com"}`},
	"GetBucketAcl":           {"s3", true, `{"acl":"","Host":"s3.amazonaws.com"}`},
	"GetBucketPolicy":        {"s3", true, `{"policy":"","Host":"s3.amazonaws.com"}`},
	"ListUsers":              {"iam", true, `null`}, "GetUser": {"iam", true, `null`}, "ListRoles": {"iam", true, `null`},
	"DescribeAlarms": {"monitoring", true, `{"maxRecords":100}`}, "GetMetricData": {"monitoring", true, `{"maxDatapoints":500}`},
	"FilterLogEvents":       {"logs", true, `{"logGroupName":"/aws/lambda/worker","limit":1000}`},
	"DescribeLogGroups":     {"logs", true, `{"limit":50}`},
	"ListFunctions20150331": {"lambda", true, `null`}, "DescribeDBInstances": {"rds", true, `null`},
	"GetCallerIdentity": {"sts", true, `null`},
	"DescribeServices":  {"ecs", true, `{"cluster":"prod"}`}, "DescribeStacks": {"cloudformation", true, `null`},
	"GetParameter":    {"ssm", true, `{"name":"/app/config"}`},
	"GetSecretValue":  {"secretsmanager", true, `{"secretId":"app/database"}`},
	"Decrypt":         {"kms", true, `{"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}`},
	"GenerateDataKey": {"kms", true, `{"keySpec":"AES_256"}`},
	"AssumeRole":      {"sts", true, `{"roleArn":"arn:aws:iam::$acct:role/lambda-worker","roleSessionName":"worker"}`},
	"AuthorizeSecurityGroupIngress": {"ec2", false,
		`{"groupId":"$1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":$2,"toPort":$2,"groups":{},` +
			`"ipRanges":{"items":[{"cidrIp":"$3"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}`},
	"RevokeSecurityGroupIngress": {"ec2", false,
		`{"groupId":"$1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":$2,"toPort":$2,"groups":{},` +
			`"ipRanges":{"items":[{"cidrIp":"$3"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}`},
	"PutBucketPolicy": {"s3", false,
		`{"policy":"","Host":"$1.s3.amazonaws.com","bucketName":"$1","bucketPolicy":{"Version":"2012-10-17",` +
			`"Statement":[{"Sid":"Read","Effect":"Allow","Principal":$2,"Action":"s3:GetObject","Resource":"arn:aws:s3:::$1/*"}]}}`},
	"PutBucketAcl":                  {"s3", false, `{"acl":"","Host":"$1.s3.amazonaws.com","bucketName":"$1","x-amz-acl":"public-read"}`},
	"GetBucketPublicAccessBlock":    {"s3", true, `{"publicAccessBlock":"","Host":"$1.s3.amazonaws.com","bucketName":"$1"}`},
	"DeleteBucketPublicAccessBlock": {"s3", false, `{"publicAccessBlock":"","Host":"$1.s3.amazonaws.com","bucketName":"$1"}`},
	"PutBucketPublicAccessBlock": {"s3", false,
		`{"publicAccessBlock":"","Host":"$1.s3.amazonaws.com","bucketName":"$1",` +
			`"PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"IgnorePublicAcls":true,"BlockPublicPolicy":true,` +
			`"RestrictPublicBuckets":true}}`},
	"AttachRolePolicy": {"iam", false, `{"roleName":"$1","policyArn":"arn:aws:iam::aws:policy/$2"}`},
	"AttachUserPolicy": {"iam", false, `{"userName":"$1","policyArn":"arn:aws:iam::aws:policy/$2"}`},
	"CreateAccessKey":  {"iam", false, `{"userName":"$1"}`}, "RunInstances": {"ec2", false,
		`{"instancesSet":{"items":[{"minCount":1,"maxCount":1}]},"instanceType":"t3.medium"}`},
	"TerminateInstances":           {"ec2", false, `{"instancesSet":{"items":[{"instanceId":"i-0a1b2c3d4e5f60718"}]}}`},
	"CreateTags":                   {"ec2", false, `{"tagSet":{"items":[{"key":"team","value":"core"}]}}`},
	"UpdateFunctionCode20150331v2": {"lambda", false, `{"functionName":"worker","publish":true}`},
	"CreateSnapshot":               {"ec2", false, `{"description":"before upgrade"}`},
	"ModifyDBInstance":             {"rds", false, `{"dBInstanceIdentifier":"app","applyImmediately":true}`},
	"UpdateService":                {"ecs", false, `{"cluster":"prod","service":"api"}`},
	// The events of these carry their parameters.
	"DeleteObject": {"s3", false, ``}, "PutBucketReplication": {"s3", false, ``}, "ModifySnapshotAttribute": {"ec2", false, ``},
	"CreateUser": {"iam", false, ``}, "CreateLoginProfile": {"iam", false, ``}, "ListSecrets": {"secretsmanager", true, ``},
	"UpdateStack":  {"cloudformation", false, `{"stackName":"network"}`},
	"PutParameter": {"ssm", false, `{"name":"/app/config","type":"String"}`},
}

var awsAgents = []string{"aws-cli/2.22.7 md/awscrt#0.23.4 ua/2.0 os/macos#24.1.0 lang/python#3.12.6",
	"Boto3/1.35.74 md/Botocore#1.35.74 ua/2.0 os/linux#6.1.115 lang/python#3.11.9",
	"aws-cli/2.15.30 Python/3.11.8 Linux/5.15.0 exe/x86_64.ubuntu.22"}

func (w *World) account(v *Event) string {
	if v.Item.Folder == nil && v.ID[1]%6 == 0 {
		return w.accounts[1]
	}
	return w.accounts[0]
}

func (w *World) region(v *Event) string {
	k := v.ID[1] >> 8
	if v.Item.Folder != nil {
		k = v.Item.Folder.ID
	}
	if k%5 == 0 {
		return "eu-west-1"
	}
	return "us-east-1"
}

func (w *World) awsIdentity(e *enc, v *Event, acct string) {
	a := v.Actor
	e.open("userIdentity")
	switch {
	case v.Arg == "root":
		e.strs("type", "Root", "principalId", acct, "arn", "arn:aws:iam::"+acct+":root", "accountId", acct, "accessKeyId", "")
	case a == nil:
		e.strs("type", "AWSAccount", "principalId", "", "accountId", "anonymous")
	case v.Kind == AWSCall && a.Service && v.Arg == "AssumeRole":
		e.strs("type", "AWSService", "invokedBy", "lambda.amazonaws.com")
	case a.Guest && a.Login != "": // another account
		e.strs("type", "AWSAccount", "principalId", "AIDA"+strings.ToUpper(token(a.Key, 17)), "accountId", a.Login)
	case v.Ctx.Key != "":
		e.strs("type", "IAMUser", "principalId", "AIDA"+strings.ToUpper(token(a.Key, 17)), "arn",
			"arn:aws:iam::"+acct+":user/"+a.local(), "accountId", acct, "accessKeyId", v.Ctx.Key, "userName", a.local())
	case a.IAMUser:
		e.strs("type", "IAMUser", "principalId", "AIDA"+strings.ToUpper(token(a.Key, 17)), "arn",
			"arn:aws:iam::"+acct+":user/"+a.local(), "accountId", acct, "accessKeyId",
			"AKIA"+strings.ToUpper(token(hash(a.Key), 16)), "userName", a.local())
	default:
		role, path, session := a.local(), "", "i-0"+token(a.Key, 16)
		if !a.Service {
			set := map[Dept]string{Data: "DataAnalyst", IT: "AdministratorAccess"}[a.works]
			if set == "" {
				set = "DeveloperAccess"
			}
			role, path, session = fmt.Sprintf("AWSReservedSSO_%s_%016x", set, hashString(set+acct)),
				"aws-reserved/sso.amazonaws.com/", a.Email
		}
		id := "AROA" + strings.ToUpper(token(hashString(role), 17))
		e.strs("type", "AssumedRole", "principalId", id+":"+session, "arn", "arn:aws:sts::"+acct+":assumed-role/"+role+"/"+session,
			"accountId", acct, "accessKeyId", "ASIA"+strings.ToUpper(token(v.Ctx.Session, 16)))
		e.open("sessionContext")
		e.open("sessionIssuer")
		e.strs("type", "Role", "principalId", id, "arn", "arn:aws:iam::"+acct+":role/"+path+role, "accountId", acct, "userName", role)
		e.end()
		e.open("attributes")
		e.time("creationDate", v.At/day*day+7*hour, "2006-01-02T15:04:05Z")
		e.strs("mfaAuthenticated", "false")
		e.end()
		e.end()
	}
	e.end()
}

func (w *World) cloudtrail(e *enc, v *Event) {
	acct, region := w.account(v), w.region(v)
	name, data := awsName(v)
	ip, agent := v.Ctx.IP, awsAgents[v.Ctx.Session%3]
	console := v.ID[0]%4 == 0 && !data // some people work in the browser
	if v.Kind == Login || v.Kind == LoginFailed || v.Actor == nil || console && !v.Actor.Service {
		agent = v.Ctx.Agent
	}
	call := awsCalls[name]
	source := call.service + ".amazonaws.com"
	switch {
	case data:
		source, call.read = "s3.amazonaws.com", v.Kind != Upload && v.Kind != Delete
	case name == "ConsoleLogin":
		source = "signin.amazonaws.com"
	case v.Actor.Service && name == "AssumeRole":
		ip, agent = "lambda.amazonaws.com", "lambda.amazonaws.com"
	}
	e.strs("eventVersion", "1.11")
	w.awsIdentity(e, v, acct)
	e.time("eventTime", v.At, "2006-01-02T15:04:05Z")
	e.strs("eventSource", source, "eventName", name, "awsRegion", region, "sourceIPAddress", ip, "userAgent", "["+agent+"]")
	host := ""
	switch {
	case data:
		host = v.Item.Folder.Name + ".s3." + region + ".amazonaws.com"
		e.object(v, host)
	case name == "ConsoleLogin":
		e.raw("requestParameters", "null")
		e.raw("responseElements", map[Kind]string{Login: `{"ConsoleLogin":"Success"}`, LoginFailed: `{"ConsoleLogin":"Failure"}`}[v.Kind])
		e.raw("additionalEventData", `{"LoginTo":"https://console.aws.amazon.com/console/home","MobileVersion":"No","MFAUsed":"No"}`)
	default:
		e.management(v, name, acct, call)
	}
	e.strs("requestID", strings.ToUpper(token(v.ID[0], 16)))
	e.uuid("eventID", v.ID[0], v.ID[1])
	e.raw("readOnly", strconv.FormatBool(call.read))
	if data {
		e.resources(v, acct)
	}
	kind := "AwsApiCall"
	if name == "ConsoleLogin" {
		kind = "AwsConsoleSignIn"
	}
	e.strs("eventType", kind)
	e.raw("managementEvent", strconv.FormatBool(!data))
	e.strs("recipientAccountId", acct, "eventCategory", map[bool]string{true: "Data", false: "Management"}[data])
	if host != "" {
		e.open("tlsDetails")
		e.strs("tlsVersion", "TLSv1.3", "cipherSuite", "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader", host)
		e.end()
	}
}

// awsName is the API of an event, and whether it is a data event of S3.
func awsName(v *Event) (name string, data bool) {
	switch v.Kind {
	case Download, LinkUsed:
		return "GetObject", true
	case Upload:
		return "PutObject", true
	case ListFiles:
		return "ListObjects", true
	case Delete:
		return "DeleteObject", true
	case Login, LoginFailed:
		return "ConsoleLogin", false
	}
	return v.Arg, false
}

// object writes the request and the transfer of a data event.
func (e *enc) object(v *Event, host string) {
	e.open("requestParameters")
	e.strs("bucketName", v.Item.Folder.Name, "Host", host)
	if v.Kind == ListFiles {
		e.strs("list-type", "2", "prefix", "", "encoding-type", "url")
	} else {
		e.begin("key")
		e.b = v.Item.appendKey(e.b)
		e.quote()
	}
	e.end()
	e.raw("responseElements", "null")
	in, out := int64(0), v.Item.size()
	if v.Kind == Upload {
		in, out = out, 0
	} else if v.Kind == Delete {
		out = 0
	} else if v.Kind == ListFiles {
		out = 180000 + int64(v.ID[0]%80000)
	}
	e.open("additionalEventData")
	auth := "AuthHeader"
	if v.Actor != nil {
		e.strs("SignatureVersion", "SigV4")
	} else {
		auth = "None"
	}
	e.strs("CipherSuite", "TLS_AES_128_GCM_SHA256")
	e.num("bytesTransferredIn", in)
	e.strs("AuthenticationMethod", auth)
	e.begin("x-amz-id-2")
	e.b = appendToken(e.b, v.ID[1], 72)
	e.quote()
	e.num("bytesTransferredOut", out)
	e.end()
}

// management writes the request and the response of a management event.
func (e *enc) management(v *Event, name, acct string, call awsCall) {
	params := call.params
	if strings.IndexByte(params, '$') >= 0 {
		args := append(strings.Split(v.Arg2, "|"), "", "")
		if args[1] == "" {
			args[1] = `"*"`
		}
		params = strings.NewReplacer("$1", args[0], "$2", args[1], "$3", args[2], "$acct", acct).Replace(params)
	}
	response := ""
	if v.Raw != "" {
		params, response, _ = strings.Cut(v.Raw, "\n")
	}
	e.raw("requestParameters", params)
	if response != "" {
		e.raw("responseElements", response)
	} else if call.read || name == "PutBucketPolicy" || name == "PutBucketAcl" {
		e.raw("responseElements", "null")
	} else {
		e.raw("responseElements", `{"_return":true}`)
	}
}

// resources writes the object and the bucket of a data event.
func (e *enc) resources(v *Event, acct string) {
	e.list("resources")
	e.open("")
	e.strs("type", "AWS::S3::Object")
	if v.Kind == ListFiles {
		e.strs("ARNPrefix", "arn:aws:s3:::"+v.Item.Folder.Name+"/")
	} else {
		e.begin("ARN")
		e.b = v.Item.appendKey(append(append(append(e.b, "arn:aws:s3:::"...), v.Item.Folder.Name...), '/'))
		e.quote()
	}
	e.end()
	e.open("")
	e.strs("accountId", acct, "type", "AWS::S3::Bucket", "ARN", "arn:aws:s3:::"+v.Item.Folder.Name)
	e.end()
	e.endList()
}

// appendKey appends the key of an S3 object.
func (it Item) appendKey(b []byte) []byte {
	b = append(b, "dt=20"...)
	b = strconv.AppendInt(b, 23+int64(it.key()%3), 10)
	b = append(append(b, "/part-"...), strconv.FormatUint(1000000+uint64(it.Idx), 10)[1:]...)
	return append(b, ".parquet"...)
}

// Salesforce event log files

// salesforceTypes maps a kind to its event type.
var salesforceTypes = map[Kind]string{Login: "Login", LoginFailed: "Login", Report: "Report", ReportExport: "ReportExport",
	APIQuery: "API", BulkQuery: "BulkApi2", Download: "ContentTransfer"}

const (
	csvHead = "EVENT_TYPE,TIMESTAMP,REQUEST_ID,ORGANIZATION_ID,USER_ID,RUN_TIME,CPU_TIME,URI,SESSION_KEY,LOGIN_KEY"
	csvTail = "TIMESTAMP_DERIVED,USER_ID_DERIVED,CLIENT_IP,URI_ID_DERIVED"
)

var salesforceColumns = map[string]string{
	"Login": "USER_TYPE,REQUEST_STATUS,DB_TOTAL_TIME,LOGIN_TYPE,BROWSER_TYPE,API_TYPE,API_VERSION,USER_NAME," +
		"TLS_PROTOCOL,CIPHER_SUITE,AUTHENTICATION_METHOD_REFERENCE,LOGIN_STATUS,SOURCE_IP",
	"Report": "USER_TYPE,REQUEST_STATUS,DB_TOTAL_TIME,ENTITY_NAME,DISPLAY_TYPE,RENDERING_TYPE,REPORT_ID,ROW_COUNT," +
		"NUMBER_EXCEPTION_FILTERS,NUMBER_COLUMNS,AVERAGE_ROW_SIZE,SORT,DB_BLOCKS,DB_CPU_TIME,NUMBER_BUCKETS,ORIGIN",
	"ReportExport": "CLIENT_INFO,REPORT_DESCRIPTION",
	"API": "USER_TYPE,REQUEST_STATUS,DB_TOTAL_TIME,API_TYPE,API_VERSION,CLIENT_NAME,METHOD_NAME,ENTITY_NAME," +
		"ROWS_PROCESSED,REQUEST_SIZE,RESPONSE_SIZE,DB_BLOCKS,DB_CPU_TIME",
	"BulkApi2": "USER_TYPE,REQUEST_STATUS,JOB_ID,OPERATION_TYPE,ENTITY_TYPE,ROWS_PROCESSED,NUMBER_FAILURES,SUCCESS," +
		"MESSAGE,CLIENT_NAME",
	"URI": "USER_TYPE,REQUEST_STATUS,DB_TOTAL_TIME,REFERRER_URI",
	"ContentTransfer": "DOCUMENT_ID,VERSION_ID,SIZE_BYTES,TRANSACTION_TYPE,FILE_TYPE,FILE_PREVIEW_TYPE,VERSION_NUMBER," +
		"DOCUMENT_ID_DERIVED,VERSION_ID_DERIVED",
}

func salesforceType(v *Event) string {
	if v.Kind == Native {
		return v.Arg
	}
	return salesforceTypes[v.Kind]
}

func (w *World) salesforce(e *enc, v *Event) {
	typ, a := salesforceType(v), v.Actor
	if typ == setupTrail {
		e.more(strings.NewReplacer("$id", eventRef(v), "$at",
			time.UnixMilli(v.At).UTC().Format("2006-01-02T15:04:05.000+0000")).Replace(v.Raw))
		return
	}
	cell := func(values ...string) {
		for _, s := range values {
			if e.b[len(e.b)-1] != '\n' {
				e.b = append(e.b, ',')
			}
			e.b = append(append(append(e.b, '"'), s...), '"')
		}
	}
	num := func(n uint64) string { return strconv.FormatUint(n, 10) }
	t := time.UnixMilli(v.At).UTC()
	k := v.ID[1]
	cell(typ, t.Format("20060102150405.000"), eventRef(v), "00D5j00000"+token(w.Seed, 5), a.SFID, num(20+k%900), num(5+k%200))
	uri := map[string]string{"Login": "/index.jsp", "Report": "/aura", "API": "/services/Soap/u/61.0",
		"BulkApi2": "/services/data/v61.0/jobs/query", "ContentTransfer": "/sfc/servlet.shepherd/version/download"}[typ]
	report, report18 := salesforceID("00O", hash(a.Key, hashString(v.Arg), k%40))
	switch typ {
	case "ReportExport":
		uri = "/" + report
	case "URI":
		uri = v.Raw
	}
	cell(uri, token(v.Ctx.Session, 16), token(hash(v.Ctx.Session), 16))
	switch typ {
	case "Login":
		status := "LOGIN_NO_ERROR"
		if v.Kind == LoginFailed {
			status = "LOGIN_ERROR_INVALID_PASSWORD"
		}
		cell("Standard", "Success", num(k%90000000), "i", v.Ctx.Agent, "f", "9998.0", a.Email, "TLSv1.3", "TLS_AES_256_GCM_SHA384",
			"", status, v.Ctx.IP)
	case "URI":
		cell("Standard", "S", num(k%90000000), "")
	case "Report":
		rendering := "W"
		if v.Arg2 != "" { // printed, not displayed
			rendering = v.Arg2
		}
		cell("Standard", "S", num(k%90000000), v.Arg, "D", rendering, report, num(uint64(v.N)), "0", num(4+k%14), num(100+k%700),
			"", num(k%4000), num(k%300), "0", "ReportRunFromLightning")
	case "ReportExport":
		cell(v.Ctx.Agent, "Report "+num(hash(a.Key)%90+k%40))
	case "API":
		cell("Standard", "S", num(k%90000000), "P", "61.0", v.Arg2, "query", v.Arg, num(uint64(v.N)), num(300+k%900),
			num(uint64(v.N)*uint64(200+k%300)), num(k%4000), num(k%300))
	case "BulkApi2":
		cell("Standard", "S", "750"+token(k, 12), "query", v.Arg, num(uint64(v.N)), "0", "1", "", v.Arg2)
	case "ContentTransfer":
		doc, doc18 := salesforceID("069", k>>3)
		ver, ver18 := salesforceID("068", k>>5)
		cell(doc, ver, num(1000+k%(1<<(10+k>>40%14))), "VersionDownloadAction",
			strings.ToUpper(fileTypes[k%uint64(len(fileTypes))]), "", "1", doc18, ver18)
	}
	cell(t.Format("2006-01-02T15:04:05.000Z"), a.SFID18, v.Ctx.IP)
	if typ == "ReportExport" {
		cell(report18)
	} else {
		cell("")
	}
}
