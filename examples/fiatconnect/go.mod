module github.com/kapiteni/kapiten-go/examples/fiatconnect

go 1.25.0

require (
	github.com/kapiteni/kapiten-go v0.0.0
	github.com/kapiteni/kapiten-go/internal/siwesigner v0.0.0
	github.com/shopspring/decimal v1.6.0
)

require (
	github.com/decred/dcrd/dcrec/secp256k1/v4 v4.4.1 // indirect
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	golang.org/x/crypto v0.50.0 // indirect
	golang.org/x/sys v0.43.0 // indirect
)

replace (
	github.com/kapiteni/kapiten-go => ../..
	github.com/kapiteni/kapiten-go/internal/siwesigner => ../../internal/siwesigner
)
