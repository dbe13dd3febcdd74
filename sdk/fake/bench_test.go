package fake_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/kapiteni/kapiten-go/sdk/fake"
)

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s := joinShop(fake.NewWorld(fake.Options{}), "shop")
		s.Close()
	}
}

func BenchmarkRequestOverPipes(b *testing.B) {
	s := joinShop(fake.NewWorld(fake.Options{}), "shop", withHandler(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"ok":true}`))
	}))
	defer s.Close()
	c := s.HTTPClient()
	for b.Loop() {
		res, err := c.Post(s.URL()+"/orders", "application/json", strings.NewReader(`{"a":1}`))
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
}
