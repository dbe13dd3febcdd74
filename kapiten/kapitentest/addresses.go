package kapitentest

import (
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var (
	emailUser = regexp.MustCompile(`^[-!#$%&'*+/=?^_{}|~0-9A-Za-z` + "`" + `]+(\.[-!#$%&'*+/=?^_{}|~0-9A-Za-z` + "`" + `]+)*$`)
	hostLabel = regexp.MustCompile(`^[\pL\pN]([\pL\pN-]{0,61}[\pL\pN])?$`)
	topLabel  = regexp.MustCompile(`^(xn--[a-zA-Z0-9]{1,59}|[\pL-]{2,63})$`)
)

const maxEmail = 320

// validEmail follows Django's validator in what ordinary addresses need.
func validEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 0 || len(s) > maxEmail {
		return false
	}
	domain := s[at+1:]
	return emailUser.MatchString(s[:at]) && (domain == "localhost" || validDomain(domain))
}

// validURL follows Django's validator: http, https or ftp, and a host that is
// localhost, an address, or a name with a dot in it.
func validURL(s string) bool {
	if len(s) > 2048 || strings.ContainsAny(s, " \t\r\n") {
		return false
	}
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https", "ftp", "ftps":
	default:
		return false
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n > 65535 {
			return false
		}
	}
	host := u.Hostname()
	return strings.EqualFold(host, "localhost") || net.ParseIP(host) != nil || validDomain(strings.TrimSuffix(host, "."))
}

// validDomain wants at least two labels and no digits in the last one.
func validDomain(s string) bool {
	labels := strings.Split(s, ".")
	last := len(labels) - 1
	if last < 1 || len(s) > 253 {
		return false
	}
	for _, l := range labels[:last] {
		if !hostLabel.MatchString(l) {
			return false
		}
	}
	return topLabel.MatchString(labels[last]) && !strings.HasPrefix(labels[last], "-") && !strings.HasSuffix(labels[last], "-")
}
