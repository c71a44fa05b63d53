// Package mail knows about e-mail addresses, and which domains offer them to everyone.
package mail

import "strings"

// Consumer reports whether a domain, in lower case, offers mailboxes to everyone.
func Consumer(domain string) bool {
	if consumer[domain] {
		return true
	}
	name, country, _ := strings.Cut(domain, ".")
	return worldwide[name] && (len(country) == 2 || strings.HasPrefix(country, "co.") || strings.HasPrefix(country, "com."))
}

// worldwide are the providers that have a domain in many countries.
var worldwide = map[string]bool{
	"yahoo": true, "hotmail": true, "live": true, "outlook": true, "gmx": true, "yandex": true, "windowslive": true,
}

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
		duck.com mailfence.com startmail.com skiff.com
		docomo.ne.jp ezweb.ne.jp au.com softbank.ne.jp i.softbank.jp biglobe.ne.jp nifty.com ocn.ne.jp so-net.ne.jp plala.or.jp
		yahoo.ne.jp excite.co.jp goo.jp nate.com kakao.com korea.com hinet.net pchome.com.tw 139.com 189.cn sohu.com sina.cn
		yeah.net aliyun.com tom.com 21cn.com vip.163.com rediff.com indiatimes.com
		terra.es telefonica.net ono.com ya.com sapo.pt netcabo.pt iol.pt ig.com.br globo.com globomail.com r7.com terra.com
		prodigy.net.mx fibertel.com.ar tin.it inwind.it email.it fastwebnet.it neuf.fr bbox.fr numericable.fr
		club-internet.fr aliceadsl.fr cegetel.net arcor.de vodafone.de kabelmail.de unitybox.de online.de onlinehome.de
		bluewin.ch hispeed.ch aon.at chello.at telenet.be skynet.be proximus.be ziggo.nl kpnmail.nl planet.nl hetnet.nl
		xs4all.nl home.nl chello.nl casema.nl upcmail.nl mail.dk stofanet.dk get2net.dk telia.com comhem.se bredband.net
		spray.se online.no broadpark.no luukku.com kolumbus.fi elisanet.fi gazeta.pl poczta.fm poczta.onet.pl op.pl tlen.pl
		vp.pl interia.eu centrum.cz email.cz post.cz atlas.cz volny.cz azet.sk zoznam.sk centrum.sk freemail.hu citromail.hu
		indamail.hu t-online.hu otenet.gr mynet.com rambler.ru ya.ru internet.ru i.ua meta.ua bigmir.net mail.ee inbox.lv
		inbox.lt walla.com walla.co.il ntlworld.com blueyonder.co.uk tiscali.co.uk o2.co.uk sympatico.ca bell.net telus.net
		videotron.ca iinet.net.au tpg.com.au westnet.com.au xtra.co.nz mweb.co.za webmail.co.za telkomsa.net windstream.net
		frontier.com optonline.net juno.com netzero.net tutamail.com keemail.me riseup.net disroot.org runbox.com
		mailinator.com guerrillamail.com yopmail.com passmail.net`) {
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
