package eventlog

import "fmt"

// Addresses is a list of host:port. Within brackets the YAML library takes an
// unquoted one for a mapping.
type Addresses []string

// UnmarshalYAML implements yaml.InterfaceUnmarshaler of goccy/go-yaml.
func (a *Addresses) UnmarshalYAML(decode func(any) error) error {
	var list []any
	if err := decode(&list); err != nil {
		return err
	}
	*a = nil
	for _, x := range list {
		switch x := x.(type) {
		case string:
			*a = append(*a, x)
		case map[string]any:
			for host, port := range x {
				*a = append(*a, fmt.Sprintf("%s:%v", host, port))
			}
		default:
			return fmt.Errorf("%v is not a host:port", x)
		}
	}
	return nil
}

// CheckMechanism returns an error for a mechanism of authentication that Dialer does not know; "" is none.
func CheckMechanism(mechanism string) error {
	switch mechanism {
	case "", "plain", "scram-sha-256", "scram-sha-512":
		return nil
	}
	return fmt.Errorf("%q: plain, scram-sha-256, scram-sha-512", mechanism)
}
