package mail

import (
	"strings"
	"testing"
)

// TestConsumer tells providers for everyone, in whatever country, from companies.
func TestConsumer(t *testing.T) {
	for domain, want := range map[string]bool{
		"gmail.com": true, "yahoo.es": true, "hotmail.co.jp": true, "outlook.com.br": true, "docomo.ne.jp": true,
		"10minutemail.co.za": true, "gmx.info": true, "tuta.io": true,
		"live.example": false, "yahoo.corp.example": false, "acme.com": false, "gmail.acme.com": false, "": false,
	} {
		if got := Consumer(domain); got != want {
			t.Errorf("Consumer(%q) = %t", domain, got)
		}
	}
}

// TestPersonal changes the list, and checks what is no change.
func TestPersonal(t *testing.T) {
	t.Cleanup((&Personal{}).Use)
	p := Personal{Add: []string{"Mail.Example"}, Remove: []string{"alibaba.com", "hotmail.co.jp"}}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	p.Use()
	for domain, want := range map[string]bool{"mail.example": true, "alibaba.com": false, "hotmail.co.jp": false, "gmail.com": true} {
		if got := Consumer(domain); got != want {
			t.Errorf("Consumer(%q) = %t", domain, got)
		}
	}
	(&Personal{}).Use()
	if Consumer("mail.example") || !Consumer("alibaba.com") {
		t.Error("the changes stay")
	}
	for want, p := range map[string]Personal{
		"kim@mail.example": {Add: []string{"kim@mail.example"}},
		"localhost":        {Remove: []string{"localhost"}},
		"is added and":     {Add: []string{"a.example"}, Remove: []string{"A.example"}},
	} {
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", p, err)
		}
	}
}

// TestList checks that the list is one of domains in lower case, of the size that it had when it was taken.
func TestList(t *testing.T) {
	n := 0
	for d := range strings.FieldsSeq(list) {
		n++
		if d != strings.ToLower(d) || !strings.Contains(d, ".") {
			t.Errorf("%q", d)
		}
	}
	if n < 4000 {
		t.Errorf("%d domains", n)
	}
}
