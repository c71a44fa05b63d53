package cloudtrail

import (
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// A party is who a policy, an access control list or a share names. As a recipient it is
// "aws:" and an account id, the id of an organisation, or a canonical user id. An organisation or
// a unit that is named by its ARN has the account that manages it before its id:
// "aws:111122223333/o-abc123/ou-abc1-23456789". A party that AWS itself is, or that no longer
// exists, is no recipient.

// party adds a principal as a recipient: an ARN, an account id, the id of an organisation, a
// canonical user id or a mail address. The account itself is none. It reports whether the record
// shows that the recipient is another party.
func party(principal string, e *event.Event, out *ingest.Sink) bool {
	id, scope := "", event.ScopeExternal
	switch {
	case strings.IndexByte(principal, '@') > 0 && ingest.IsEmail(principal):
		id = out.Lower(principal)
	case isOrganization(principal): // whose it is the record does not say
		id, scope = out.Join("aws:", principal), event.ScopeUnknown
	case isCanonical(principal):
		if principal != awsLogsDelivery {
			id = out.Join("aws:", principal)
		}
	default:
		if account := partyOf(principal); account != "" && account != e.Tenant {
			id = out.Join("aws:", account)
		}
		if e.Tenant == "" {
			scope = event.ScopeUnknown
		}
	}
	for i := range e.To {
		if e.To[i].Account == id {
			return scope == event.ScopeExternal
		}
	}
	out.To(id, scope)
	return id != "" && scope == event.ScopeExternal
}

// partyOf returns the account of a principal, or the organisation with its management account; ""
// for what is no party: a service, AWS itself, or the unique id that a deleted user or role leaves
// behind in a policy.
func partyOf(principal string) string {
	account := principal
	if arn := strings.SplitN(principal, ":", 6); len(arn) == 6 && arn[0] == "arn" {
		account = arn[4]
		if _, id, found := strings.Cut(arn[5], "/"); found && arn[2] == "organizations" {
			return account + "/" + id
		}
	}
	if !isAccount(account) || awsAccounts[account] {
		return ""
	}
	return account
}

// isAccount reports whether a text is the id of an account.
func isAccount(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return len(text) == 12
}

// isOrganization reports whether a text is the id of an organisation, of a unit in one, or a path of
// them as conditions have it.
func isOrganization(text string) bool {
	return strings.HasPrefix(text, "o-") && len(text) > 2 || strings.HasPrefix(text, "ou-") && len(text) > 3
}

// isCanonical reports whether a text is a canonical user id.
func isCanonical(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(text) == 64
}

// awsLogsDelivery is the canonical user that writes the logs of CloudFront into buckets.
const awsLogsDelivery = "c4c1ede66af53448b93c283ce9448c4ba468c9432aa01d700d3878632f77d2d0"

// awsAccounts are accounts of AWS itself that write logs into buckets: of load balancers, CloudTrail,
// Redshift and billing, by region.
var awsAccounts = set(`
	127311923021 033677994240 027434742980 797873946194 098369216593 754344448648 589379963580 718504428378 383597477331
	600734575887 114774131450 783225319266 582318560864 985666609251 054676820928 156460612806 652711504416 635631232127
	009996457667 897822967062 076674570225 507241528517 048591011584 190560391635 638102146993 037604701340
	525921808201 119688915426 216624486486 492519147666 765225791966 977081816279 582488909970 903692715234 284668455005
	069019280451 187074758985 819402241893 193415116832 681348832753 035351147821 453052556044 829690693026 669305197877
	757211635381 859597730677 282025262664 262312530599 683224464357 585772288577 034638983726 814480443879 086441151436
	475085895292 608710470296 388731089494 113285607260
	365689465814 313564881002 404641285394 760740231472 090321488786 865932855811 361669875840 762762565011 907379612154
	111890595117 660998842044 053454850223 729911121831 945612479654 210876761215 307160386991 915173422425 013126148197
	075028567923 193672423079 391106570357 665727464434 262260360010 902366379725
	386209384616`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}
