package detect

// Standing is what the organisation knows of a party that receives something, from the nearest to
// the strangest.
type Standing uint8

// The standings. A party is known to the organisation from the first thing that somebody shares
// with it.
const (
	NoParty    Standing = iota // nobody is named, or nothing can be said yet
	Own                        // the organisation's own
	Vendor                     // dealt with for weeks
	Introduced                 // dealt with lately, by colleagues before the person who acts
	Contact                    // dealt with for weeks by the person who acts, and by nobody else
	Stranger                   // new here, or known lately to the person who acts alone
	Mailbox                    // an address at a provider for consumers, which nobody else here has dealt with
	Self                       // the private address of the person who acts
)

// Party is the strangest of the parties that an act gives something to.
type Party struct {
	Account  string // an address, a domain, an account in the cloud, a bucket; "" if NoParty
	Standing Standing
	Days     int // since somebody here dealt with it first; 0 on that day
	People   int // others here who have dealt with it
}

// Strange says whether nobody else here vouches for the party.
func (p *Party) Strange() bool { return p.Standing >= Stranger }

// Words says in a clause what is known of a party that nobody vouches for; "" of others.
func (p *Party) Words() string {
	switch {
	case p.Standing == Stranger && p.Days == 0:
		return ", new to this organisation"
	case p.Standing == Stranger:
		return ", with which nobody else here has shared anything"
	case p.Standing == Mailbox:
		return ", a private mailbox"
	case p.Standing == Self:
		return ", their own private address"
	}
	return ""
}
