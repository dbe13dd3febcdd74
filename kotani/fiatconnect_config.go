package kotani

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Chain ids of a login.
const (
	CeloMainnet   = 42220 // production (FiatConnect specification)
	CeloAlfajores = 44787 // sandbox (the reference JavaScript client)
)

// FiatConnectConfig configures Client.FiatConnect.
type FiatConnectConfig struct {
	// Signer logs in with a wallet. Without one only the operations without a
	// session can be called: quotes, the clock and api-credentials. For further
	// wallets see FiatConnect.As.
	Signer Signer

	// BaseURL is where the section is mounted. Default: Config.BaseURL +
	// "/fiatconnect" (assumed). With a BaseURL the paths of the section, those in
	// Config.Routes as well, stand right behind it.
	BaseURL string
	// APIKey is sent as "Authorization: Bearer ..." with every call, beside the
	// session. Optional in FiatConnect; see FiatConnect.CreateCredentials.
	APIKey string

	// Domain is the authority a login is made for. Default: the host of BaseURL
	// with its port, as the specification has it; the reference JavaScript
	// client leaves the port out.
	Domain string
	// ChainID of a login. Default: CeloMainnet.
	ChainID int64
	// Statement is a line of text in the login message. Default: none.
	Statement string
	// SessionLifetime is how long a session is asked for. Default and maximum:
	// 4 h (specification).
	SessionLifetime time.Duration
}

const maxSession = 4 * time.Hour

// Format keeps the key out of anything printed.
func (FiatConnectConfig) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "kotani.FiatConnectConfig{...}")
}

// LogValue keeps the key out of logs.
func (FiatConnectConfig) LogValue() slog.Value {
	return slog.StringValue("kotani.FiatConnectConfig{...}")
}

// check reports every fault by field name.
func (cfg FiatConnectConfig) check() error {
	var faults []error
	fault := func(text string) { faults = append(faults, errors.New("kotani: FiatConnect."+text)) }
	if cfg.APIKey != "" && !isToken(cfg.APIKey) {
		fault("APIKey holds a space, a control or a non-ASCII character")
	}
	if cfg.Domain != "" && !isAuthority(cfg.Domain) {
		fault("Domain must be a host, with or without a port")
	}
	if cfg.ChainID < 0 {
		fault("ChainID must not be negative")
	}
	if cfg.Statement != "" && !isLine(cfg.Statement) {
		fault("Statement must be one line of printable ASCII")
	}
	if cfg.SessionLifetime < 0 || cfg.SessionLifetime > maxSession {
		fault("SessionLifetime must be between 0 and 4 h")
	}
	if cfg.Signer != nil && !isHex(cfg.Signer.Address(), 40) {
		fault("Signer: Address must be 0x and 40 hex digits")
	}
	return errors.Join(faults...)
}

func (cfg FiatConnectConfig) withDefaults() FiatConnectConfig {
	if cfg.ChainID == 0 {
		cfg.ChainID = CeloMainnet
	}
	if cfg.SessionLifetime == 0 {
		cfg.SessionLifetime = maxSession
	}
	return cfg
}
