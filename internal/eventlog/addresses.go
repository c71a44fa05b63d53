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
