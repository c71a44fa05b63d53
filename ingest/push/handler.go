package push

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/outflow/outflow/internal/secret"
)

// answer is an answer in the form of Splunk's HTTP event collector.
type answer struct {
	status int
	Text   string `json:"text"`
	Code   int    `json:"code"`
	AckID  *int64 `json:"ackId,omitempty"`
}

// The answers, with the codes that Splunk documents.
var (
	success      = answer{status: http.StatusOK, Text: "Success"}
	noToken      = answer{status: http.StatusUnauthorized, Text: "Token is required", Code: 2}
	wrongHeader  = answer{status: http.StatusUnauthorized, Text: "Invalid authorization", Code: 3}
	wrongToken   = answer{status: http.StatusForbidden, Text: "Invalid token", Code: 4}
	noData       = answer{status: http.StatusBadRequest, Text: "No data", Code: 5}
	unread       = answer{status: http.StatusBadRequest, Text: "The request could not be read", Code: 6}
	tooLarge     = answer{status: http.StatusRequestEntityTooLarge, Text: "The request is larger than max_body", Code: 6}
	wrongPacking = answer{status: http.StatusUnsupportedMediaType, Text: "Content-Encoding: gzip, zstd or none", Code: 6}
	busy         = answer{status: http.StatusServiceUnavailable, Text: "Server is busy", Code: 9}
	healthy      = answer{status: http.StatusOK, Text: "HEC is healthy", Code: 17}
	unhealthy    = answer{status: http.StatusServiceUnavailable, Text: "HEC is unhealthy, queues are full", Code: 18}
)

// retryAfter is how many seconds a sender should wait that was refused for want of room.
const retryAfter = 5

func (a answer) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	switch a.status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(a.status)
	json.NewEncoder(w).Encode(a)
}

// handler answers requests.
func (in *intake) handler() http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{
		"/services/collector", "/services/collector/event", "/services/collector/event/1.0",
		"/services/collector/raw", "/services/collector/raw/1.0", "/ingest", "/ingest/{name}",
	} {
		mux.HandleFunc("POST "+path, in.authorized(in.records))
	}
	mux.HandleFunc("POST /services/collector/ack", in.authorized(acks))
	for _, path := range []string{"/services/collector/health", "/services/collector/health/1.0"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			if in.refusal() != "" {
				unhealthy.write(w)
				return
			}
			healthy.write(w)
		})
	}
	return mux
}

// authorized calls a handler for requests that have the token.
func (in *intake) authorized(do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		known := strings.EqualFold(scheme, "Splunk") || strings.EqualFold(scheme, "Bearer")
		switch {
		case scheme == "":
			noToken.write(w)
		case !known:
			wrongHeader.write(w)
		case !equal(in.token, strings.TrimSpace(given)):
			wrongToken.write(w)
		default:
			do(w, r)
		}
	}
}

// equal compares a token with the right one, in a time that depends on neither.
func equal(right secret.Secret, given string) bool {
	a, b := sha256.Sum256([]byte(right.Reveal())), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// records takes the records of a request, and answers once they are in the event log. What cannot
// be decoded is a dead letter then.
func (in *intake) records(w http.ResponseWriter, r *http.Request) {
	switch r.Header.Get("Content-Encoding") {
	case "", "identity", "gzip", "x-gzip", "zstd": // compressed content is recognised where it is read
	default:
		wrongPacking.write(w)
		return
	}
	if in.refusal() != "" {
		busy.write(w)
		return
	}
	size := max(r.ContentLength, leastCharge)
	if r.ContentLength < 0 {
		size = max(in.maxBody, leastCharge)
	}
	if r.ContentLength > in.maxBody {
		tooLarge.write(w)
		return
	}
	if !in.reserve(size) {
		busy.write(w)
		return
	}
	body, err := read(w, r, in.maxBody)
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		in.release(size)
		tooLarge.write(w)
		return
	case err != nil:
		in.release(size)
		unread.write(w)
		return
	case len(body) == 0:
		in.release(size)
		noData.write(w)
		return
	}
	in.release(size - charge(body))
	if !in.take(r.Context(), sender(r), body) {
		busy.write(w)
		return
	}
	a := success
	if r.Header.Get("X-Splunk-Request-Channel") != "" || r.URL.Query().Has("channel") {
		id := in.acknowledged()
		a.AckID = &id
	}
	a.write(w)
}

// read returns the body of a request.
func read(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	in := http.MaxBytesReader(w, r.Body, most)
	if r.ContentLength < 0 {
		return io.ReadAll(in)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(in, body)
	return body, err
}

// printable is what names of requests are made of, for messages.
var printable = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// sender names a request in messages about its records.
func sender(r *http.Request) string {
	what := "collector"
	if strings.HasPrefix(r.URL.Path, "/ingest") {
		what = "ingest"
		if name := r.PathValue("name"); printable.MatchString(name) {
			what = name
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return what + " from " + cmp.Or(host, "nowhere")
}

// mostAcks is how many acknowledgements may be asked for at once.
const mostAcks = 100_000

// acks says that requests are in the event log. An acknowledgement has no id before that is so.
func acks(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Acks []int64 }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&asked); err != nil || len(asked.Acks) > mostAcks {
		unread.write(w)
		return
	}
	told := map[string]bool{}
	for _, id := range asked.Acks {
		told[strconv.FormatInt(id, 10)] = true
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"acks": told})
}
