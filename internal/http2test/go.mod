module github.com/kapiteni/kapiten-go/internal/http2test

go 1.25.0

require github.com/kapiteni/kapiten-go v0.0.0

replace github.com/kapiteni/kapiten-go => ../..
