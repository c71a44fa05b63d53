package detect

import (
	"net/netip"
	"strconv"
	"strings"
)

// sensitivePorts are those of administration and of data stores.
var sensitivePorts = []struct {
	port int
	name string
}{
	{22, "SSH"}, {3389, "RDP"}, {23, "Telnet"}, {21, "FTP"}, {445, "SMB"}, {135, "RPC"}, {139, "NetBIOS"},
	{5985, "WinRM"}, {5986, "WinRM"}, {5900, "VNC"}, {3306, "MySQL"}, {5432, "PostgreSQL"}, {1433, "SQL Server"},
	{1521, "Oracle"}, {27017, "MongoDB"}, {6379, "Redis"}, {9200, "Elasticsearch"}, {9300, "Elasticsearch"},
	{11211, "Memcached"}, {5601, "Kibana"}, {2375, "Docker"}, {2376, "Docker"}, {6443, "Kubernetes"},
	{10250, "Kubelet"}, {2379, "etcd"}, {8020, "HDFS"}, {9042, "Cassandra"}, {5984, "CouchDB"}, {7001, "WebLogic"},
	{9092, "Kafka"}, {2049, "NFS"}, {111, "RPC"}, {873, "rsync"}, {389, "LDAP"},
}

// Exposes says whether a rule may let strangers reach a sensitive port. A prefix list may hold
// any addresses.
func Exposes(rule string) bool {
	return Reach(rule, func(source string) string {
		if IsInternet(source) || strings.HasPrefix(source, "pl-") {
			return source
		}
		return ""
	}) != ""
}

// Reach says in words who may reach which port by a rule, such as "tcp/22-22 0.0.0.0/0"; "" if
// it is no sensitive port. Who puts a source of traffic into words; "" if it is of no interest.
func Reach(rule string, who func(source string) string) string {
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

// IsInternet says whether a source of traffic is the internet, or so large a part
// of it that it makes no difference.
func IsInternet(source string) bool {
	p, err := netip.ParsePrefix(source)
	if err != nil {
		return false
	}
	if p.Addr().Is4() {
		return p.Bits() <= 4
	}
	return p.Bits() <= 8
}
