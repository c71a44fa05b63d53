package webapi

import (
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/youmark/pkcs8"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/outflow/outflow/internal/secret"
)

// Static authorises with a token that does not change.
type Static struct {
	Scheme string        // such as Bearer or SSWS
	Token  secret.Secret // the token
}

// Authorization implements Authorizer.
func (s Static) Authorization(context.Context, bool) (string, []string, error) {
	return s.Scheme + " " + s.Token.Reveal(), []string{s.Token.Reveal()}, nil
}

// Basic authorises with a user name and password (RFC 7617).
type Basic struct {
	User     string        // name of the user
	Password secret.Secret // of the user
}

// Authorization implements Authorizer.
func (b Basic) Authorization(context.Context, bool) (string, []string, error) {
	v := base64.StdEncoding.EncodeToString([]byte(b.User + ":" + b.Password.Reveal()))
	return "Basic " + v, []string{v, b.Password.Reveal(), b.User, b.User + ":" + b.Password.Reveal()}, nil
}

// OAuth gets tokens from a token endpoint (RFC 6749), with any grant: the grants differ in the
// form that is sent.
type OAuth struct {
	HTTP         *http.Client  // http.DefaultClient if nil
	URL          string        // of the token endpoint
	ClientID     string        // of the client
	ClientSecret secret.Secret // may be empty
	Basic        bool          // id and secret are sent in the header rather than in the form
	Scopes       []string      // that tokens are requested for
	// Form returns further fields of the form. grant_type is client_credentials unless they
	// contain it. It is called for every token, since assertions expire within minutes. It may
	// be nil.
	Form func(now time.Time) (url.Values, error)
	Now  func() time.Time // the clock

	mu    sync.Mutex
	token *oauth2.Token
}

// Authorization implements Authorizer.
func (o *OAuth) Authorization(ctx context.Context, fresh bool) (string, []string, error) {
	t, err := o.Token(ctx, fresh)
	if err != nil {
		return "", nil, err
	}
	return "Bearer " + t.AccessToken, []string{t.AccessToken}, nil
}

// renewEarly is the share of a token's life after which it is renewed.
const renewEarly = .8

// Token returns a valid token, a new one if fresh is set. The error is an *Error, or that of
// ctx.
func (o *OAuth) Token(ctx context.Context, fresh bool) (*oauth2.Token, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.Now()
	if t := o.token; t != nil && !fresh && (t.Expiry.IsZero() || now.Before(t.Expiry)) {
		return t, nil
	}
	conf := clientcredentials.Config{
		ClientID:     o.ClientID,
		ClientSecret: o.ClientSecret.Reveal(),
		TokenURL:     o.URL,
		Scopes:       o.Scopes,
		AuthStyle:    oauth2.AuthStyleInParams,
	}
	if o.Basic {
		conf.AuthStyle = oauth2.AuthStyleInHeader
	}

	if o.Form != nil {
		form, err := o.Form(now)
		if err != nil {
			return nil, &Error{Op: "token", Kind: Unauthorized, Err: err}
		}
		conf.EndpointParams = form
	}

	client := *cmp.Or(o.HTTP, http.DefaultClient)
	client.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // secrets are sent nowhere else
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &client)
	t, err := conf.Token(ctx)
	if err != nil {
		return nil, o.refusal(ctx, conf.EndpointParams, err)
	}

	if !t.Expiry.IsZero() { // by the clock of o.Now, which a test may set
		t.Expiry = now.Add(time.Duration(renewEarly * float64(time.Until(t.Expiry))))
	}
	o.token = t
	return t, nil
}

// refusal returns the error for a token that was not issued.
func (o *OAuth) refusal(ctx context.Context, form url.Values, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	path := "token"
	if u, perr := url.Parse(o.URL); perr == nil {
		path = "POST " + u.Path
	}

	var r *oauth2.RetrieveError
	if !errors.As(err, &r) || r.Response == nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return &Error{Op: path, Err: err}
	}

	// With Basic, id and secret are encoded as in a form before they are put into the header (RFC 6749, 2.3.1).
	secrets := []string{o.ClientSecret.Reveal(), url.QueryEscape(o.ClientID) + ":" + url.QueryEscape(o.ClientSecret.Reveal())}
	for _, name := range []string{"assertion", "client_assertion", "refresh_token"} {
		secrets = append(secrets, form.Get(name))
	}
	e := &Error{
		Op:     path,
		Status: r.Response.StatusCode,
		Kind:   Unauthorized,
		Text:   plainText(r.Body, secrets),
	}
	switch s := r.Response.StatusCode; {
	case s/100 == 3:
		e.Kind, e.Text = Refused, redirects
	case s == http.StatusForbidden:
		e.Kind = Denied
	case s == http.StatusTooManyRequests:
		e.Kind = Throttled
	case s >= 500 || s/100 == 2:
		e.Kind = Temporary
	}

	return e
}

// Assertion returns a JWT with claims, signed with RS256. The key id may be empty.
func Assertion(key *rsa.PrivateKey, keyID string, claims map[string]any) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(claims))
	if keyID != "" {
		t.Header["kid"] = keyID
	}
	return t.SignedString(key)
}

// JWTBearer is the grant type for an assertion (RFC 7523).
const JWTBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// ParseKey returns the RSA key of a PEM block: PKCS#1, or PKCS#8 with or without encryption.
// Errors do not contain the key.
func ParseKey(text, passphrase secret.Secret) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text.Reveal()))
	if block == nil {
		return nil, errors.New("the private key is not in PEM")
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		key, err = pkcs8.ParsePKCS8PrivateKeyRSA(block.Bytes, []byte(passphrase.Reveal()))
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, errors.New("the private key cannot be read: check the passphrase")
	}
	rsaKey, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the private key is a %T, not an RSA key", key)
	}
	return rsaKey, nil
}
