package geoip

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// database writes a database with one network.
func database(t *testing.T, name, network string, rec mmdbtype.Map) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: name, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	_, ipnet, err := net.ParseCIDR(network)
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Insert(ipnet, rec); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name+".mmdb")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLook reads the forms of GeoLite2 and of IPinfo.
func TestLook(t *testing.T) {
	country := database(t, "GeoLite2-Country", "203.0.113.0/24", mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String("BR")}})
	asn := database(t, "GeoLite2-ASN", "203.0.113.0/25", mmdbtype.Map{
		"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": mmdbtype.String("Example Telecom"),
	})
	info := database(t, "ipinfo", "2001:db8::/32", mmdbtype.Map{"country_code": mmdbtype.String("DE"), "as_name": mmdbtype.String("Beispielnetz")})
	d, err := Open([]string{country, asn, info})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]Place{
		"203.0.113.7":   {"BR", "Example Telecom"},
		"203.0.113.200": {"BR", ""},
		"2001:db8::1":   {"DE", "Beispielnetz"},
		"198.51.100.1":  {},
		"":              {},
		"not an ip":     {},
	} {
		for range 2 { // the second time from memory
			if got := d.Look(address); got != want {
				t.Errorf("%q: %+v, want %+v", address, got, want)
			}
		}
	}
	if got := (*Database)(nil).Look("203.0.113.7"); got != (Place{}) {
		t.Errorf("no database: %+v", got)
	}
	broken := filepath.Join(t.TempDir(), "broken.mmdb")
	if err := os.WriteFile(broken, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open([]string{broken}); err == nil || !strings.Contains(err.Error(), broken) {
		t.Errorf("a broken file: %v", err)
	}
}
