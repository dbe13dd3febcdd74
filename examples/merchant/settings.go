package main

import (
	"encoding/json"
	"os"
)

// settingsVariable holds the backend's settings, as JSON. A real one would read
// its secrets from where it keeps them.
const settingsVariable = "MERCHANT_SETTINGS"

type settings struct {
	Address    string // where the backend listens
	Database   string // a file
	HookSecret string // last segment of the webhook URL registered at Kapiten
	KapitenURL string
	Token      string
	CompanyID  string
}

func readSettings() (s settings, err error) {
	err = json.Unmarshal([]byte(os.Getenv(settingsVariable)), &s)
	return s, err
}

func (s settings) environment() (string, error) {
	text, err := json.Marshal(s)
	return settingsVariable + "=" + string(text), err
}
