package detect

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/outflow/outflow/internal/event"
)

// securityGroupOpen is a network rule that lets the whole internet, in IPv4 or
// IPv6, reach a port that should not be (C03): the range of ports is evaluated,
// and so is a protocol that stands for all of them.
var securityGroupOpen = &Detector{
	Name: "security_group_open", Title: "Network opened to the internet", Techniques: []string{"T1562.007"},
	Indicators: []Indicator{{
		Name: "ingress_open", Weight: .9, Impact: 2, Persists: "ingress_lasting", On: []event.Class{event.NetworkOpen}, Match: func(a *Enriched) bool { return a.Outcome == event.Success && exposedRule(a.Event) != "" },
		Describe: func(a *Enriched) string { return "opened " + quoted(a.Object.Name) + " to " + exposedRule(a.Event) },
	}, {
		Name: "ingress_lasting", Weight: 1.7, Impact: 2,
	}, {
		Name: "ingress_prefix_list", Weight: .6, Impact: 1, Persists: "ingress_prefix_list_lasting", On: []event.Class{event.NetworkOpen},
		Match: func(a *Enriched) bool {
			return a.Outcome == event.Success && exposedRule(a.Event) == "" && prefixListRule(a.Event) != ""
		},
		Describe: func(a *Enriched) string { return "opened " + quoted(a.Object.Name) + " to " + prefixListRule(a.Event) },
	}, {
		Name: "ingress_prefix_list_lasting", Weight: .8, Impact: 1,
	}},
}

// sensitivePorts are those of administration and of data stores.
var sensitivePorts = []struct {
	port int
	name string
}{{22, "SSH"}, {3389, "RDP"}, {23, "Telnet"}, {21, "FTP"}, {445, "SMB"}, {135, "RPC"}, {139, "NetBIOS"}, {5985, "WinRM"}, {5986, "WinRM"}, {5900, "VNC"}, {3306, "MySQL"}, {5432, "PostgreSQL"}, {1433, "SQL Server"}, {1521, "Oracle"},
	{27017, "MongoDB"}, {6379, "Redis"}, {9200, "Elasticsearch"}, {9300, "Elasticsearch"}, {11211, "Memcached"}, {5601, "Kibana"}, {2375, "Docker"}, {2376, "Docker"}, {6443, "Kubernetes"}, {10250, "Kubelet"}, {2379, "etcd"}, {8020, "HDFS"},
	{9042, "Cassandra"}, {5984, "CouchDB"}, {7001, "WebLogic"}, {9092, "Kafka"}, {2049, "NFS"}, {111, "RPC"}, {873, "rsync"}, {389, "LDAP"}}

// exposedRule describes the first ingress rule of an event that opens a
// sensitive port to everybody; "" if there is none.
func exposedRule(e *event.Event) string {
	return firstRule(e, func(source string) string {
		if !anybody(source) {
			return ""
		}
		return "the internet (" + source + ")"
	})
}

// prefixListRule describes the first ingress rule that opens a sensitive port to a
// prefix list: which addresses that holds is not in the log.
func prefixListRule(e *event.Event) string {
	return firstRule(e, func(source string) string {
		if !strings.HasPrefix(source, "pl-") {
			return ""
		}
		return "the prefix list " + quoted(source) + ", whose addresses the log does not tell,"
	})
}

func firstRule(e *event.Event, who func(source string) string) string {
	for i := range e.Attrs {
		if e.Attrs[i].Name == event.AttrRule {
			if s := reach(e.Attrs[i].Value, who); s != "" {
				return s
			}
		}
	}
	return ""
}

// exposes says whether a rule may let strangers in.
func exposes(rule string) bool {
	return reach(rule, func(source string) string {
		if anybody(source) || strings.HasPrefix(source, "pl-") {
			return source
		}
		return ""
	}) != ""
}

// reach says who may reach what by a rule, if that is somebody of interest and a
// sensitive port.
func reach(rule string, who func(source string) string) string {
	spec, source, ok := strings.Cut(rule, " ")
	if source = who(source); !ok || source == "" {
		return ""
	}
	protocol, ports, _ := strings.Cut(spec, "/")
	if protocol == "icmp" || protocol == "icmpv6" || protocol == "1" || protocol == "58" {
		return ""
	}
	from, to, _ := strings.Cut(ports, "-")
	lo, err1 := strconv.Atoi(from)
	hi, err2 := strconv.Atoi(to)
	if err1 != nil || err2 != nil {
		lo, hi = 0, 65535
	}
	for _, p := range sensitivePorts {
		if lo <= p.port && p.port <= hi {
			switch {
			case protocol == "all":
				return source + " on every port and protocol"
			case lo == hi:
				return source + " on port " + from + " (" + p.name + ")"
			}
			return source + " on ports " + from + " to " + to + " (" + p.name + " among them)"
		}
	}
	return ""
}

// anybody says whether a source of traffic is the internet, or so large a part
// of it that it makes no difference.
func anybody(source string) bool {
	p, err := netip.ParsePrefix(source)
	if err != nil {
		return false
	}
	if p.Addr().Is4() {
		return p.Bits() <= 4
	}
	return p.Bits() <= 8
}
