// Package mail knows about e-mail addresses, and which domains offer them to everyone.
package mail

import "strings"

// Consumer reports whether a domain, in lower case, offers mailboxes to everyone.
func Consumer(domain string) bool { return consumer[domain] }

var consumer = func() map[string]bool {
	m := map[string]bool{}
	for _, d := range strings.Fields(`
		gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com rocketmail.com
		icloud.com me.com mac.com aol.com proton.me protonmail.com pm.me gmx.com gmx.net gmx.de gmx.at gmx.ch web.de
		t-online.de freenet.de mail.com email.com zoho.com zohomail.com yandex.com yandex.ru mail.ru inbox.ru list.ru
		bk.ru qq.com 163.com 126.com sina.com foxmail.com naver.com daum.net hanmail.net rediffmail.com fastmail.com
		fastmail.fm hey.com tutanota.com tuta.io posteo.de mailbox.org hushmail.com orange.fr wanadoo.fr free.fr
		laposte.net sfr.fr libero.it virgilio.it tiscali.it alice.it hotmail.co.uk hotmail.fr hotmail.de hotmail.it
		live.co.uk live.fr yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.es yahoo.co.in yahoo.co.jp yahoo.com.br
		outlook.de outlook.fr outlook.es bol.com.br uol.com.br terra.com.br btinternet.com sky.com virginmedia.com
		talktalk.net comcast.net verizon.net att.net sbcglobal.net cox.net charter.net bellsouth.net earthlink.net
		shaw.ca rogers.com bigpond.com optusnet.com.au seznam.cz wp.pl o2.pl onet.pl interia.pl abv.bg ukr.net
		duck.com mailfence.com startmail.com skiff.com`) {
		m[d] = true
	}
	return m
}()

// Domain returns the part of an address after the last @, or "".
func Domain(address string) string {
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		return address[i+1:]
	}
	return ""
}
