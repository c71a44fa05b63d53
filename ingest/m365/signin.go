package m365

import (
	"bytes"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// signInOperations are sign-ins and what ends them.
var signInOperations = map[string]operation{
	"UserLoggedIn":    {event.LoginSuccess, signedIn},
	"UserLoginFailed": {event.LoginFailure, loginFailed},
	"UserLoggedOff":   {event.Logout, nil},
	"UserSignedOut":   {event.Logout, nil},
	"ForeignRealmIndexLogonInitialAuthUsingADFSFederatedToken": {event.LoginSuccess, nil},
	"MailboxLogin":        {event.AppAccess, nil},
	"TeamsSessionStarted": {event.AppAccess, nil},
}

// signInResult is what the error code of a sign-in means.
type signInResult uint8

const (
	codeRefused  signInResult = iota // anything that is not one of the others: policies, devices, expired tokens, disabled accounts
	codeWrong                        // a wrong name, password or code
	codeAsked                        // more is asked for: a second factor, its registration, consent, a choice
	codePushed                       // the second factor was refused, or not given
	codeLocked                       // the account is locked after too many attempts
	codeUnstated                     // the record has no code
)

// signInResults are the error codes of Entra ID that say more than that a sign-in was refused.
// Codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
var signInResults = map[string]signInResult{
	"50034":  codeWrong, // the account does not exist
	"50056":  codeWrong, // the account has no such password
	"50064":  codeWrong, // the name or the password is wrong
	"50126":  codeWrong, // the name or the password is wrong
	"51004":  codeWrong, // the account does not exist in the directory
	"81016":  codeWrong, // the name of a seamless sign-on is wrong
	"120000": codeWrong, // the password given for its change is wrong
	"50053":  codeLocked,

	"16000":   codeAsked, // which account
	"16001":   codeAsked,
	"50058":   codeAsked, // there is no session yet
	"50072":   codeAsked, // enrol a second factor
	"50074":   codeAsked, // a second factor
	"50076":   codeAsked,
	"50078":   codeAsked, // the second factor again
	"50079":   codeAsked, // enrol a second factor
	"50125":   codeAsked, // a password reset or registration interrupts
	"50127":   codeAsked, // an app that brokers the sign-in
	"50129":   codeAsked, // a device that is joined
	"50140":   codeAsked, // stay signed in?
	"50158":   codeAsked, // an external check
	"50199":   codeAsked, // confirm the application
	"50203":   codeAsked, // register the authenticator
	"50206":   codeAsked,
	"51006":   codeAsked, // sign in again
	"65001":   codeAsked, // consent
	"9002341": codeAsked, // allow single sign-on
	"81010":   codeAsked, // seamless sign-on falls back to the form
	"81012":   codeAsked,
	"500121":  codePushed,
	"500126":  codePushed,
}

// signInNames are the same results by the names of the errors, for records without a code.
var signInNames = map[string]signInResult{
	"useraccountnotfound":                        codeWrong,
	"useraccountnotindirectory":                  codeWrong,
	"invalidornullpassword":                      codeWrong,
	"credentialauthenticationerror":              codeWrong,
	"passwordchangeincorrectcurrentpassword":     codeWrong,
	"idslocked":                                  codeLocked,
	"userstrongauthclientauthnrequired":          codeAsked,
	"userstrongauthclientauthnrequiredinterrupt": codeAsked,
	"userstrongauthenrollmentrequired":           codeAsked,
	"userstrongauthenrollmentrequiredinterrupt":  codeAsked,
	"userstrongauthexpired":                      codeAsked,
	"passwordresetregistrationrequiredinterrupt": codeAsked,
	"cmsiinterrupt":                              codeAsked,
	"keepmesignedininterrupt":                    codeAsked,
	"usersessionselectioninvalid":                codeAsked,
	"selectuseraccount":                          codeAsked,
	"userinformationnotprovided":                 codeAsked,
	"delegationdoesnotexist":                     codeAsked,
	"externalsecuritychallenge":                  codeAsked,
	"authenticationfailedsaserror":               codePushed,
	"userstrongauthclientauthnrequiredfailed":    codePushed,
}

// resultOf returns what the error code of a sign-in means or, without one, its name.
func resultOf(code, name string) signInResult {
	if code = strings.TrimPrefix(strings.TrimSpace(code), "AADSTS"); code != "" && code != "0" {
		return signInResults[code]
	}
	var buf [64]byte
	key := fold(buf[:0], name)
	if len(key) == 0 {
		return codeUnstated
	}
	if bytes.Contains(key, []byte("invalidusernameorpassword")) { // also in a sentence
		return codeWrong
	}
	return signInNames[string(key)]
}

// signInFailed sets the class and the outcome of a sign-in that failed. Only a wrong name, password
// or code is a guess (event.Failure); other sign-ins were denied, and prompts for more are not
// failures.
func signInFailed(e *event.Event, code, name string) {
	switch e.Class = event.LoginFailure; resultOf(code, name) {
	case codeWrong:
		e.Outcome = event.Failure
	case codeAsked:
		e.Class, e.Outcome = event.MFAChallenge, event.UnknownOutcome
	case codePushed:
		e.Class, e.Outcome = event.MFADenied, event.Failure
	case codeLocked:
		e.Class, e.Outcome = event.AccountLocked, event.Denied
	case codeUnstated:
		e.Outcome = event.UnknownOutcome
	default:
		e.Outcome = event.Denied
	}
}

func loginFailed(r *record, e *event.Event, out *ingest.Sink) {
	signInFailed(e, r.errorNumber, r.logonError)
	out.Attr(event.AttrReason, r.logonError)
}
