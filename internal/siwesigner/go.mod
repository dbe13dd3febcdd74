module github.com/kapiteni/kapiten-go/internal/siwesigner

go 1.25.0

require (
	github.com/decred/dcrd/dcrec/secp256k1/v4 v4.4.1
	github.com/kapiteni/kapiten-go v0.0.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/crypto v0.50.0
)

require (
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/shopspring/decimal v1.6.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.43.0 // indirect
)

replace github.com/kapiteni/kapiten-go => ../..
