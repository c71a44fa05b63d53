package mail

import "testing"

// TestConsumer tells providers for everyone, in whatever country, from companies.
func TestConsumer(t *testing.T) {
	for domain, want := range map[string]bool{
		"gmail.com": true, "yahoo.es": true, "hotmail.co.jp": true, "outlook.com.br": true, "docomo.ne.jp": true,
		"live.example": false, "yahoo.corp.example": false, "acme.com": false, "gmail.acme.com": false, "": false,
	} {
		if got := Consumer(domain); got != want {
			t.Errorf("Consumer(%q) = %t", domain, got)
		}
	}
}
