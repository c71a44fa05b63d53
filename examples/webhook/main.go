// Command webhook receives alerts of Outflow's channel webhook, and keeps each once in a directory. It is an example: what
// a receiver has to do is in Receiver.
//
//	WEBHOOK_SECRET=… go run ./examples/webhook -dir alerts -listen 127.0.0.1:8080
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// Receiver takes alerts. It answers 2xx only after the alert is stored, so that nothing is lost, and stores it under its
// Idempotency-Key, so that one that is sent again, because the answer was lost, is not taken twice.
type Receiver struct {
	Secret []byte           // of the channel
	Dir    string           // of the alerts, a file each
	Now    func() time.Time // the clock
}

// signature is the form of X-Outflow-Signature, and key that of Idempotency-Key: it becomes a file's name.
var (
	signature = regexp.MustCompile(`^t=([0-9]+),v1=([0-9a-f]{64})$`)
	key       = regexp.MustCompile(`^[0-9a-z.]{1,100}$`)
)

const (
	oldest  = 5 * time.Minute // an older request may be a copy of one that somebody has seen
	largest = 8 << 20         // bytes of a body
)

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, largest))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	if !r.signed(req.Header.Get("X-Outflow-Signature"), body) {
		http.Error(w, "the signature is not valid", http.StatusUnauthorized)
		return
	}
	name := req.Header.Get("Idempotency-Key")
	if !key.MatchString(name) {
		http.Error(w, "no Idempotency-Key", http.StatusBadRequest)
		return
	}
	switch err := r.store(name, body); {
	case errors.Is(err, fs.ErrExist): // it was taken before: say so again
		w.WriteHeader(http.StatusOK)
	case err != nil: // Outflow sends it again
		log.Print(err)
		http.Error(w, "not stored", http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusCreated)
	}
}

// signed reports whether a body was signed with the secret within the last minutes.
func (r *Receiver) signed(header string, body []byte) bool {
	m := signature.FindStringSubmatch(header)
	if m == nil {
		return false
	}
	at, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || r.Now().Sub(time.Unix(at, 0)).Abs() > oldest {
		return false
	}
	want, err := hex.DecodeString(m[2])
	if err != nil {
		return false
	}
	h := hmac.New(sha256.New, r.Secret)
	h.Write([]byte(m[1] + "."))
	h.Write(body)
	return hmac.Equal(want, h.Sum(nil)) // in constant time
}

// store writes an alert to the disk. Of two writers with one key, one gets fs.ErrExist.
func (r *Receiver) store(name string, body []byte) error {
	f, err := os.CreateTemp(r.Dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(body)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), filepath.Join(r.Dir, name+".json"))
}

func main() {
	dir := flag.String("dir", "alerts", "where alerts are kept")
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on; put TLS in front of it")
	flag.Parse()
	secret := os.Getenv("WEBHOOK_SECRET")
	if secret == "" {
		log.Fatal("WEBHOOK_SECRET is not set")
	}
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Addr:              *listen,
		Handler:           &Receiver{Secret: []byte(secret), Dir: *dir, Now: time.Now},
		ReadHeaderTimeout: 10 * time.Second,
	}
	log.Fatal(server.ListenAndServe())
}
